//! Panics: kept off the terminal until somebody says what they mean for the run.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, PoisonError};

thread_local! {
    /// Where the last panic of this thread came from.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where the last panic of any thread came from, for a thread that has ended with it.
static LAST_PLACE: Mutex<String> = Mutex::new(String::new());

/// Replaces the hook that prints every panic. `RUST_BACKTRACE` brings it back.
pub(crate) fn keep_quiet() {
    let printing = panic::take_hook();
    let verbose = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        LAST_PLACE.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&place);
        PLACE.set(place);
        if verbose {
            printing(info);
        }
    }));
}

/// Runs `work`, and turns a panic into its words and where it came from.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| with_place(payload.as_ref(), &PLACE.take()))
}

/// The words of a panic that ended a thread.
pub(crate) fn words(payload: &(dyn Any + Send)) -> String {
    with_place(payload, &LAST_PLACE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn with_place(payload: &(dyn Any + Send), place: &str) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    format!("{text} ({place})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_has_its_words_and_its_place() {
        keep_quiet();
        let words = guarded(|| panic!("the {} is open", "door")).unwrap_err();
        assert!(words.starts_with("the door is open ("), "{words}");
        assert!(words.contains("panics.rs:"), "{words}");
        assert_eq!(guarded(|| 7), Ok(7));
    }
}
