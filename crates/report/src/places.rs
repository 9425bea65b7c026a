//! From byte offsets to lines and columns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use raddle_vocabulary::{Site, Span};

use crate::Sources;

/// A line and a column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Where a file starts.
    pub(crate) const START: Place = Place { line: 1, column: 1 };
}

/// The files that were asked for, each cut into lines once.
pub(crate) struct Places<'a> {
    sources: &'a dyn Sources,
    files: BTreeMap<Arc<str>, Option<Rc<File>>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(sources: &'a dyn Sources) -> Places<'a> {
        Places { sources, files: BTreeMap::new() }
    }

    /// The text of a file with its lines, unless the text is gone.
    pub(crate) fn file(&mut self, path: &Arc<str>) -> Option<Rc<File>> {
        if let Some(file) = self.files.get(path) {
            return file.clone();
        }
        let file = self.sources.text(path).map(|text| Rc::new(File::new(text)));
        self.files.insert(Arc::clone(path), file.clone());
        file
    }

    pub(crate) fn start(&mut self, site: &Site) -> Place {
        self.file(&site.path).map_or(Place::START, |file| file.place(site.span.start))
    }

    pub(crate) fn end(&mut self, site: &Site) -> Place {
        self.file(&site.path).map_or(Place::START, |file| file.place(site.span.end))
    }
}

/// A text that knows its lines.
pub(crate) struct File {
    pub(crate) text: Arc<str>,
    starts: Vec<usize>,
}

impl File {
    fn new(text: Arc<str>) -> File {
        let bytes = text.as_bytes();
        // Python ends a line at `\n`, `\r\n` and a lone `\r`.
        let ends = (0..bytes.len()).filter(|&at| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = [0].into_iter().chain(ends.map(|end| end + 1)).collect();
        File { text, starts }
    }

    /// The line, from 0, that an offset stands on.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// An offset that a text of this length has, on a character.
    fn clamped(&self, offset: u32) -> usize {
        self.text.floor_char_boundary(offset as usize)
    }

    pub(crate) fn place(&self, offset: u32) -> Place {
        let offset = self.clamped(offset);
        let line = self.line(offset);
        Place { line: line + 1, column: self.text[self.starts[line]..offset].chars().count() + 1 }
    }

    /// A span as a range of this text.
    pub(crate) fn range(&self, span: Span) -> Range<usize> {
        let start = self.clamped(span.start);
        start..self.clamped(span.end).max(start)
    }

    /// The part of a span that stands on its first line: a frame of one line is read at a glance.
    pub(crate) fn first_line(&self, span: Span) -> Range<usize> {
        let range = self.range(span);
        let content = self.text[range.clone()].split(['\n', '\r']).next().unwrap_or_default();
        range.start..range.start + content.len()
    }

    /// The lines around the first line of a span: the number of each, its text, and the part of it that the span covers.
    pub(crate) fn around(&self, span: Span, context: usize) -> Vec<(usize, &str, Range<usize>)> {
        let marked = self.first_line(span);
        let at = self.line(marked.start);
        let last = (at + context).min(self.starts.len() - 1);
        let shown = |line: usize| {
            let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
            let text = self.text[self.starts[line]..end].trim_end_matches(['\n', '\r']);
            let inside = |offset: usize| offset.saturating_sub(self.starts[line]).min(text.len());
            let covered = if line == at { inside(marked.start)..inside(marked.end) } else { 0..0 };
            (line + 1, text, covered)
        };
        (at.saturating_sub(context)..=last).map(shown).collect()
    }

    /// The smallest run of whole lines that holds some offsets, and the number of its first line.
    pub(crate) fn window(&self, holds: Range<usize>) -> (Range<usize>, usize) {
        let (first, last) = (self.line(holds.start), self.line(holds.end));
        let end = self.starts.get(last + 1).copied().unwrap_or(self.text.len());
        (self.starts[first]..end, first + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_every_line_end_counts() {
        let file = File::new("a\r\n名字 = 1\rb\n".into());
        let at = |needle: &str| {
            let Place { line, column } = file.place(u32::try_from(file.text.find(needle).unwrap()).unwrap());
            (line, column)
        };
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("1"), (2, 6));
        assert_eq!(at("b"), (3, 1));
        assert_eq!(file.place(u32::MAX), Place { line: 4, column: 1 });
        assert_eq!(file.place(4), Place { line: 2, column: 1 });
    }
}
