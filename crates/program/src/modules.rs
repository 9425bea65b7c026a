//! Module names and the files behind them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::unit::{Origin, Unit, UnitId};

/// Which file a module name means.
#[derive(Debug, Default)]
pub struct Modules {
    own: FxHashMap<Arc<str>, Vec<UnitId>>,
    library: FxHashMap<Arc<str>, UnitId>,
    /// Packages that have modules below them but no file of their own.
    namespaces: rustc_hash::FxHashSet<Arc<str>>,
    roots: Vec<Arc<str>>,
}

impl Modules {
    pub(crate) fn new(units: &[Unit]) -> Modules {
        let mut modules = Modules { roots: units.iter().map(|it| it.root.clone()).collect(), ..Modules::default() };
        for (at, unit) in units.iter().enumerate() {
            let id = UnitId(at as u32);
            match unit.origin {
                Origin::Project => modules.own.entry(unit.module.clone()).or_default().push(id),
                Origin::Library => {
                    modules.library.entry(unit.module.clone()).or_insert(id);
                }
            }
            let mut name = &*unit.module;
            while let Some((package, _)) = name.rsplit_once('.') {
                if !modules.namespaces.insert(package.into()) {
                    break;
                }
                name = package;
            }
        }
        // A `.py` file beside its stub is the one with the bodies.
        for ids in modules.own.values_mut() {
            ids.sort_by_key(|id| (units[id.0 as usize].is_stub, *id));
        }
        modules
    }

    /// The module that an import in a file means: the same root first, then any of the project, then the library.
    #[must_use]
    pub fn find(&self, importer: UnitId, name: &str) -> Option<UnitId> {
        if let Some(ids) = self.own.get(name) {
            let root = &self.roots[importer.0 as usize];
            let same = ids.iter().find(|id| self.roots[id.0 as usize] == *root);
            return same.or(ids.first()).copied();
        }
        self.library(name)
    }

    /// A module of the library.
    #[must_use]
    pub fn library(&self, name: &str) -> Option<UnitId> {
        self.library.get(name).copied()
    }

    /// Whether the name is a package without a file.
    #[must_use]
    pub fn is_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// Whether the project has a module of this name.
    #[must_use]
    pub fn is_own(&self, name: &str) -> bool {
        self.own.contains_key(name)
    }
}
