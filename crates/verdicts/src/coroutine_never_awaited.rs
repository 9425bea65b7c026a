//! Coroutines that nothing ever awaits, so that their code never runs.

use raddle_program::awaitable::Kind;
use raddle_program::pending::How;
use raddle_vocabulary::{Finding, Level};

use crate::Judged;
use crate::lost::{await_it, finding};

/// The rule's name.
pub const ID: &str = "coroutine-never-awaited";

/// Finds coroutines that nothing awaits.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, lost) in judged.program.all_lost() {
        let ours = matches!(lost.made.kind, Kind::Coroutine | Kind::Future) && lost.how != How::Tested;
        if ours {
            let mut found = finding(judged, ID, *function, lost, Level::Error);
            found.remedy = await_it(judged, *function, lost);
            acc.push(found);
        }
    }
}
