//! The control flow of a function, kept as the tree of its statements.
//!
//! A [`Block`] is a list of [`Flow`]s; acts stand in it as ranges of the file's pool, in the order Python evaluates
//! them. [`interpret`] runs a [`Domain`] over it: held locks, pending coroutines, swallowed cancellations and the like
//! are all the same walk with another state.

mod below;
mod interpret;

use bitcode::{Decode, Encode};
use raddle_vocabulary::Span;

use crate::value::{Sym, ValueId};

pub use interpret::{Catch, Domain, Exits, interpret, interpret_block};

/// A block of the file's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct BlockId(pub u32);

impl BlockId {
    /// The block in which nothing happens; it is the first of every pool.
    pub const EMPTY: BlockId = BlockId(0);
}

/// A range of the file's pool of [`Flow`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Block {
    /// The first.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

/// What makes a loop go round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum LoopKind {
    /// `while test`.
    While(ValueId),
    /// `while True` and the like: only `break`, `return` or an exception leaves it.
    Forever,
    /// `for … in value`.
    For(ValueId),
    /// `async for … in value`.
    AsyncFor(ValueId),
}

/// A handler of a `try`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Handler {
    /// What it catches; nothing for a bare `except:`.
    pub class: Option<ValueId>,
    /// `as name`.
    pub name: Option<Sym>,
    /// What it does.
    pub body: BlockId,
    /// From `except` to the end of its body.
    pub span: Span,
    /// The class expression, or the word `except`.
    pub head: Span,
}

/// One step of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Flow {
    /// Acts of the file's pool, one after the other.
    Acts {
        /// The first.
        start: u32,
        /// One past the last.
        end: u32,
    },
    /// `return value`; the value is `None` where none is written.
    Return {
        /// What is returned.
        value: ValueId,
        /// The statement.
        span: Span,
    },
    /// `raise`, with what is raised, or the exception that is being handled.
    Raise {
        /// What is raised.
        value: Option<ValueId>,
        /// The statement.
        span: Span,
    },
    /// `break`.
    Break(Span),
    /// `continue`.
    Continue(Span),
    /// A side of a static condition that this Python never takes.
    Unreachable,
    /// `if`, each `elif` being an `if` in the `else`.
    Branch {
        /// The condition.
        test: ValueId,
        /// When it holds.
        then: BlockId,
        /// When it does not.
        orelse: BlockId,
    },
    /// `while` and `for`. The condition of a `while` is the first thing in its body.
    Loop {
        /// What makes it go round.
        kind: LoopKind,
        /// What is repeated.
        body: BlockId,
        /// `else`.
        orelse: BlockId,
        /// The statement.
        span: Span,
    },
    /// `try`.
    Try {
        /// What is tried.
        body: BlockId,
        /// Handlers of the file's pool: the first, and how many.
        handlers: (u32, u32),
        /// `else`.
        orelse: BlockId,
        /// `finally`.
        finally: BlockId,
        /// The statement.
        span: Span,
    },
    /// `with`: one for each item, so that what follows an item stands in its body.
    With {
        /// The item.
        held: crate::file::HeldId,
        /// What it holds, the items to its right among it.
        body: BlockId,
        /// The statement.
        span: Span,
    },
    /// `match`.
    Match {
        /// Cases of the file's pool of lists of blocks: the first, and how many.
        cases: (u32, u32),
        /// Whether one of them always fits.
        exhaustive: bool,
    },
}

/// What becomes of the value of an expression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Usage {
    /// It is part of a larger expression.
    #[default]
    Operand,
    /// Nothing: the expression is a statement.
    Discarded,
    /// `await`.
    Awaited,
    /// `return`.
    Returned,
    /// `yield`.
    Yielded,
    /// It is assigned; the write that follows says to what.
    Bound,
    /// It is an argument of a call, a starred one included.
    Argument,
    /// It is an entry of a display or the element of a comprehension.
    Element,
    /// Its truth is asked: `if`, `while`, `not`, `and`, `or`, `assert`.
    Tested,
    /// It stands in an f-string.
    Formatted,
    /// An attribute of it is used.
    Receiver,
    /// It is called.
    Callee,
    /// It is indexed.
    Indexed,
    /// `for … in` it.
    Iterated,
    /// `async for … in` it.
    AsyncIterated,
    /// `with` it.
    Entered,
    /// `async with` it.
    AsyncEntered,
    /// It is compared.
    Compared,
    /// `raise`.
    Raised,
}
