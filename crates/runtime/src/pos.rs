//! Partial order sampling (Yuan, Yang and Gu, 2018): every pending act has a random priority, and those that raced with what
//! just ran draw anew.

use crate::operation::Operation;
use crate::point::{Blocked, Point};
use crate::random::{EARLY, Generator};
use crate::strategy::{Coverage, Next, Outcome, Strategy, Turn};

/// Samples partial orders more evenly than choosing anybody at every point.
#[derive(Debug)]
pub struct Pos {
    seed: u64,
    budget: u64,
    runs: u64,
    chance: Generator,
    /// By actor; zero where none is drawn.
    priorities: Vec<u64>,
    eager_timers: bool,
}

impl Pos {
    /// A number of runs from a seed.
    #[must_use]
    pub fn new(seed: u64, budget: u64) -> Self {
        let chance = Generator::of_run(seed, 0);
        Self { seed, budget, runs: 0, chance, priorities: Vec::new(), eager_timers: false }
    }

    fn priority(&mut self, index: usize) -> u64 {
        if self.priorities.len() <= index {
            self.priorities.resize(index + 1, 0);
        }
        if self.priorities[index] == 0 {
            self.priorities[index] = self.chance.number() | 1;
        }
        self.priorities[index]
    }
}

impl Strategy for Pos {
    fn begin_run(&mut self) {
        self.chance = Generator::of_run(self.seed, self.runs);
        self.priorities.clear();
        self.eager_timers = self.chance.below(EARLY) == 0;
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        let mut best = None;
        for choice in point.runnable {
            let priority = self.priority(usize::from(choice.actor.0));
            if best.is_none_or(|(highest, _)| priority > highest) {
                best = Some((priority, *choice));
            }
        }
        if self.eager_timers || best.is_none() {
            for timer in point.ready() {
                let priority = self.priority(usize::from(timer.actor.0));
                if best.is_none_or(|(highest, _)| priority > highest) {
                    let operation = Operation::Timeout(timer.object);
                    best = Some((priority, crate::Choice { actor: timer.actor, operation }));
                }
            }
        }
        let (_, chosen) = best.expect("a point has somebody to choose");
        self.priorities[usize::from(chosen.actor.0)] = 0;
        for other in point.runnable {
            if other.operation.conflicts(chosen.operation) {
                self.priorities[usize::from(other.actor.0)] = 0;
            }
        }
        Turn::Run(chosen.actor)
    }

    fn end_run(&mut self, _outcome: Outcome, _waiting: &[Blocked]) -> Next {
        self.runs += 1;
        if self.runs >= self.budget { Next::Budget } else { Next::Again }
    }

    fn coverage(&self) -> Coverage {
        Coverage::Sample { runs: self.runs, promise: None }
    }
}
