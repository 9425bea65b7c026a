//! Words that no single rule owns.

use std::sync::LazyLock;

use raddle_vocabulary::Message;

use crate::say::say_words;
use crate::{Lang, Messages, parse};

static SHARED: LazyLock<Messages> = LazyLock::new(|| match parse::shared(include_str!("../words.md")) {
    Ok(messages) => messages,
    Err(fault) => panic!("words.md is read by a test of this crate before it is compiled in: {fault}"),
});

/// Every shared word.
#[must_use]
pub fn shared_words() -> &'static Messages {
    &SHARED
}

/// A fixed text.
///
/// # Panics
///
/// When `words.md` has no row of this key: a fixed text is named only where it stands.
#[must_use]
pub fn word(lang: Lang, key: &str) -> &'static str {
    word_of(lang, key).unwrap_or_else(|| panic!("words.md has a row for every fixed text, and none for `{key}`"))
}

pub(crate) fn word_of(lang: Lang, key: &str) -> Option<&'static str> {
    SHARED.get(key).map(|words| words.get(lang))
}

/// Says a message of the shared words.
#[must_use]
pub fn say_shared(lang: Lang, message: &Message) -> String {
    say_words(lang, message, SHARED.get(&message.key))
}

/// Says how many: `{key}-one` for one where the table has it, `{key}` for any other number, with `{n}` filled.
#[must_use]
pub fn counted(lang: Lang, key: &str, n: usize) -> String {
    let one = format!("{key}-one");
    let key = if n == 1 && SHARED.get(&one).is_some() { &one } else { key };
    say_shared(lang, &Message::new(key).arg("n", n.to_string()))
}
