//! A sentence that has not been said yet: its key on a card, and what to fill in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What fills the placeholders of a message; a placeholder `{call}` takes the value of `call`.
///
/// A value that starts with `@` is itself the key of a shared word and is translated
/// (`@cause-disk` becomes `the disk`).
pub type Args = BTreeMap<String, String>;

/// A message by key. The words live on the rule's card, or in the rulebook's shared words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Row of the card's message table, such as `through-helper`.
    pub key: String,
    /// Values for the placeholders.
    pub args: Args,
}

impl Message {
    /// A message without placeholders filled yet.
    #[must_use]
    pub fn new(key: &str) -> Message {
        Message { key: key.to_owned(), args: Args::new() }
    }

    /// The same message with one placeholder filled.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<String>) -> Message {
        self.args.insert(name.to_owned(), value.into());
        self
    }
}
