//! What stands on a card.

use std::ops::Range;

use raddle_vocabulary::{Confidence, Level};
use serde::Deserialize;

use crate::{Fault, Lang, Mark, Messages};

/// A rule: its name, its words and its cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The rule's name in kebab-case, which is also the file name.
    pub name: String,
    /// The Chinese name.
    pub name_zh: String,
    /// The facts about the rule that a program reads.
    pub head: Head,
    /// Every sentence the rule can say.
    pub messages: Messages,
    /// Why it matters, as Markdown.
    pub why: Words,
    /// How to mend it, as Markdown.
    pub how_to_fix: Option<Words>,
    /// Examples, which are tests.
    pub cases: Vec<Case>,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    ///
    /// Names the line that is not as a card should be.
    pub fn parse(text: &str) -> Result<Card, Fault> {
        crate::parse::card(text)
    }

    /// The rule's name for a reader: the Chinese name where there is one to read it.
    #[must_use]
    pub fn title(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.name,
            Lang::Zh => &self.name_zh,
        }
    }
}

/// The TOML head of a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Which of the eight pitfalls, from 1 to 8.
    pub pitfall: u8,
    /// How bad it is unless the verdict knows better.
    pub level: Level,
    /// How sure the rule is unless the verdict knows better.
    pub confidence: Confidence,
    /// Which legs can report it.
    pub legs: Vec<Leg>,
    /// The first version of raddle that has the rule.
    pub since: String,
    /// Whether the rule is off until it is asked for.
    #[serde(default)]
    pub pedantic: bool,
}

/// A way of finding faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// Reads the source.
    Check,
    /// Runs tests under chosen schedules.
    Explore,
    /// Watches a running program.
    Watch,
}

/// The same words in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// 中文.
    pub zh: String,
}

impl Words {
    /// The words in one language.
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// An example of code with what a rule says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What the case shows; Chinese stands after ` · ` and may be missing, which repeats the English.
    pub title: Words,
    /// Paragraphs between the title and the first file, as Markdown.
    pub prose: String,
    /// The project the case is about, in the order of the card.
    pub files: Vec<CaseFile>,
    /// What the case's findings look like when they are shown.
    pub reports: Vec<Report>,
}

impl Case {
    /// Every mark of every file, with the file's path.
    pub fn marks(&self) -> impl Iterator<Item = (&str, &Mark)> {
        self.files.iter().flat_map(|file| file.marks.iter().map(|mark| (file.path.as_str(), mark)))
    }
}

/// One file of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// Path inside the case's project, with `/`.
    pub path: String,
    /// The whole text, marks included.
    pub text: String,
    /// Lines that say what is expected of them; only Python files have any.
    pub marks: Vec<Mark>,
}

/// A pinned rendering of a case's findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In which language.
    pub lang: Lang,
    /// The rendering.
    pub text: String,
    /// Where the rendering stands in the card, so that a test can rewrite it.
    pub range: Range<usize>,
}
