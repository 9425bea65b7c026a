//! What there is to show.

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_rulebook::{Lang, Rulebook, say, say_shared};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::FileTrouble;

/// The decoded texts that sites point into.
pub trait Sources {
    /// The text of a file by the path it is shown with.
    ///
    /// A file whose text is gone is shown without code, and its findings stand at its first character.
    fn text(&self, path: &str) -> Option<Arc<str>>;

    /// The path that a fingerprint is made of: it stays the same wherever raddle is started.
    fn lasting(&self, path: &Arc<str>) -> Arc<str> {
        Arc::clone(path)
    }
}

/// What a run found, and whom to tell.
#[derive(Clone, Copy)]
pub struct Outcome<'a> {
    /// The findings in the order they are shown.
    pub findings: &'a [Finding],
    /// How many files were looked at.
    pub files: usize,
    /// Files that could not be read in full.
    pub troubles: &'a [FileTrouble],
    /// What was not known, counted by kind.
    pub unknown: &'a BTreeMap<String, u64>,
    /// The texts.
    pub sources: &'a dyn Sources,
    /// The words of the rules.
    pub rulebook: &'a Rulebook,
    /// The reader's language.
    pub lang: Lang,
}

impl Outcome<'_> {
    /// Says a message of a finding's rule.
    pub(crate) fn say(&self, finding: &Finding, message: &Message) -> String {
        match self.rulebook.card(&finding.rule.0) {
            Some(card) => say(self.lang, message, card),
            None => say_shared(self.lang, message),
        }
    }
}

/// The key of a level's name among the shared words.
#[must_use]
pub fn level_word(level: Level) -> &'static str {
    match level {
        Level::Error => "level-error",
        Level::Warning => "level-warning",
        Level::Note => "level-note",
    }
}

pub(crate) fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "confidence-certain",
        Confidence::Likely => "confidence-likely",
        Confidence::Possible => "confidence-possible",
    }
}
