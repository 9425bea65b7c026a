//! `target=work()` where `target=work` was meant: the work is done at once, by the caller.

use raddle_program::wrong_sinks::Fault;
use raddle_vocabulary::{Edit, Finding, Message, Remedy, Span};

use crate::Judged;
use crate::coroutine_function_as_callback::finding;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "target-called-not-passed";

/// Finds calls that stand where a function is wanted.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, handed) in judged.program.all_wrongly_handed() {
        if handed.fault != Fault::Called {
            continue;
        }
        let mut found = finding(judged.program, ID, "called", *function, handed);
        found.remedy = handed.inner.map(|call| {
            let parentheses = Span { start: call.end - 2, end: call.end };
            let edit = Edit { site: site_of(judged.program, function.unit, parentheses), text: String::new() };
            Remedy { message: Message::new("remedy-pass"), safe: false, edits: vec![edit] }
        });
        acc.push(found);
    }
}
