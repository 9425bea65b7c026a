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
    let mut chunk = best.schedule.switches.len();
    while chunk > 0 && left > 0 {
        let mut shrunk = false;
        let mut at = 0;
        while at < best.schedule.switches.len() && left > 0 {
            let mut shorter = best.schedule.clone();
            let end = (at + chunk).min(shorter.switches.len());
            shorter.switches.drain(at..end);
            left -= 1;
            match again(&shorter) {
                Some(trial) if trial.weight() < best.weight() => {
                    best = trial;
                    shrunk = true;
                }
                Some(_) | None => at += chunk,
            }
        }
        if !shrunk {
            chunk /= 2;
        } else {
            chunk = chunk.min(best.schedule.switches.len());
        }
    }
    best
}
