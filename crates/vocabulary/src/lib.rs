//! The nouns and verbs that every leg of raddle speaks.
//!
//! Nothing here knows Python syntax, a file system or a language to print in. The static leg infers acts,
//! the explorer orders them, the watcher observes them; all three report [`Finding`]s.

mod act;
mod actor;
mod cause;
mod finding;
mod message;
mod proof;
mod remedy;
mod site;

pub use act::Act;
pub use actor::Actor;
pub use cause::{Cause, Cost};
pub use finding::{Confidence, Finding, Level, RuleId, Step};
pub use message::{Args, Message};
pub use proof::Proof;
pub use remedy::{Edit, Remedy};
pub use site::{Site, Span};
