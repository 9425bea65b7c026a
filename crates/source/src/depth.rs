//! How deep a text nests, before anything recursive looks at it.

use ruff_python_parser::Mode;
use ruff_python_parser::lexer::{Lexer, lex};

use crate::syntax::TokenKind;

/// Nesting beyond which a file is refused. CPython 3.9 to 3.14 give up earlier on every shape of nesting.
pub const DEPTH_LIMIT: u32 = 10_000;

/// An upper bound of the depth of the text's tree; exact to a small factor only where the bound is large.
pub(crate) fn bound(content: &str, mode: Mode) -> u32 {
    // Every level costs a token made of one of these, or a keyword, so most files need no second look.
    let cheap = content.bytes().filter(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').count();
    let cheap = u32::try_from(cheap).unwrap_or(u32::MAX);
    if cheap <= DEPTH_LIMIT { cheap } else { measured(content, mode).levels }
}

/// What has been opened and not closed: brackets, replacement fields, blocks.
#[derive(Default, Clone, Copy)]
struct Frame {
    /// Levels of the frames around.
    outside: u32,
    /// Levels of the expression that is being read.
    chain: u32,
    /// Levels that a comma does not end: a lambda's parameters have commas of their own.
    kept: u32,
}

impl Frame {
    fn depth(self) -> u32 {
        self.outside + self.chain + self.kept
    }
}

/// How tangled a text is at its worst.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tangle {
    /// Levels of the tree: brackets and blocks nest, operators and postfixes chain until a comma or the statement ends.
    pub(crate) levels: u32,
    /// `and` and `or` in one logical line: flat in the tree, but each one forks the control flow.
    pub(crate) forks: u32,
}

/// Measures a text by its tokens.
pub(crate) fn measured(content: &str, mode: Mode) -> Tangle {
    let mut lexer: Lexer<'_> = lex(content, mode);
    let mut around: Vec<Frame> = Vec::new();
    let mut here = Frame::default();
    let mut blocks = 0_u32;
    let mut forks = 0_u32;
    let mut worst = Tangle::default();
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return worst,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                around.push(here);
                here = Frame { outside: here.depth() + 1, chain: 0, kept: 0 };
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                here = around.pop().unwrap_or(here);
                here.chain += 1;
            }
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::Newline | TokenKind::Semi => {
                around.clear();
                here = Frame { outside: blocks, chain: 0, kept: 0 };
                forks = 0;
            }
            TokenKind::Comma => here.chain = 0,
            TokenKind::Lambda => here.kept += 1,
            TokenKind::Dot | TokenKind::Not | TokenKind::Await | TokenKind::Else | TokenKind::Yield => here.chain += 1,
            TokenKind::And | TokenKind::Or => forks += 1,
            kind if kind.is_operator() => here.chain += 1,
            _ => {}
        }
        worst = Tangle { levels: worst.levels.max(here.depth()), forks: worst.forks.max(forks) };
    }
}
