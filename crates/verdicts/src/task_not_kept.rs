//! Tasks that nothing but the event loop's weak set refers to, so that they may vanish half done.

use raddle_program::awaitable::Kind;
use raddle_vocabulary::{Finding, Level};

use crate::Judged;
use crate::lost::finding;

/// The rule's name.
pub const ID: &str = "task-not-kept";

/// Finds tasks that nothing keeps.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, lost) in judged.program.all_lost() {
        if lost.made.kind == Kind::Task {
            acc.push(finding(judged, ID, *function, lost, Level::Warning));
        }
    }
}
