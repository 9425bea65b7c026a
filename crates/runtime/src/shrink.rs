//! The shortest way to the same failure: fewest preemptions, then fewest switches, then fewest points.

use crate::schedule::Schedule;

/// What trying a schedule showed. The schedule is what the run in fact was, recorded anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What the run turned out to be.
    pub schedule: Schedule,
    /// Its preemptions.
    pub preemptions: u32,
    /// Its points.
    pub points: usize,
}

impl Trial {
    fn weight(&self) -> (u32, usize, usize) {
        (self.preemptions, self.schedule.switches.len(), self.points)
    }
}

/// Shrinks a failing run. `again` runs a schedule with [`crate::Replay`], ignoring divergence, and gives the run back if it
/// failed in the same way. At most `budget` runs; the answer never weighs more than `start`.
pub fn shrink(start: Trial, budget: usize, mut again: impl FnMut(&Schedule) -> Option<Trial>) -> Trial {
    let mut best = start;
    let mut left = budget;
    let mut try_without = |best: &mut Trial, is_left_out: &dyn Fn(usize) -> bool| {
        if left == 0 {
            return false;
        }
        left -= 1;
        let kept = best.schedule.switches.iter().enumerate().filter(|(at, _)| !is_left_out(*at));
        let switches = kept.map(|(_, switch)| *switch).collect();
        let trial = again(&Schedule { fingerprint: best.schedule.fingerprint, switches });
        let lighter = trial.filter(|trial| trial.weight() < best.weight());
        let shrunk = lighter.is_some();
        *best = lighter.unwrap_or_else(|| best.clone());
        shrunk
    };
    loop {
        let before = best.weight();
        chunks(&mut best, &mut try_without);
        pairs(&mut best, &mut try_without);
        if best.weight() == before {
            return best;
        }
    }
}

type Try<'a> = dyn FnMut(&mut Trial, &dyn Fn(usize) -> bool) -> bool + 'a;

/// Leaves out ever smaller runs of neighbours.
fn chunks(best: &mut Trial, try_without: &mut Try<'_>) {
    let mut chunk = best.schedule.switches.len();
    while chunk > 0 {
        let mut at = 0;
        while at < best.schedule.switches.len() {
            if !try_without(best, &|index| (at..at + chunk).contains(&index)) {
                at += chunk;
            }
        }
        chunk /= 2;
    }
}

/// Leaves out a switch to an actor together with the one back.
fn pairs(best: &mut Trial, try_without: &mut Try<'_>) {
    let mut first = 0;
    while first < best.schedule.switches.len() {
        let shrunk = (first + 1..best.schedule.switches.len())
            .any(|second| try_without(best, &|index| index == first || index == second));
        first += usize::from(!shrunk);
    }
}
