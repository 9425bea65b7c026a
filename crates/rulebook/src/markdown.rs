//! Markdown as far as cards use it: headings, fenced blocks and other lines, with their places.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// What is wrong with a card, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line of the card, from 1.
    pub line: usize,
    /// What is not as it should be.
    pub what: String,
}

impl Fault {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Fault {
        Fault { line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Error for Fault {}

/// A piece of Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// Line of its first character, from 1.
    pub(crate) line: usize,
    /// Its bytes, with the line end.
    pub(crate) range: Range<usize>,
    pub(crate) kind: BlockKind<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlockKind<'a> {
    Heading { depth: usize, title: &'a str },
    Fence { info: &'a str, body: &'a str, body_range: Range<usize> },
    Line(&'a str),
}

/// Cuts a text into blocks. Headings inside a fence are not headings.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block<'_>>, Fault> {
    let mut acc = Vec::new();
    let mut open: Option<Opening<'_>> = None;
    let mut offset = 0;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let (start, line) = (offset, index + 1);
        offset += raw.len();
        let content = raw.trim_end();
        if let Some(opening) = &open {
            if closes(content, opening.ticks) {
                acc.push(opening.close(text, start, offset));
                open = None;
            }
            continue;
        }
        let ticks = content.len() - content.trim_start_matches('`').len();
        if ticks >= 3 {
            open = Some(Opening { line, start, ticks, info: content[ticks..].trim(), body: offset });
            continue;
        }
        let kind = match heading(content) {
            Some((depth, title)) => BlockKind::Heading { depth, title },
            None => BlockKind::Line(content),
        };
        acc.push(Block { line, range: start..offset, kind });
    }
    match open {
        Some(opening) => Err(Fault::new(opening.line, "the fence that opens here never closes")),
        None => Ok(acc),
    }
}

struct Opening<'a> {
    line: usize,
    start: usize,
    ticks: usize,
    info: &'a str,
    body: usize,
}

impl<'a> Opening<'a> {
    fn close(&self, text: &'a str, body_end: usize, end: usize) -> Block<'a> {
        let body_range = self.body..body_end;
        let kind = BlockKind::Fence { info: self.info, body: &text[body_range.clone()], body_range };
        Block { line: self.line, range: self.start..end, kind }
    }
}

fn closes(content: &str, ticks: usize) -> bool {
    content.len() >= ticks && content.bytes().all(|byte| byte == b'`')
}

fn heading(content: &str) -> Option<(usize, &str)> {
    let title = content.trim_start_matches('#');
    let depth = content.len() - title.len();
    (depth > 0 && title.starts_with(' ')).then(|| (depth, title.trim()))
}
