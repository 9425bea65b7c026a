//! Files that could not be read in full.

use raddle_rulebook::{Lang, say_shared};
use raddle_vocabulary::Message;
use serde::Serialize;

use crate::{Place, printable};

/// What went wrong with a file, which is not a finding about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTrouble {
    /// The path as it is shown.
    pub path: String,
    /// Where in the file, when the trouble has a place.
    pub place: Option<Place>,
    /// Notebook cell, from 1.
    pub cell: Option<u32>,
    /// What kind of trouble.
    pub kind: TroubleKind,
    /// What the reader of the file had to say.
    pub reason: String,
}

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// The operating system does not give it.
    Unreadable,
    /// Bytes that are not UTF-8, and no encoding declared.
    NotUtf8,
    /// Bytes that the declared encoding does not allow.
    NotDecodable,
    /// The declared encoding is not known.
    UnknownEncoding,
    /// Not Python.
    Syntax,
    /// Too large to look at.
    TooLarge,
    /// Nested too deep to look at.
    TooDeep,
    /// Not a notebook.
    BadNotebook,
    /// The Python environment is broken.
    BadEnvironment,
    /// raddle failed on it.
    Panicked,
}

impl TroubleKind {
    fn word(self) -> &'static str {
        match self {
            TroubleKind::Unreadable => "trouble-unreadable",
            TroubleKind::NotUtf8 => "trouble-not-utf8",
            TroubleKind::NotDecodable => "trouble-not-decodable",
            TroubleKind::UnknownEncoding => "trouble-unknown-encoding",
            TroubleKind::Syntax => "trouble-syntax",
            TroubleKind::TooLarge => "trouble-too-large",
            TroubleKind::TooDeep => "trouble-too-deep",
            TroubleKind::BadNotebook => "trouble-bad-notebook",
            TroubleKind::BadEnvironment => "trouble-bad-environment",
            TroubleKind::Panicked => "trouble-panicked",
        }
    }
}

/// The trouble in one line.
#[must_use]
pub fn trouble(lang: Lang, trouble: &FileTrouble) -> String {
    let what = say_shared(lang, &Message::new(trouble.kind.word()).arg("reason", &trouble.reason));
    let cell = trouble.cell.map_or_else(String::new, |cell| format!(":cell {cell}"));
    let place = trouble.place.map_or_else(String::new, |it| format!(":{}:{}", it.line, it.column));
    printable(&format!("{}{cell}{place}: {what}", trouble.path))
}
