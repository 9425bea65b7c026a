//! What can be wrong with one file or folder while the rest of the run goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a file, a folder or the environment could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceErrorKind {
    /// The operating system does not let raddle list or read it.
    Unreadable,
    /// Bytes that are not UTF-8, and no encoding declared.
    NotUtf8,
    /// Bytes that the declared encoding does not allow.
    NotDecodable,
    /// The declared encoding is not known, or not one a Python source may have.
    UnknownEncoding,
    /// Not Python.
    Syntax,
    /// Larger than [`crate::SIZE_LIMIT`].
    TooLarge,
    /// Nested deeper than [`crate::DEPTH_LIMIT`].
    TooDeep,
    /// Not a Jupyter notebook of format 4.
    BadNotebook,
    /// The activated Python environment is broken; the run goes on without one.
    BadEnvironment,
    /// A mistake of raddle's, or of a crate it stands on, while it read this file.
    Panicked,
}

/// One file or folder that is left out of the run, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceError {
    /// Path as it is shown.
    pub path: Arc<str>,
    /// Line, from 1; within the cell for a notebook.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// Notebook cell, from 1.
    pub cell: Option<u32>,
    /// What is wrong.
    pub kind: SourceErrorKind,
    /// The words of whoever noticed: the parser, the operating system, the decoder.
    pub detail: String,
}

impl SourceError {
    /// An error about a whole file or folder.
    pub(crate) fn whole(path: &Arc<str>, kind: SourceErrorKind, detail: impl Into<String>) -> SourceError {
        SourceError { path: Arc::clone(path), line: None, column: None, cell: None, kind, detail: detail.into() }
    }

    /// The same error, with a place.
    pub(crate) fn at(mut self, line: u32, column: u32) -> SourceError {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

/// Runs `work`, and turns a panic into the text it carried.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
    })
}
