//! Locks: which one a value stands for, which are held where, and which a call may take.
//!
//! A lock is known by its place ([`place`]): `module.NAME`, `Class.attribute` of an owner, a local, an entry of a
//! container. The owner is a path from a parameter of the function at hand, so that `self._lock` here and `other._lock`
//! there stay apart, and a call carries a lock from the callee's words into the caller's.

pub mod caller;
pub mod held;
mod hidden;
pub mod interrupts;
pub mod leads;
pub mod peer;
pub mod place;
pub mod registry;
mod settled;
mod single;
pub mod summary;
pub mod waiting;
mod wrappers;

use std::sync::Arc;

use raddle_facts::models::{LockKind, Waiter};
use smallvec::SmallVec;

use crate::unit::{ClassRef, FunctionRef, UnitId};

/// Where a lock lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockKey {
    /// A module's global.
    Global(UnitId, Arc<str>),
    /// An attribute of a class or of its instances, by the class that defines it.
    Member(ClassRef, Arc<str>),
    /// A variable of a function, seen by the functions in it too.
    Local(FunctionRef, Arc<str>),
    /// A parameter of a function: the caller says which lock it is.
    Parameter(FunctionRef, u16),
    /// Some entry of a container.
    Entry(Box<LockKey>),
    /// The lock of a library object, by the object's class.
    Outside(Arc<str>),
}

/// From where the owner of a lock is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// There is only one: a global, or an attribute of the class itself.
    Only,
    /// From a parameter of the function.
    Parameter(FunctionRef, u16),
    /// From a variable of the function.
    Local(FunctionRef, u32),
    /// Nobody knows which instance it is.
    Unknown,
}

/// The object a lock belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Where the way to it begins.
    pub root: Root,
    /// The attributes on the way.
    pub fields: SmallVec<[Arc<str>; 1]>,
}

impl Owner {
    /// The one and only.
    #[must_use]
    pub fn only() -> Owner {
        Owner { root: Root::Only, fields: SmallVec::new() }
    }

    /// Some instance.
    #[must_use]
    pub fn unknown() -> Owner {
        Owner { root: Root::Unknown, fields: SmallVec::new() }
    }

    /// Whether two owners are surely one object; both are seen from the same function.
    #[must_use]
    pub fn is_same(&self, other: &Owner) -> bool {
        self.root != Root::Unknown && self == other
    }
}

/// What kind of lock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LockInfo {
    /// Mutex, semaphore, condition or read-write lock.
    pub kind: LockKind,
    /// Whether the holder may take it again.
    pub reentrant: bool,
    /// Who waits for it.
    pub waiter: Waiter,
}

/// A lock as one function sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockRef {
    /// Where it lives.
    pub key: LockKey,
    /// The object it belongs to.
    pub owner: Owner,
    /// What it is; nothing for a parameter that only the caller knows.
    pub info: Option<LockInfo>,
}

impl LockRef {
    /// Whether two locks are surely one; both are seen from the same function.
    #[must_use]
    pub fn is_same(&self, other: &LockRef) -> bool {
        self.key == other.key && self.owner.is_same(&other.owner)
    }
}

/// A place as a person of the project would say it: `Class.attribute`, `name`.
#[must_use]
pub fn key_text(program: &crate::Program, key: &LockKey) -> String {
    match key {
        LockKey::Global(_, name) | LockKey::Local(_, name) => name.to_string(),
        LockKey::Member(class, name) => {
            let facts = &program.unit(class.unit).facts;
            format!("{}.{name}", facts.text(program.class(*class).name))
        }
        LockKey::Parameter(function, place) => {
            let facts = &program.unit(function.unit).facts;
            let parameter = program.function(*function).parameters.get(*place as usize);
            parameter.map_or_else(String::new, |it| facts.text(it.name).to_owned())
        }
        LockKey::Entry(of) => format!("{}[…]", key_text(program, of)),
        LockKey::Outside(path) => path.rsplit('.').next().unwrap_or(path).to_owned(),
    }
}
