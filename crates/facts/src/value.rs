//! Symbolic values: what an expression stands for, as far as one file can tell.
//!
//! Values live in the file's arena and are interned, so that two reads of `self.client` in one function are one value.

use bitcode::{Decode, Encode};

use crate::file::{ClassId, FunctionId, ScopeId};

/// A name in the file's table of symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Sym(pub u32);

/// A value in the file's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The value of which nothing is known; it is the first of every arena.
    pub const UNKNOWN: ValueId = ValueId(0);
}

/// Some values of the file's pool of lists. Equal lists share their entries, but for those of displays that make an object
/// each time they run; an empty one of those starts at its place in the source, so that it differs from the others too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ListRange {
    /// First entry in the pool.
    pub start: u32,
    /// Number of entries.
    pub len: u32,
}

/// Some arguments of the file's pool of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ArgumentRange {
    /// First entry in the pool.
    pub start: u32,
    /// Number of entries.
    pub len: u32,
}

/// How an argument is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Keyword {
    /// By position.
    Positional,
    /// `name=value`.
    Named(Sym),
    /// `*value`.
    Star,
    /// `**value`.
    DoubleStar,
}

/// One argument of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Argument {
    /// How it is given.
    pub keyword: Keyword,
    /// What it is.
    pub value: ValueId,
}

/// What a display or comprehension makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Display {
    /// `(a, b)`: the entries keep their positions.
    Tuple,
    /// `[a, b]` or a list comprehension.
    List,
    /// `{a, b}`.
    Set,
    /// `{k: a}`: the entries are the values.
    Dict,
    /// `(a for …)`.
    Generator,
}

/// What a condition asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Test {
    /// `not a`.
    Not,
    /// `a and b`.
    And,
    /// `a or b`.
    Or,
    /// `a is None`.
    IsNone,
    /// `a is not None`.
    IsNotNone,
    /// `a in b`.
    In,
    /// `a not in b`.
    NotIn,
    /// `a == b`, `a is b`.
    Equal,
    /// `a != b`, `a is not b`.
    NotEqual,
    /// `a < b` and the rest.
    Order,
}

/// What an expression stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Value {
    /// Nothing is known.
    Unknown,
    /// `None`.
    None,
    /// `True`.
    True,
    /// `False`.
    False,
    /// `0` or `0.0`.
    Zero,
    /// `1`.
    One,
    /// Another number.
    Number,
    /// A whole number of ten thousand or more, as they stand in the `range` of long loops.
    Large,
    /// A string literal or f-string.
    Text,
    /// A string literal that is one short lower-case word: the name of a mode or method.
    Word(Sym),
    /// A bytes literal.
    Bytes,
    /// A display or comprehension.
    Display(Display, ListRange),
    /// A name that is looked up from a scope outwards, all its bindings together.
    Name(ScopeId, Sym),
    /// One of several values, by the way control took.
    Union(ListRange),
    /// The module with this dotted path.
    Import(Sym),
    /// `from module import name`; the module keeps its leading dots.
    ImportFrom(Sym, Sym),
    /// A `def` or `lambda` of this file, with its decorators applied.
    Function(FunctionId),
    /// A class of this file.
    Class(ClassId),
    /// A parameter, by its place in the function's list.
    Parameter(FunctionId, u16),
    /// `value.name`.
    Attribute(ValueId, Sym),
    /// `value(arguments)`.
    Call(ValueId, ArgumentRange),
    /// `await value`.
    Await(ValueId),
    /// `value[index]`.
    Subscript(ValueId, ValueId),
    /// What iterating gives.
    Element(ValueId),
    /// What `async for` gives.
    AsyncElement(ValueId),
    /// What `with value as …` binds.
    Entered(ValueId),
    /// What `async with value as …` binds.
    AsyncEntered(ValueId),
    /// One entry of what is unpacked.
    Unpacked(ValueId, u16),
    /// An instance of what an annotation names.
    Annotated(ValueId),
    /// An annotated binding: the annotation, and the value if the annotation says too little.
    Declared(ValueId, ValueId),
    /// The value where `isinstance(value, class)` holds.
    Narrowed(ValueId, ValueId),
    /// `super()` in a method of the class, for the function's first parameter.
    Super(ClassId, FunctionId),
    /// `left / right` or another binary operator: mostly of the left operand's class.
    Operator(ValueId, ValueId),
    /// A condition and what it looks at.
    Test(Test, ListRange),
}

impl Value {
    /// Whether this is a value with a declaration around it.
    #[must_use]
    pub fn is_declared_as(self, value: ValueId) -> bool {
        matches!(self, Value::Declared(_, inner) if inner == value)
    }
}
