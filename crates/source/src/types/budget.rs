//! The meter that runs while a question is worked on.
//!
//! Salsa tells a listener about each fetch before it does anything, at the very point where it may unwind for a
//! cancellation. The listener counts there, and unwinds with [`Spent`] when the question has cost enough. A query that
//! is unwound through leaves no result; one that takes part in a cycle stays poisoned, so that whatever rests on it
//! fails at once instead of spending the same again.

use std::cell::Cell;

use salsa::{Event, EventKind};

/// Fetches that one question may cost.
pub const WORK_LIMIT: u64 = 4_000_000;

/// Stack of the thread that works on questions. It is reserved, and taken only as far as it is used.
pub(super) const STACK_SIZE: usize = 512 << 20;

/// Stack that one question may use. The rest is for what ty does between two fetches.
const STACK_LIMIT: usize = 256 << 20;

/// What a question that cost too much unwinds with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    /// Too many fetches.
    Work,
    /// Too much stack.
    Stack,
}

#[derive(Clone, Copy)]
struct Meter {
    fetches: u64,
    /// Address of a local variable where the question started; the stack grows down from there.
    base: usize,
}

thread_local! {
    static METER: Cell<Option<Meter>> = const { Cell::new(None) };
}

/// Runs `work` under a meter and says how many fetches it cost.
pub(super) fn metered<T>(work: impl FnOnce() -> T) -> (std::thread::Result<T>, u64) {
    METER.set(Some(Meter { fetches: 0, base: stack_pointer() }));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let fetches = METER.take().map_or(0, |meter| meter.fetches);
    (result, fetches)
}

/// Counts an event of the question that this thread works on.
pub(super) fn listen(event: &Event) {
    // At the other events salsa may hold a lock, or be in the middle of storing a value.
    if !matches!(event.kind, EventKind::WillCheckCancellation | EventKind::WillExecute { .. }) {
        return;
    }
    let Some(mut meter) = METER.get() else { return };
    meter.fetches += 1;
    METER.set(Some(meter));
    let spent = if meter.fetches > WORK_LIMIT {
        Spent::Work
    } else if meter.base.saturating_sub(stack_pointer()) > STACK_LIMIT {
        Spent::Stack
    } else {
        return;
    };
    // A second unwinding, from a destructor that runs during the first, would abort the process.
    if !std::thread::panicking() {
        std::panic::resume_unwind(Box::new(spent));
    }
}

fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}
