//! The one question a strategy is asked, and what it can say afterwards.

use crate::operation::{ActorId, Operation};
use crate::point::{Blocked, Point};

/// How a strategy answers at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This actor goes on.
    Run(ActorId),
    /// The run shows nothing new from here: end it as [`Outcome::Abandoned`].
    Abandon,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every actor that counts ended and nothing broke.
    Passed,
    /// Something broke.
    Failed,
    /// Nobody can go on and somebody should.
    Deadlock,
    /// It was stopped for taking too long.
    Cut,
    /// The strategy said so.
    Abandoned,
}

/// What a strategy wants after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another run.
    Again,
    /// There is nothing left to try; `coverage` says of what.
    Exhausted,
    /// It has had its number of runs.
    Budget,
}

/// What all runs together have covered. Nothing here claims more than was run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coverage {
    /// All schedules, up to the exchange of independent acts.
    All,
    /// All schedules with at most so many preemptions; of `Orders`, with at most so many departures from an undisturbed run.
    UpTo {
        /// The bound that is done.
        preemptions: u32,
    },
    /// A sample. A bug of the depth is hit at least once with this probability, if the strategy promises one.
    Sample {
        /// Runs so far.
        runs: u64,
        /// The depth and the probability.
        promise: Option<(u32, f64)>,
    },
    /// Some schedules only: the search is not done, a run was cut, or the program did not do the same twice.
    Some(Because),
}

/// Why a search is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// There are schedules left.
    Unfinished,
    /// A run was stopped for its length.
    Cut,
    /// The same choices led to another point.
    NotDeterministic,
    /// A run ended while somebody could go on; `Strategy::left_over` says when that is no matter.
    LeftOver,
    /// More actors than the search can tell apart.
    TooManyActors,
}

/// Decides who runs next, run after run.
///
/// For each run: `begin_run`, then `choose` at every switch point, with `observe` for each act that the chosen actor turns out to
/// do before the next point beyond the operation it announced, then `end_run`.
pub trait Strategy {
    /// A run begins.
    fn begin_run(&mut self);

    /// Who goes on.
    fn choose(&mut self, point: &Point<'_>) -> Turn;

    /// The actor chosen last also did this.
    fn observe(&mut self, _operation: Operation) {}

    /// The run is about to end, and this actor could have gone on: a daemon. Where there are some, the end of every actor that is
    /// waited for is an `Operation::Opaque` of its own; else nothing is
    /// proved, and neither is it where steps are more than one act.
    fn left_over(&mut self, _actor: ActorId) {}

    /// A run has ended. `waiting` are the actors that were still blocked, with what they wait for.
    fn end_run(&mut self, outcome: Outcome, waiting: &[Blocked]) -> Next;

    /// What the runs so far have covered.
    fn coverage(&self) -> Coverage;
}
