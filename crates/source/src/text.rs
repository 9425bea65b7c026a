//! One file as text: decoded, hashed and, for a notebook, with its code cells in a row.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use ruff_notebook::Notebook;
use serde::{Deserialize, Serialize};

use crate::encoding::decode;
use crate::error::{SourceError, SourceErrorKind, guarded};
use crate::project::Kind;

/// Bytes beyond which a file is refused.
pub const SIZE_LIMIT: u64 = 64 << 20;

/// A decoded source file.
#[derive(Debug, Clone)]
pub struct Text {
    /// Path as it is shown.
    pub display: Arc<str>,
    /// The decoded text, without a byte order mark, line ends as they are. A notebook's code cells are joined by
    /// line feeds; its other cells, and cells in other languages, are left out.
    pub content: Arc<str>,
    /// Hash of the file's bytes.
    pub hash: [u8; 16],
    /// The code cells of a notebook, in order; empty for other files.
    pub cells: Arc<[Cell]>,
    /// The encoding as the file declares it, else `utf-8`.
    pub encoding: Arc<str>,
    /// Whether the file starts with a UTF-8 byte order mark.
    pub mark: bool,
}

/// A code cell of a notebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Offset of its first byte in the joined text.
    pub start: u32,
    /// Its number among all cells of the notebook, from 1.
    pub number: u32,
}

impl Text {
    /// Reads a file.
    pub(crate) fn read(path: &Path, display: &Arc<str>, kind: Kind) -> Result<Text, SourceError> {
        let unreadable =
            |error: std::io::Error| SourceError::whole(display, SourceErrorKind::Unreadable, error.to_string());
        let too_large = || {
            let limit = SIZE_LIMIT >> 20;
            SourceError::whole(display, SourceErrorKind::TooLarge, format!("more than {limit} MiB"))
        };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(SourceError::whole(display, SourceErrorKind::Unreadable, "not a regular file"));
        }
        if metadata.len() > SIZE_LIMIT {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(too_large());
        }
        Text::of_bytes(&bytes, display, kind)
    }

    /// A text that is already decoded, such as the buffer of an editor.
    #[must_use]
    pub fn of_content(content: &Arc<str>, display: &Arc<str>) -> Text {
        Text {
            display: Arc::clone(display),
            content: Arc::clone(content),
            hash: hash(content.as_bytes()),
            cells: Arc::default(),
            encoding: Arc::from("utf-8"),
            mark: false,
        }
    }

    /// Decodes the bytes of a file.
    pub fn of_bytes(bytes: &[u8], display: &Arc<str>, kind: Kind) -> Result<Text, SourceError> {
        guarded(|| match kind {
            Kind::Python | Kind::Stub => plain(bytes, display),
            Kind::Notebook => notebook(bytes, display),
        })
        .unwrap_or_else(|panic| Err(SourceError::whole(display, SourceErrorKind::Panicked, panic)))
    }
}

fn hash(bytes: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut short);
    short
}

fn plain(bytes: &[u8], display: &Arc<str>) -> Result<Text, SourceError> {
    let decoded = decode(bytes, display)?;
    Ok(Text {
        display: Arc::clone(display),
        content: Arc::from(decoded.content),
        hash: hash(bytes),
        cells: Arc::default(),
        encoding: decoded.encoding,
        mark: decoded.mark,
    })
}

fn notebook(bytes: &[u8], display: &Arc<str>) -> Result<Text, SourceError> {
    let bad = |detail: String| SourceError::whole(display, SourceErrorKind::BadNotebook, detail);
    let json = std::str::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    let (json, mark) = match json.strip_prefix('\u{feff}') {
        Some(json) => (json, true),
        None => (json, false),
    };
    let notebook = Notebook::from_source_code(json).map_err(|error| bad(error.to_string()))?;
    // A notebook whose kernel speaks another language has no Python to read.
    let content = if notebook.is_python_notebook() { notebook.source_code() } else { "" };
    let starts = notebook.cell_offsets().ranges().zip(notebook.index().iter());
    let cells =
        starts.map(|(range, cell)| Cell { start: range.start().to_u32(), number: cell.cell_index().get() as u32 });
    let cells = if content.is_empty() { Arc::default() } else { cells.collect() };
    Ok(Text {
        display: Arc::clone(display),
        content: Arc::from(content),
        hash: hash(bytes),
        cells,
        encoding: Arc::from("utf-8"),
        mark,
    })
}
