//! Project files by module name.

use std::path::Path;
use std::sync::Arc;

use ruff_python_stdlib::sys::is_known_standard_library;
use rustc_hash::FxHashMap;

use crate::project::{Kind, Project, ProjectFile};

/// Finds project files by module name. Files are named by their position in [`Project::files`].
#[derive(Debug, Default)]
pub struct Modules {
    minor: u8,
    claims: FxHashMap<Arc<str>, Vec<Claim>>,
    importers: Vec<Importer>,
}

/// What one file says a name means.
#[derive(Debug)]
struct Claim {
    file: usize,
    root: Arc<Path>,
    alias: bool,
    rooted: bool,
    stub: bool,
}

/// What must be known of a file that imports.
#[derive(Debug)]
struct Importer {
    path: Arc<Path>,
    root: Arc<Path>,
    module: Arc<str>,
    package: bool,
}

impl Modules {
    /// Indexes the project's files.
    #[must_use]
    pub fn new(project: &Project) -> Modules {
        let mut modules = Modules { minor: project.settings.python_version.1, ..Modules::default() };
        for (index, file) in project.files.iter().enumerate() {
            modules.claim(index, file);
        }
        modules
    }

    fn claim(&mut self, index: usize, file: &ProjectFile) {
        // Notebooks and names with dashes are imported by nobody, but they import.
        let own = (&file.module, &file.root, false);
        let aliases = file.aliases.iter().map(|(module, root)| (module, root, true));
        for (module, root, alias) in std::iter::once(own).chain(aliases).filter(|_| file.kind != Kind::Notebook) {
            let (root, stub) = (Arc::clone(root), file.kind == Kind::Stub);
            let claim = Claim { file: index, root, alias, rooted: file.rooted, stub };
            self.claims.entry(Arc::clone(module)).or_default().push(claim);
        }
        self.importers.push(Importer {
            path: Arc::from(&*file.path),
            root: Arc::clone(&file.root),
            module: Arc::clone(&file.module),
            package: file.package,
        });
    }

    /// The file that the absolute name `module` means in `importer`.
    ///
    /// Several files may claim a name: one in the importer's own root wins, then one whose root is nearest around the
    /// importer, then its own name over an alias, then code over a stub, then the first by path. An alias holds only
    /// for importers below its folder. The standard library keeps its names, except from a file at the top of the
    /// importer's program, which is what `sys.path` makes of it.
    #[must_use]
    pub fn find(&self, module: &str, importer: usize) -> Option<usize> {
        let from = self.importers.get(importer)?;
        let top = module.split('.').next().unwrap_or(module);
        let standard = is_known_standard_library(self.minor, top);
        let claims = self.claims.get(module)?.iter().filter(|claim| {
            let around = from.path.starts_with(&claim.root);
            if standard { around && claim.rooted && !claim.alias } else { around || !claim.alias }
        });
        let best = claims.min_by_key(|claim| {
            let near = if from.path.starts_with(&claim.root) { claim.root.components().count() } else { 0 };
            (claim.root != from.root, usize::MAX - near, claim.alias, claim.stub, claim.file)
        });
        best.map(|claim| claim.file)
    }

    /// The file that a relative import means in `importer`: `level` dots, then `module`, which may be empty.
    #[must_use]
    pub fn find_relative(&self, level: u32, module: &str, importer: usize) -> Option<usize> {
        let name = self.absolute(level, module, importer)?;
        let from = self.importers.get(importer)?;
        let claims = self.claims.get(&*name)?.iter().filter(|claim| claim.root == from.root && !claim.alias);
        claims.min_by_key(|claim| (claim.stub, claim.file)).map(|claim| claim.file)
    }

    /// The absolute name of a relative import in `importer`; `None` when it goes up past the import root.
    #[must_use]
    pub fn absolute(&self, level: u32, module: &str, importer: usize) -> Option<String> {
        let from = self.importers.get(importer)?;
        let mut package = if from.package { &*from.module } else { parent(&from.module) };
        for _ in 1..level {
            if package.is_empty() {
                return None;
            }
            package = parent(package);
        }
        match (package.is_empty(), module.is_empty()) {
            (true, true) => None,
            (true, false) => Some(module.to_owned()),
            (false, true) => Some(package.to_owned()),
            (false, false) => Some(format!("{package}.{module}")),
        }
    }
}

/// The package that holds a module; empty for a top-level one.
fn parent(module: &str) -> &str {
    module.rsplit_once('.').map_or("", |(parent, _)| parent)
}
