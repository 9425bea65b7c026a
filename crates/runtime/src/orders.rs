//! Every order, one after the other: for steps of which nothing is known but that they are steps, such as those of tasks.
//!
//! What an undisturbed run would do comes first, then what departs from it once, then twice (delay bounding: Emmi, Qadeer and
//! Rakamarić, 2011). No order is left out, so an end is a proof without any assumption on what the steps touch.

use crate::operation::ActorId;
use crate::point::{Blocked, Point};
use crate::strategy::{Because, Coverage, Next, Outcome, Strategy, Turn};

/// A choice with more than one answer.
#[derive(Debug)]
struct Fork {
    /// The undisturbed one first.
    answers: Vec<ActorId>,
    taken: usize,
    /// Departures before this one.
    spent: u32,
}

/// Tries every order, those with few departures from an undisturbed run first.
#[derive(Debug, Default)]
pub struct Orders {
    forks: Vec<Fork>,
    depth: usize,
    spent: u32,
    /// Departures that a run may have at present.
    bound: u32,
    /// Somewhere the bound left an answer out.
    is_bounded: bool,
    /// All runs up to so many departures are done.
    done: Option<u32>,
    is_exhausted: bool,
    trouble: Option<Because>,
    budget: u64,
    runs: u64,
}

impl Orders {
    /// At most so many runs.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        Self { bound: 1, budget, ..Self::default() }
    }

    /// The next order within the bound; false when there is none left.
    fn advance(&mut self) -> bool {
        while let Some(fork) = self.forks.last_mut() {
            let may_depart = fork.spent < self.bound;
            if fork.taken + 1 < fork.answers.len() && may_depart {
                fork.taken += 1;
                return true;
            }
            self.forks.pop();
        }
        false
    }
}

impl Strategy for Orders {
    fn begin_run(&mut self) {
        self.depth = 0;
        self.spent = 0;
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        let first = point.undisturbed();
        let others = point.runnable.iter().map(|it| it.actor).chain(point.ready().map(|it| it.actor));
        let mut answers = vec![first];
        answers.extend(others.filter(|it| *it != first));
        if answers.len() == 1 {
            return Turn::Run(first);
        }
        if self.depth == self.forks.len() {
            self.is_bounded |= self.spent >= self.bound;
            self.forks.push(Fork { answers, taken: 0, spent: self.spent });
        } else if self.forks[self.depth].answers != answers {
            self.trouble = Some(Because::NotDeterministic);
            self.forks.truncate(self.depth);
            self.forks.push(Fork { answers, taken: 0, spent: self.spent });
        }
        let fork = &self.forks[self.depth];
        self.depth += 1;
        self.spent += u32::from(fork.taken > 0);
        Turn::Run(fork.answers[fork.taken])
    }

    fn end_run(&mut self, outcome: Outcome, _waiting: &[Blocked]) -> Next {
        self.runs += 1;
        if self.depth < self.forks.len() {
            self.trouble = Some(Because::NotDeterministic);
            self.forks.truncate(self.depth);
        }
        if self.trouble == Some(Because::NotDeterministic) {
            return Next::Exhausted;
        }
        if outcome == Outcome::Cut {
            self.trouble.get_or_insert(Because::Cut);
        }
        if !self.advance() {
            self.done = Some(self.bound);
            if !self.is_bounded || self.trouble.is_some() {
                self.is_exhausted = true;
                return Next::Exhausted;
            }
            self.bound += 1;
            self.is_bounded = false;
        }
        if self.runs >= self.budget { Next::Budget } else { Next::Again }
    }

    fn coverage(&self) -> Coverage {
        match (self.trouble, self.done) {
            (Some(because), _) => Coverage::Some(because),
            (None, _) if self.is_exhausted => Coverage::All,
            (None, Some(departures)) => Coverage::UpTo { preemptions: departures },
            (None, None) => Coverage::Some(Because::Unfinished),
        }
    }
}
