//! The window on ruff's syntax crates: every other crate of raddle names them only through here.

pub use ruff_python_ast as ast;
pub use ruff_python_ast::token::{Token, TokenKind, Tokens};
pub use ruff_python_ast::visitor::source_order;
pub use ruff_python_ast::{name, statement_visitor, visitor};
pub use ruff_python_parser::{Mode, ParseError, Parsed, parse_expression, parse_module};
pub use ruff_text_size::{Ranged, TextLen, TextRange, TextSize};

use raddle_vocabulary::Span;

/// Whether a module of this name belongs to the standard library of Python 3.`minor`.
#[must_use]
pub fn is_standard_library(minor: u8, module: &str) -> bool {
    ruff_python_stdlib::sys::is_known_standard_library(minor, module)
}

/// The span of a node, token or range.
#[must_use]
pub fn span(ranged: impl Ranged) -> Span {
    Span { start: ranged.start().to_u32(), end: ranged.end().to_u32() }
}

/// The range of a span.
#[must_use]
pub fn range(span: Span) -> TextRange {
    TextRange::new(TextSize::new(span.start), TextSize::new(span.end))
}
