//! Conditions that ask a coroutine for its truth, which is always true.

use raddle_program::awaitable::Kind;
use raddle_program::pending::How;
use raddle_vocabulary::{Finding, Level};

use crate::Judged;
use crate::lost::{await_it, finding};

/// The rule's name.
pub const ID: &str = "coroutine-truth-tested";

/// Finds coroutines whose truth is asked.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, lost) in judged.program.all_lost() {
        if lost.made.kind == Kind::Coroutine && lost.how == How::Tested {
            let mut found = finding(judged, ID, *function, lost, Level::Error);
            found.remedy = await_it(judged, *function, lost);
            acc.push(found);
        }
    }
}
