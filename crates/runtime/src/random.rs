//! A uniform choice at every point, and the small generator of chance that all sampling strategies share.

use crate::operation::ActorId;
use crate::point::{Blocked, Point};
use crate::strategy::{Coverage, Next, Outcome, Strategy, Turn};

/// SplitMix64 (Steele, Lea and Flood, 2014): one addition and three multiplications a number, the same on every machine.
#[derive(Clone, Debug)]
pub struct Generator(u64);

impl Generator {
    /// The generator of one run: runs of one seed do not depend on each other.
    #[must_use]
    pub fn of_run(seed: u64, run: u64) -> Self {
        let mut it = Self(seed);
        let first = it.number();
        Self(first ^ run.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of a product: no division, and a bias below one in 2^32 for bounds such as ours.
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }
}

/// One in this many points with both timers and runnable actors lets a timer fire.
pub(crate) const EARLY: usize = 8;

/// Everybody who can run is equally likely at every point.
#[derive(Debug)]
pub struct Random {
    seed: u64,
    runs: u64,
    budget: u64,
    chance: Generator,
}

impl Random {
    /// A number of runs from a seed.
    #[must_use]
    pub fn new(seed: u64, budget: u64) -> Self {
        Self { seed, runs: 0, budget, chance: Generator::of_run(seed, 0) }
    }
}

/// Any of those who can run; a timer now and then.
pub(crate) fn anybody(chance: &mut Generator, point: &Point<'_>) -> ActorId {
    let ready = if point.timers.is_empty() { 0 } else { point.ready().count() };
    let fires = match (point.runnable.len(), ready) {
        (_, 0) => false,
        (0, _) => true,
        _ => chance.below(EARLY) == 0,
    };
    if fires {
        return point.ready().nth(chance.below(ready)).expect("it was counted").actor;
    }
    match point.runnable {
        [only] => only.actor,
        several => several[chance.below(several.len())].actor,
    }
}

impl Strategy for Random {
    fn begin_run(&mut self) {
        self.chance = Generator::of_run(self.seed, self.runs);
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        Turn::Run(anybody(&mut self.chance, point))
    }

    fn end_run(&mut self, _outcome: Outcome, _waiting: &[Blocked]) -> Next {
        self.runs += 1;
        if self.runs >= self.budget { Next::Budget } else { Next::Again }
    }

    fn coverage(&self) -> Coverage {
        Coverage::Sample { runs: self.runs, promise: None }
    }
}
