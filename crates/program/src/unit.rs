//! A file as the program sees it, and references into it.

use std::sync::Arc;

use raddle_facts::{ClassId, FileFacts, FunctionId, ValueId};

/// A file of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u32);

/// A function of some file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionRef {
    /// The file.
    pub unit: UnitId,
    /// The function in it.
    pub function: FunctionId,
}

/// A class of some file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassRef {
    /// The file.
    pub unit: UnitId,
    /// The class in it.
    pub class: ClassId,
}

/// A value of some file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueRef {
    /// The file.
    pub unit: UnitId,
    /// The value in it.
    pub value: ValueId,
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The project: its functions are judged.
    Project,
    /// A stub or an installed library: only its types are looked at.
    Library,
}

/// A file of the program with its facts.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Path as it is shown.
    pub path: Arc<str>,
    /// Dotted module name.
    pub module: Arc<str>,
    /// Folder from which the module name counts, to tell two modules of one name apart.
    pub root: Arc<str>,
    /// Whether it is an `__init__` file.
    pub is_package: bool,
    /// Whether it is a stub.
    pub is_stub: bool,
    /// Where it comes from.
    pub origin: Origin,
    /// What it does.
    pub facts: Arc<FileFacts>,
}

impl Unit {
    /// The dotted name that `from <written> import …` means in this file, `written` with its leading dots.
    #[must_use]
    pub fn absolute(&self, written: &str) -> String {
        let rest = written.trim_start_matches('.');
        let level = written.len() - rest.len();
        if level == 0 {
            return rest.to_owned();
        }
        let mut parts: Vec<&str> = self.module.split('.').collect();
        let drop = if self.is_package { level - 1 } else { level };
        parts.truncate(parts.len().saturating_sub(drop));
        if !rest.is_empty() {
            parts.push(rest);
        }
        parts.join(".")
    }
}
