//! Who runs next: the scheduler's brain of the explorer, with no Python inside.
//!
//! Someone else runs threads and tasks and stops each of them right before its next shared act. Here is decided which of them
//! goes on ([`Strategy`]), what a run was ([`Schedule`]), what it proves ([`Coverage`]) and who waits for whom ([`wait_cycle`]).

mod clocks;
mod exhaustive;
mod history;
mod operation;
mod orders;
mod pct;
mod point;
mod pos;
mod random;
mod replay;
mod schedule;
mod shrink;
mod strategy;
mod waits;

pub use clocks::{Access, Clocks, Race};
pub use exhaustive::{Exhaustive, Identities};
pub use history::{Call, Verdict, linearization};
pub use operation::{ActorId, ObjectId, Operation};
pub use orders::Orders;
pub use pct::Pct;
pub use point::{Blocked, Choice, Point, Reason, Timer};
pub use pos::Pos;
pub use random::{Generator, Random};
pub use replay::{Divergence, Replay};
pub use schedule::{BadToken, Recorder, Schedule, Switch};
pub use shrink::{Trial, shrink};
pub use strategy::{Because, Coverage, Next, Outcome, Strategy, Turn};
pub use waits::{Link, wait_cycle};
