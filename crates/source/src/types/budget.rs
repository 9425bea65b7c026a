//! The meter that runs while a question is worked on.
//!
//! Whatever ty does, it does through the database: each query, each look at an interned type begins with
//! [`access`]. So that is where work is counted, and where a question that has cost enough is unwound, with [`Spent`].
//! Counting salsa's events instead is not enough: ty's constraint solver enumerates paths for minutes without one.
//!
//! Unwinding there is what a panic in a query is to salsa: the query leaves no result. One that takes part in a cycle
//! stays poisoned, so that whatever rests on it fails at once instead of spending the same again.

use std::cell::Cell;

/// Accesses to the database that one question may cost: eight times what the dearest question costs in SQLAlchemy,
/// Django and sympy, twice what it costs in CPython's own tests, and about a second.
pub const WORK_LIMIT: u64 = 20_000_000;

/// Stack of the thread that works on questions. It is reserved, and taken only as far as it is used.
pub(super) const STACK_SIZE: usize = 512 << 20;

/// Stack that one question may use. The rest is for what ty does between two accesses, such as walking a tree.
const STACK_LIMIT: usize = 256 << 20;

/// What a question that cost too much unwinds with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    /// Too much work.
    Work,
    /// Too much stack.
    Stack,
}

#[derive(Clone, Copy)]
struct Meter {
    /// Accesses that are left.
    left: u64,
    /// Lowest address that the stack may reach; it grows down.
    floor: usize,
}

/// No question is being worked on.
const IDLE: Meter = Meter { left: u64::MAX, floor: 0 };

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(IDLE) };
}

/// Runs `work` with at most `limit` accesses, and says how many it cost.
pub(super) fn metered<T>(limit: u64, work: impl FnOnce() -> T) -> (std::thread::Result<T>, u64) {
    METER.set(Meter { left: limit, floor: stack_pointer().saturating_sub(STACK_LIMIT) });
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let meter = METER.replace(IDLE);
    (result, limit - meter.left)
}

/// Counts an access to the database by this thread.
#[inline]
pub(crate) fn access() {
    let mut meter = METER.get();
    if meter.left == 0 || stack_pointer() < meter.floor {
        spent(meter);
        return;
    }
    meter.left -= 1;
    METER.set(meter);
}

#[cold]
fn spent(meter: Meter) {
    // A second unwinding, from a destructor that runs during the first, would abort the process.
    if !std::thread::panicking() {
        let spent = if meter.left == 0 { Spent::Work } else { Spent::Stack };
        std::panic::resume_unwind(Box::new(spent));
    }
}

#[inline]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

#[cfg(test)]
mod tests {
    use super::{STACK_SIZE, Spent, access, metered};

    fn spent(work: impl FnOnce() -> u64 + Send + 'static, limit: u64) -> Result<u64, Option<Spent>> {
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
        let run = move || metered(limit, work).0.map_err(|payload| payload.downcast_ref::<Spent>().copied());
        thread.spawn(run).expect("there is room for a thread").join().expect("what unwinds is caught")
    }

    fn descend(depth: u64) -> u64 {
        access();
        let kept = std::hint::black_box([depth; 64]);
        if depth == 0 { 0 } else { kept[0] - depth + 1 + descend(depth - 1) }
    }

    #[test]
    fn work_within_the_budget_is_let_through() {
        assert_eq!(spent(|| descend(1_000), 1_001), Ok(1_000));
    }

    #[test]
    fn work_beyond_the_budget_is_unwound() {
        assert_eq!(spent(|| descend(1_000), 1_000), Err(Some(Spent::Work)));
    }

    #[test]
    fn deep_recursion_is_unwound_before_the_stack_ends() {
        assert_eq!(spent(|| descend(u64::MAX), u64::MAX), Err(Some(Spent::Stack)));
    }

    #[test]
    fn a_destructor_may_go_on_while_the_question_is_unwound() {
        struct Accessing;
        impl Drop for Accessing {
            fn drop(&mut self) {
                access();
            }
        }
        let work = || {
            let _accessing = Accessing;
            descend(10)
        };
        assert_eq!(spent(work, 5), Err(Some(Spent::Work)));
    }

    #[test]
    fn nothing_is_counted_between_questions() {
        assert_eq!(descend(10), 10);
        assert_eq!(metered(100, || descend(10)).1, 11);
    }
}
