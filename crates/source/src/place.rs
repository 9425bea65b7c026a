//! Offsets as people count: lines, columns and notebook cells.

use std::sync::Arc;

use raddle_vocabulary::Span;
use serde::{Deserialize, Serialize};

use crate::text::{Cell, Text};

/// Where a span stands, as an editor shows it. All numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// First line; within the cell for a notebook.
    pub line: u32,
    /// First column, in characters.
    pub column: u32,
    /// Last line; within the same cell for a notebook.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
    /// Notebook cell, counted among all cells.
    pub cell: Option<u32>,
}

/// A text's line starts; answers where an offset stands.
#[derive(Debug, Clone)]
pub struct LineIndex {
    content: Arc<str>,
    starts: Vec<u32>,
    cells: Arc<[Cell]>,
}

impl LineIndex {
    /// Reads the line ends of a text: LF, CRLF and lone CR, as Python does.
    #[must_use]
    pub fn new(text: &Text) -> LineIndex {
        let mut starts = vec![0];
        let bytes = text.content.as_bytes();
        for (offset, byte) in (0_u32..).zip(bytes) {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(offset as usize + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(offset + 1);
            }
        }
        LineIndex { content: Arc::clone(&text.content), starts, cells: Arc::clone(&text.cells) }
    }

    /// Number of lines; a text that ends with a line end has an empty last line.
    #[must_use]
    pub fn lines(&self) -> u32 {
        self.starts.len() as u32
    }

    /// Line of an offset, from 1, in the whole decoded text: a notebook's cells follow each other.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|&start| start <= offset) as u32
    }

    /// Span of a line of the whole decoded text, from 1, without its line end.
    #[must_use]
    pub fn line_span(&self, line: u32) -> Option<Span> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.content.len() as u32);
        let text = self.content.get(start as usize..end as usize)?;
        Some(Span { start, end: start + text.trim_end_matches(['\r', '\n']).len() as u32 })
    }

    /// Text of a line of the whole decoded text, from 1, without its line end.
    #[must_use]
    pub fn line_text(&self, line: u32) -> Option<&str> {
        let span = self.line_span(line)?;
        self.content.get(span.start as usize..span.end as usize)
    }

    /// Where a span stands. Offsets past the end, or inside a character, are moved back to one that exists.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        let cell = self.cells.partition_point(|cell| cell.start <= span.start).checked_sub(1);
        let cell = cell.map(|index| self.cells[index]);
        let before = cell.map_or(0, |cell| self.line(cell.start) - 1);
        let (line, column) = self.line_column(span.start);
        let (end_line, end_column) = self.line_column(span.end.max(span.start));
        Place {
            line: line - before,
            column,
            end_line: end_line - before,
            end_column,
            cell: cell.map(|cell| cell.number),
        }
    }

    fn line_column(&self, offset: u32) -> (u32, u32) {
        let offset = self.content.floor_char_boundary(offset as usize);
        let line = self.line(offset as u32);
        let start = self.starts[line as usize - 1] as usize;
        (line, self.content[start..offset].chars().count() as u32 + 1)
    }
}
