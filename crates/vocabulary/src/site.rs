//! Where something stands in the source.

use std::sync::Arc;

use bitcode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Half-open range of byte offsets into the decoded (UTF-8) text of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A span in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Site {
    /// Path as it is shown: relative to the working directory where possible, with `/`.
    pub path: Arc<str>,
    /// Where in the file's decoded text.
    pub span: Span,
}
