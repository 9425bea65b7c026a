//! Text to syntax tree, within fixed bounds of size and nesting.

use std::ops::Deref;

use ruff_python_ast::{PySourceType, PythonVersion};
use ruff_python_parser::{AsMode, ParseOptions, Parsed, parse_cells_unchecked, parse_unchecked};

use crate::depth::{DEPTH_LIMIT, bound};
use crate::error::{SourceError, SourceErrorKind, guarded};
use crate::place::LineIndex;
use crate::project::Kind;
use crate::syntax::{TextRange, TextSize, Tokens, ast, span};
use crate::text::Text;

/// Stack that dropping one level of a tree may take, measured with room to spare.
const DROP_STACK: usize = 1024;

/// The syntax tree of one file, with its tokens.
#[derive(Debug)]
pub struct Tree {
    /// `None` only while the tree is being dropped.
    parsed: Option<Parsed<ast::ModModule>>,
    depth: u32,
}

impl Tree {
    /// All tokens, comments among them.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        self.parsed().tokens()
    }

    /// An upper bound of how deep the tree nests, at most [`DEPTH_LIMIT`].
    #[must_use]
    pub fn depth_bound(&self) -> u32 {
        self.depth
    }

    fn parsed(&self) -> &Parsed<ast::ModModule> {
        self.parsed.as_ref().expect("a tree holds its nodes until it is dropped")
    }
}

impl Deref for Tree {
    type Target = ast::ModModule;

    fn deref(&self) -> &ast::ModModule {
        self.parsed().syntax()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Nodes own their children, so dropping recurses as deep as the tree nests.
        let stack = self.depth as usize * DROP_STACK;
        let parsed = self.parsed.take();
        stacker::maybe_grow(stack, stack.max(1 << 20), move || drop(parsed));
    }
}

/// Parses a text as Python of the given version. The first syntax error is the answer when there is one.
pub fn parse(text: &Text, kind: Kind, version: (u8, u8)) -> Result<Tree, SourceError> {
    let whole = |kind, detail: String| SourceError::whole(&text.display, kind, detail);
    if let Some(offset) = text.content.find('\0') {
        let detail = "source code cannot contain null bytes".to_owned();
        return Err(placed(text, TextSize::new(offset as u32), whole(SourceErrorKind::Syntax, detail)));
    }
    let depth = guarded(|| bound(&text.content, kind.source_type().as_mode()))
        .map_err(|panic| whole(SourceErrorKind::Panicked, panic))?;
    if depth > DEPTH_LIMIT {
        return Err(whole(SourceErrorKind::TooDeep, format!("more than {DEPTH_LIMIT} levels")));
    }
    let parsed = guarded(|| parsed(text, kind, version)).map_err(|panic| whole(SourceErrorKind::Panicked, panic))?;
    let tree = Tree { parsed: Some(parsed), depth };
    let first = tree.parsed().errors().iter().min_by_key(|error| error.location.start());
    match first {
        Some(error) => {
            let whole = whole(SourceErrorKind::Syntax, error.error.to_string());
            Err(placed(text, error.location.start(), whole))
        }
        None => Ok(tree),
    }
}

fn parsed(text: &Text, kind: Kind, version: (u8, u8)) -> Parsed<ast::ModModule> {
    let version = PythonVersion { major: version.0, minor: version.1 };
    let options = ParseOptions::from(kind.source_type()).with_target_version(version);
    if kind == Kind::Notebook && !text.cells.is_empty() {
        let ends = text.cells.iter().skip(1).map(|cell| cell.start).chain([text.content.len() as u32]);
        // Each cell ends with the line feed that joins it to the next one.
        let ranges = text.cells.iter().zip(ends).map(|(cell, end)| {
            TextRange::new(TextSize::new(cell.start), TextSize::new(end.saturating_sub(1).max(cell.start)))
        });
        return parse_cells_unchecked(&text.content, ranges, &options);
    }
    let parsed = parse_unchecked(&text.content, options);
    parsed.try_into_module().expect("module options give a module")
}

/// The error with the place of an offset.
fn placed(text: &Text, offset: TextSize, error: SourceError) -> SourceError {
    let place = LineIndex::new(text).place(span(TextRange::empty(offset)));
    SourceError { cell: place.cell, ..error.at(place.line, place.column) }
}

impl Kind {
    pub(crate) fn source_type(self) -> PySourceType {
        match self {
            Kind::Python => PySourceType::Python,
            Kind::Stub => PySourceType::Stub,
            Kind::Notebook => PySourceType::Ipynb,
        }
    }
}
