//! What each function does: one file at a time, the tree walked once.
//!
//! [`read`] turns a syntax tree into [`FileFacts`]: symbolic values, scopes, functions, classes and acts, with
//! everything that needs another file left open for `program` to close. Facts are plain data: they can be cached
//! by the content of the file, and a verdict never sees a tree.

pub mod declared;
pub mod file;
pub mod flow;
pub mod models;
pub mod text;
pub mod value;

mod walk;

pub use declared::{DeclaredGuard, read};
pub use file::{
    Act, ActKind, Class, ClassId, FileFacts, Function, FunctionId, Guard, GuardId, GuardKind, Held, HeldId, Parameter,
    ParameterKind, Scope, ScopeId, ScopeKind,
};
pub use flow::{BlockId, Flow, LoopKind, Usage};
pub use value::{Argument, ArgumentRange, Display, Keyword, ListRange, Sym, Test, Value, ValueId};
pub use walk::{Depth, Environment, walk};
