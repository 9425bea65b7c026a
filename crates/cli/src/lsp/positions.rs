//! Byte offsets as the lines and characters of the protocol, in the encoding that the client asked for.

use std::sync::Arc;

use lsp_types::{Position, Range};
use raddle_vocabulary::Span;

/// What a character is to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    fn units(self, char: char) -> u32 {
        match self {
            Encoding::Utf8 => char.len_utf8() as u32,
            Encoding::Utf16 => char.len_utf16() as u32,
            Encoding::Utf32 => 1,
        }
    }
}

/// A text that knows where its lines start.
pub(super) struct Lines {
    text: Arc<str>,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Lines {
    pub(super) fn new(text: &Arc<str>, encoding: Encoding) -> Lines {
        let bytes = text.as_bytes();
        // The protocol ends a line at `\n`, `\r\n` and a lone `\r`, as Python does.
        let ends = (0..bytes.len()).filter(|&at| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = [0].into_iter().chain(ends.map(|end| end + 1)).collect();
        Lines { text: Arc::clone(text), starts, encoding }
    }

    /// Where an offset stands.
    pub(super) fn position(&self, offset: u32) -> Position {
        let offset = self.text.floor_char_boundary(offset as usize);
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text[self.starts[line]..offset];
        Position { line: line as u32, character: before.chars().map(|it| self.encoding.units(it)).sum() }
    }

    /// The offset of a position; one past the end of its line, or of the text, stands at that end.
    pub(super) fn offset(&self, position: Position) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else { return self.text.len() };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text[start..end].trim_end_matches(['\r', '\n']);
        let mut left = position.character;
        for (at, char) in line.char_indices() {
            let units = self.encoding.units(char);
            if left < units {
                return start + at;
            }
            left -= units;
        }
        start + line.len()
    }

    /// A span as a range.
    pub(super) fn range(&self, span: Span) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_in_every_encoding() {
        let text: Arc<str> = "a = '𝄞é'\r\nb\rc\n".into();
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            let lines = Lines::new(&text, encoding);
            for (offset, char) in text.char_indices() {
                // Between `\r` and `\n` stands nothing: the line ends before both.
                if char != '\n' || !text[..offset].ends_with('\r') {
                    assert_eq!(lines.offset(lines.position(offset as u32)), offset, "{encoding:?} at {offset}");
                }
            }
        }
    }

    #[test]
    fn a_character_is_what_the_client_says() {
        let text: Arc<str> = "'𝄞é' + x".into();
        let offset = text.find('x').unwrap() as u32;
        let column = |encoding| Lines::new(&text, encoding).position(offset).character;
        assert_eq!([Encoding::Utf8, Encoding::Utf16, Encoding::Utf32].map(column), [11, 8, 7]);
    }

    #[test]
    fn a_position_past_the_end_stands_at_the_end() {
        let text: Arc<str> = "ab\ncd".into();
        let lines = Lines::new(&text, Encoding::Utf16);
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), 2);
        assert_eq!(lines.offset(Position { line: 9, character: 0 }), 5);
    }
}
