//! Touches of a place without the lock that the project declares for it.

use raddle_program::Program;
use raddle_program::sharing::declared::Violation;
use raddle_program::sharing::touches::Touch;
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, function_name, key_name, step};

/// The rule's name.
pub const ID: &str = "guarded-by-violated";

/// Finds touches without the declared lock.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    acc.extend(judged.program.violations().iter().map(|it| of(judged.program, it)));
}

fn of(program: &Program, it: &Violation) -> Finding {
    let place = program.short_place_name(&it.place);
    let lock = key_name(program, &it.lock);
    let function = function_name(program, it.function);
    let reads = matches!(it.touch, Touch::Read | Touch::Iterate);
    let key = if reads { "step-declared-read" } else { "step-declared-write" };
    let said = |key: &str| Message::new(key).arg("place", &*place).arg("lock", &*lock).arg("function", &*function);
    let story = vec![step(program, (it.function, it.act), if reads { Act::Read } else { Act::Write }, said(key))];
    let test = program.is_test(it.function);
    let said = Said {
        message: said("violated"),
        help: Message::new("help").arg("lock", &*lock),
        level: if reads { Level::Warning } else { Level::Error },
        confidence: if test { Confidence::Possible } else { Confidence::Certain },
        because: vec![Message::new("because-declared").arg("lock", &*lock).arg("place", &*place)],
        story,
        parts: vec![place.clone()],
    };
    finding(program, ID, (it.function, it.act), said)
}
