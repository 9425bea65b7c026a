//! One run again, as a schedule says, and whether it was the same.

use crate::operation::ActorId;
use crate::point::{Blocked, Point};
use crate::schedule::{Schedule, Switch, Visits};
use crate::strategy::{Because, Coverage, Next, Outcome, Strategy, Turn};

/// Where a run left its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The actor to switch to could not run there.
    CannotRun {
        /// Which of the switches.
        switch: usize,
        /// Who should have run.
        actor: ActorId,
    },
    /// The run ended and these switches never came.
    NotReached {
        /// The first of them.
        switch: usize,
    },
}

/// Follows a schedule.
#[derive(Debug)]
pub struct Replay {
    schedule: Schedule,
    next: usize,
    visits: Visits,
    divergence: Option<Divergence>,
}

impl Replay {
    /// One run.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, next: 0, visits: Visits::default(), divergence: None }
    }

    /// Where the last run left the schedule, after `end_run`.
    #[must_use]
    pub fn divergence(&self) -> Option<Divergence> {
        self.divergence
    }
}

impl Strategy for Replay {
    fn begin_run(&mut self) {
        self.next = 0;
        self.visits.clear();
        self.divergence = None;
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        let (key, visit) = self.visits.arrive(point.current, point.key);
        let undisturbed = Turn::Run(point.undisturbed());
        let left = &self.schedule.switches[self.next..];
        let is_here = |it: &Switch| (it.from, it.key, it.visit) == (point.current, key, visit);
        let Some(skipped) = left.iter().position(is_here) else { return undisturbed };
        if skipped > 0 {
            // In other code, or with a switch less, some places never come: the rest still counts.
            self.divergence.get_or_insert(Divergence::NotReached { switch: self.next });
        }
        let switch = self.next + skipped;
        let to = self.schedule.switches[switch].to;
        self.next = switch + 1;
        if point.operation(to).is_none() {
            self.divergence.get_or_insert(Divergence::CannotRun { switch, actor: to });
            return undisturbed;
        }
        Turn::Run(to)
    }

    fn end_run(&mut self, _outcome: Outcome, _waiting: &[Blocked]) -> Next {
        if self.next < self.schedule.switches.len() {
            self.divergence.get_or_insert(Divergence::NotReached { switch: self.next });
        }
        Next::Exhausted
    }

    fn coverage(&self) -> Coverage {
        match self.divergence {
            Some(_) => Coverage::Some(Because::NotDeterministic),
            None => Coverage::Sample { runs: 1, promise: None },
        }
    }
}
