//! Modules outside the project: the bundled typeshed and the environment's installed packages.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ruff_db::files::FilePath;
use ruff_python_stdlib::sys::is_known_standard_library;
use rustc_hash::FxHashMap;
use ty_module_resolver::{Module, ModuleName, SearchPath, resolve_module_confident, resolve_real_module_confident};

use crate::db::{Db, Seed};
use crate::error::{SourceError, SourceErrorKind, guarded};
use crate::project::{Kind, Project};
use crate::text::Text;

/// Finds library modules by name. Shared by all threads; an answer depends on the project alone.
pub struct Library {
    db: Mutex<Db>,
    /// Whether there is more than the standard library to look into.
    installed: bool,
    minor: u8,
    known: RwLock<FxHashMap<Arc<str>, Option<LibraryFile>>>,
}

/// Where a library module comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The stubs of the standard library that raddle carries.
    Typeshed,
    /// A stub in an installed package: its code is compiled, or nowhere to be found.
    Stub,
    /// The code of an installed package.
    SitePackages,
}

/// One library module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryFile {
    /// Dotted name.
    pub module: Arc<str>,
    /// Path as it is shown; for typeshed `typeshed:stdlib/asyncio/locks.pyi`.
    pub path: Arc<str>,
    /// Whether it is a package's `__init__`.
    pub package: bool,
    /// Where it comes from.
    pub origin: Origin,
    place: Location,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Location {
    Bundled(String),
    Disk(PathBuf),
}

impl Library {
    /// The library that the project's environment and Python version give.
    pub fn new(project: &Project) -> anyhow::Result<Library> {
        Ok(Library {
            db: Mutex::new(Db::new(&Seed::new(project, &[])?)?),
            installed: !project.environment.site_packages.is_empty(),
            minor: project.settings.python_version.1,
            known: RwLock::default(),
        })
    }

    /// The file of a module. `None` where there is none: not installed, not in this Python version, a namespace
    /// package, or compiled code without a stub.
    #[must_use]
    pub fn find(&self, module: &str) -> Option<LibraryFile> {
        // A poisoned lock only says that another thread died between two lookups; the map is whole.
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(module) {
            return known.clone();
        }
        let found = if self.cannot_be(module) {
            None
        } else {
            let db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
            guarded(|| look_up(&db, module)).unwrap_or_default()
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(Arc::from(module)).or_insert(found).clone()
    }

    /// What needs no look at the search paths: a name below a plain module, or one that nothing is installed for.
    fn cannot_be(&self, module: &str) -> bool {
        if let Some((package, _)) = module.rsplit_once('.') {
            return match self.find(package) {
                Some(found) => !found.package,
                // Without an environment there are no namespace packages either.
                None => !self.installed,
            };
        }
        // typeshed has private modules and two packages that the standard library does not.
        let bundled = module.starts_with('_')
            || matches!(module, "typing_extensions" | "ty_extensions")
            || is_known_standard_library(self.minor, module);
        !self.installed && !bundled
    }
}

fn look_up(db: &Db, module: &str) -> Option<LibraryFile> {
    let name = ModuleName::new(module)?;
    let resolver = db.resolver();
    let typed = resolve_module_confident(db, resolver, &name);
    let standard = |found: &Module<'_>| found.search_path(db).is_some_and(SearchPath::is_standard_library);
    if let Some(typed) = typed.filter(standard) {
        return library_file(db, typed, module);
    }
    // Code says more than a stub.
    let code = resolve_real_module_confident(db, resolver, &name).filter(|found| found.file(db).is_some());
    library_file(db, code.or(typed)?, module)
}

fn library_file(db: &Db, found: Module<'_>, module: &str) -> Option<LibraryFile> {
    let file = found.file(db)?;
    let (path, place, origin) = match file.path(db) {
        FilePath::Vendored(path) => {
            let path = path.as_str();
            (format!("typeshed:{path}"), Location::Bundled(path.to_owned()), Origin::Typeshed)
        }
        FilePath::System(path) => {
            let stub = path.extension() == Some("pyi");
            let origin = if stub { Origin::Stub } else { Origin::SitePackages };
            (path.to_string(), Location::Disk(path.as_std_path().to_path_buf()), origin)
        }
        FilePath::SystemVirtual(_) => return None,
    };
    let package = found.kind(db).is_package();
    Some(LibraryFile { module: Arc::from(module), path: Arc::from(path), package, origin, place })
}

impl LibraryFile {
    /// Reads and decodes the module.
    pub fn read(&self) -> Result<Text, SourceError> {
        match &self.place {
            Location::Disk(path) => Text::read(path, &self.path, self.kind()),
            Location::Bundled(path) => {
                let content = ty_vendored::file_system()
                    .read_to_string(path.as_str())
                    .map_err(|error| SourceError::whole(&self.path, SourceErrorKind::Unreadable, error.to_string()))?;
                Text::of_bytes(content.as_bytes(), &self.path, Kind::Stub)
            }
        }
    }

    /// What the module is written in.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.origin {
            Origin::Typeshed | Origin::Stub => Kind::Stub,
            Origin::SitePackages => Kind::Python,
        }
    }
}
