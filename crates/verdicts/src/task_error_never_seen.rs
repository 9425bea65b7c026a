//! Futures of another thread's loop that nobody looks at, so that what fails there is never heard of.

use raddle_program::awaitable::Kind;
use raddle_vocabulary::{Finding, Level};

use crate::Judged;
use crate::lost::finding;

/// The rule's name.
pub const ID: &str = "task-error-never-seen";

/// Finds futures that nobody looks at.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, lost) in judged.program.all_lost() {
        if lost.made.kind == Kind::ThreadFuture {
            acc.push(finding(judged, ID, *function, lost, Level::Warning));
        }
    }
}
