//! Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, 2010): random priorities, and few moments
//! at which whoever leads falls behind.

use crate::operation::ActorId;
use crate::point::{Blocked, Point, Reason};
use crate::random::{EARLY, Generator};
use crate::strategy::{Coverage, Next, Outcome, Strategy, Turn};

/// In each run a bug of depth `d` is hit with probability of at least `1 / (n · k^(d-1))`, for `n` actors and `k` points.
#[derive(Debug)]
pub struct Pct {
    seed: u64,
    budget: u64,
    depth: u32,
    runs: u64,
    chance: Generator,
    /// By actor; higher runs first. Numbers below `depth` are those of leaders that fell behind.
    priorities: Vec<u64>,
    /// The points at which the leader falls behind, with what it falls to.
    changes: Vec<(u64, u64)>,
    /// Below every priority given so far, for those who give way.
    floor: u64,
    step: u64,
    longest: u64,
    most_actors: u64,
    /// The chance that every run so far has missed a given bug.
    missed: f64,
    /// What `longest` was when this run began: the bound holds for runs up to that length.
    expected: u64,
    eager_timers: bool,
}

const FIRST_GUESS: u64 = 32;
const BEHIND: u64 = 1 << 32;

impl Pct {
    /// A number of runs from a seed, for bugs of a depth; two ordering constraints make a depth of two.
    #[must_use]
    pub fn new(seed: u64, depth: u32, budget: u64) -> Self {
        Self {
            seed,
            budget,
            depth: depth.max(1),
            runs: 0,
            chance: Generator::of_run(seed, 0),
            priorities: Vec::new(),
            changes: Vec::new(),
            floor: BEHIND,
            step: 0,
            longest: 0,
            most_actors: 1,
            missed: 1.0,
            expected: FIRST_GUESS,
            eager_timers: false,
        }
    }

    fn priority(&mut self, actor: ActorId) -> u64 {
        let index = usize::from(actor.0);
        while self.priorities.len() <= index {
            self.priorities.push((self.chance.number() >> 1) | (BEHIND << 1));
        }
        self.priorities[index]
    }

    fn leader(&mut self, point: &Point<'_>) -> ActorId {
        let mut best: Option<(u64, ActorId)> = None;
        for choice in point.runnable {
            let priority = self.priority(choice.actor);
            if best.is_none_or(|(highest, _)| priority > highest) {
                best = Some((priority, choice.actor));
            }
        }
        if self.eager_timers || best.is_none() {
            for timer in point.ready() {
                let priority = self.priority(timer.actor);
                if best.is_none_or(|(highest, _)| priority > highest) {
                    best = Some((priority, timer.actor));
                }
            }
        }
        best.expect("a point has somebody to choose").1
    }
}

impl Strategy for Pct {
    fn begin_run(&mut self) {
        self.chance = Generator::of_run(self.seed, self.runs);
        self.priorities.clear();
        self.step = 0;
        self.floor = BEHIND;
        self.expected = if self.longest == 0 { FIRST_GUESS } else { self.longest };
        self.eager_timers = self.chance.below(EARLY) == 0;
        self.changes.clear();
        for rank in 1..u64::from(self.depth) {
            let at = self.chance.below(self.expected as usize) as u64;
            self.changes.push((at, u64::from(self.depth) - rank));
        }
        self.changes.sort_unstable();
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        if let (Reason::Yielded, Some(current)) = (point.reason, point.current) {
            // Whoever spins waits for somebody else, who must get a turn.
            self.priority(current);
            self.floor -= 1;
            self.priorities[usize::from(current.0)] = self.floor;
        }
        let mut chosen = self.leader(point);
        for index in 0..self.changes.len() {
            let (at, rank) = self.changes[index];
            if at == self.step {
                self.priorities[usize::from(chosen.0)] = rank;
                chosen = self.leader(point);
            }
        }
        self.step += 1;
        Turn::Run(chosen)
    }

    fn end_run(&mut self, _outcome: Outcome, _waiting: &[Blocked]) -> Next {
        self.runs += 1;
        self.longest = self.longest.max(self.step);
        self.most_actors = self.most_actors.max(self.priorities.len() as u64);
        if self.step <= self.expected {
            let ways = self.most_actors as f64 * (self.expected as f64).powi(self.depth as i32 - 1);
            self.missed *= 1.0 - 1.0 / ways;
        }
        if self.runs >= self.budget { Next::Budget } else { Next::Again }
    }

    fn coverage(&self) -> Coverage {
        Coverage::Sample { runs: self.runs, promise: Some((self.depth, 1.0 - self.missed)) }
    }
}
