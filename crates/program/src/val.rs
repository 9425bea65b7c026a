//! What a symbolic value turns out to be once all files are known.

use std::sync::Arc;

use raddle_facts::Display;
use smallvec::SmallVec;

use crate::unit::{ClassRef, FunctionRef, UnitId};

/// One thing a value can be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Val {
    /// A function, not bound to an instance.
    Function(FunctionRef),
    /// A method bound to an instance (or class) of this class.
    Bound(FunctionRef, ClassRef),
    /// A class.
    Class(ClassRef),
    /// An instance, with what its class is generic over.
    Instance(ClassRef, Arguments),
    /// A module.
    Module(UnitId),
    /// A package or module without facts, by its dotted name.
    Namespace(Arc<str>),
    /// Something of a library, by the dotted name models know it by, with its stub where there is one.
    Outside(Arc<str>, Option<FunctionRef>),
    /// An instance of a library class that has no stub.
    OutsideInstance(Arc<str>),
    /// A coroutine object, not awaited.
    Coroutine(FunctionRef),
    /// A generator, not run.
    Generator(FunctionRef),
    /// What a `@contextmanager` function gives.
    Manager(FunctionRef),
    /// Something that gives these when it is awaited.
    Awaitable(Arc<Vals>),
    /// A context manager that gives these when it is entered.
    ManagerOf(Arc<Vals>),
    /// A method of a builtin container, by its name, and what calling it gives.
    Gives(Arc<str>, Arc<Vals>),
    /// `functools.partial(callee, …)` with the number of positional arguments that are already given.
    Partial(Arc<Val>, u8),
    /// A tuple, entry by entry.
    Tuple(Arc<[Vals]>),
    /// Another display: what it is and what it holds.
    Container(Display, Arc<Vals>),
    /// A parameter that nothing says more about.
    Parameter(FunctionRef, u16),
    /// `super()` in a class, for an instance of it.
    Super(ClassRef),
    /// A type variable, by the file and name it is declared under.
    TypeVariable(UnitId, u32),
    /// A literal that models look at.
    Literal(Literal),
}

/// Literals that models look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `None`.
    None,
    /// `True`.
    True,
    /// `False`.
    False,
    /// `0`.
    Zero,
    /// A number.
    Number,
    /// A string.
    Text,
    /// Bytes.
    Bytes,
}

/// What a class is generic over, or nothing.
pub type Arguments = Option<Arc<[Vals]>>;

/// Why a value, or a callee, is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// A parameter without annotation.
    Parameter,
    /// A library without stub or model.
    Library,
    /// An attribute that no class on the way has.
    Attribute,
    /// A name that nothing binds.
    Name,
    /// The expression is of a kind that is not followed.
    Expression,
    /// `Any`, `object` or another annotation that says too little.
    Annotation,
    /// A protocol, callable or other structural type.
    Structural,
    /// The question took more work than it may.
    Budget,
}

impl Because {
    /// The word for it in output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Because::Parameter => "parameter",
            Because::Library => "library",
            Because::Attribute => "attribute",
            Because::Name => "name",
            Because::Expression => "expression",
            Because::Annotation => "annotation",
            Because::Structural => "structural",
            Because::Budget => "budget",
        }
    }
}

/// Everything a value can be, and why that may not be all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Vals {
    /// What it can be, each once, in the order found.
    pub known: SmallVec<[Val; 1]>,
    /// Why there may be more.
    pub unknown: Option<Because>,
}

/// More alternatives than this say nothing.
const MOST: usize = 10;

impl Vals {
    /// Exactly this.
    #[must_use]
    pub fn one(val: Val) -> Vals {
        Vals { known: smallvec::smallvec![val], unknown: None }
    }

    /// Nothing is known.
    #[must_use]
    pub fn unknown(because: Because) -> Vals {
        Vals { known: SmallVec::new(), unknown: Some(because) }
    }

    /// Nothing, and nothing is missing: a branch that adds no alternative.
    #[must_use]
    pub fn nothing() -> Vals {
        Vals::default()
    }

    /// Whether nothing at all is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Adds an alternative.
    pub fn push(&mut self, val: Val) {
        if self.known.contains(&val) {
            return;
        }
        if self.known.len() >= MOST {
            self.unknown = self.unknown.or(Some(Because::Budget));
            return;
        }
        self.known.push(val);
    }

    /// Adds all alternatives of another.
    pub fn extend(&mut self, other: &Vals) {
        for val in &other.known {
            self.push(val.clone());
        }
        self.unknown = self.unknown.or(other.unknown);
    }
}

impl From<Val> for Vals {
    fn from(val: Val) -> Vals {
        Vals::one(val)
    }
}
