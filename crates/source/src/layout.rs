//! Which module a file is, from the folders around it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::paths::shown;

/// Names of files that make a folder a project root.
const MARKERS: [&str; 6] = ["pyproject.toml", "raddle.toml", "setup.py", "setup.cfg", ".git", ".hg"];

/// Names of folders that hold import roots by convention.
const SOURCE_FOLDERS: [&str; 3] = ["src", "lib", "python"];

/// The nearest folder from `start` upwards that looks like the root of a project.
pub(crate) fn project_root(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| MARKERS.iter().any(|marker| folder.join(marker).exists())).map(Path::to_path_buf)
}

/// Where a file belongs.
pub(crate) struct Home {
    pub(crate) module: Arc<str>,
    pub(crate) root: Arc<Path>,
    pub(crate) aliases: Vec<(Arc<str>, Arc<Path>)>,
    pub(crate) package: bool,
    pub(crate) rooted: bool,
}

/// Remembers which folders are packages.
#[derive(Default)]
pub(crate) struct Layout {
    packages: FxHashMap<PathBuf, bool>,
    roots: FxHashMap<PathBuf, Arc<Path>>,
}

impl Layout {
    /// The home of a file that was reached through `given`, in a project with a root of its own or without one.
    ///
    /// `here` is the working directory, from which programs tend to be started.
    pub(crate) fn home(&mut self, file: &Path, given: &Path, project: Option<&Path>, here: &Path) -> Home {
        let folder = file.parent().unwrap_or(file);
        let top = self.top(folder);
        let fallback = if given.is_absolute() && folder.starts_with(given) { given } else { folder };
        let base = project.filter(|project| folder.starts_with(project)).unwrap_or(fallback);
        let source = base.components().count();
        let conventional =
            folder.components().nth(source).filter(|part| SOURCE_FOLDERS.iter().any(|name| part.as_os_str() == *name));
        let conventional = conventional.map(|part| base.join(part)).filter(|folder| !self.is_package(folder));
        let base = conventional.as_deref().unwrap_or(base);
        // A package says by its `__init__` where it ends; only outside of packages does the base decide.
        let root = if top == folder && top.starts_with(base) { base } else { &*top };
        let rooted = root == base;
        let (module, package) = module_name(file, root);
        let mut aliases = Vec::new();
        for other in [&*top, base, fallback, project.unwrap_or(base), here] {
            let known = other == root || aliases.iter().any(|(_, root): &(Arc<str>, Arc<Path>)| **root == *other);
            // Modules of a package are not imported from inside of it.
            if !known && file.starts_with(other) && !self.is_package(other) {
                aliases.push((module_name(file, other).0, self.shared(other)));
            }
        }
        aliases.retain(|(module, _)| importable(module));
        Home { module, root: self.shared(root), aliases, package, rooted }
    }

    /// The folder above the outermost package that holds `folder`; `folder` itself when it is no package.
    fn top(&mut self, folder: &Path) -> PathBuf {
        let mut top = folder;
        while self.is_package(top) {
            match top.parent() {
                Some(parent) => top = parent,
                None => break,
            }
        }
        top.to_path_buf()
    }

    fn is_package(&mut self, folder: &Path) -> bool {
        if let Some(known) = self.packages.get(folder) {
            return *known;
        }
        let is = folder.join("__init__.py").is_file() || folder.join("__init__.pyi").is_file();
        self.packages.insert(folder.to_path_buf(), is);
        is
    }

    fn shared(&mut self, folder: &Path) -> Arc<Path> {
        let shared = self.roots.entry(folder.to_path_buf()).or_insert_with(|| Arc::from(folder));
        Arc::clone(shared)
    }
}

/// The dotted name of a file relative to a folder, and whether it is a package's `__init__`.
fn module_name(file: &Path, root: &Path) -> (Arc<str>, bool) {
    let relative = file.strip_prefix(root).unwrap_or(file).with_extension("");
    let package = relative.file_name().is_some_and(|name| name == "__init__");
    let inner = if package { relative.parent().unwrap_or(&relative) } else { &relative };
    let name = shown(inner).replace('/', ".");
    let name = if name.is_empty() { "__init__".to_owned() } else { name };
    (Arc::from(name), package)
}

/// Whether an import statement can name the module.
fn importable(module: &str) -> bool {
    module.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && chars.all(|char| char == '_' || char.is_alphanumeric())
    })
}
