//! Paths to project: which files a run looks at, and what surrounds them.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use ignore::{DirEntry, WalkBuilder};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::environment::environment;
use crate::error::{SourceError, SourceErrorKind};
use crate::layout::{Layout, project_root};
use crate::paths::{absolute, display, shown};
use crate::project::{Kind, Project, ProjectFile, Request};
use crate::settings::{Pattern, settings};

/// Folders that hold no source of the project, unless they are named.
const EXCLUDED: [&str; 28] = [
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "env",
    "node_modules",
    "site-packages",
    "venv",
];

/// Finds what a run is about. An error is something that makes the run impossible.
pub fn discover(request: &Request) -> anyhow::Result<Project> {
    let here = absolute(&request.working_directory, Path::new("/"));
    let mut given: Vec<PathBuf> = request.paths.iter().map(|path| absolute(path, &here)).collect();
    if given.is_empty() {
        given.push(here.clone());
    }
    let first = folder_of(&given[0]);
    for (path, named) in given.iter().zip(request.paths.iter().chain([&request.working_directory])) {
        let named = shown(named);
        std::fs::metadata(path).with_context(|| format!("{named}: no such file or folder; check the path"))?;
    }
    let marked = project_root(&first);
    let root = marked.clone().unwrap_or_else(|| first.clone());
    let mut settings = settings(request, &first, &root)?;
    let mut errors = Vec::new();
    let environment = environment(request, &root, &mut errors, &|name| std::env::var(name).ok())?;
    settings.settle_version(environment.python_version);
    let mut walk = Walk {
        here: &here,
        exclude: &settings.exclude,
        marked: marked.as_deref(),
        layout: Layout::default(),
        seen: FxHashSet::default(),
        folders: FxHashMap::default(),
        files: Vec::new(),
        errors,
        links: BTreeSet::new(),
    };
    for path in &given {
        walk.take(path);
    }
    let Walk { mut files, mut errors, links, .. } = walk;
    files.sort_by(|one, other| (&one.display, &one.path).cmp(&(&other.display, &other.path)));
    errors.sort();
    let roots: BTreeSet<PathBuf> = files.iter().map(|file| file.root.to_path_buf()).collect();
    let links = links.into_iter().collect();
    Ok(Project { files, root, roots: roots.into_iter().collect(), settings, environment, errors, links })
}

/// The folder of a file, or the folder itself.
fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_path_buf() } else { path.parent().unwrap_or(path).to_path_buf() }
}

/// The walk over the given paths.
struct Walk<'run> {
    here: &'run Path,
    exclude: &'run [Pattern],
    marked: Option<&'run Path>,
    layout: Layout,
    /// Real paths of the files that were taken.
    seen: FxHashSet<PathBuf>,
    /// Real paths of folders.
    folders: FxHashMap<PathBuf, PathBuf>,
    files: Vec<ProjectFile>,
    errors: Vec<SourceError>,
    links: BTreeSet<Arc<str>>,
}

impl Walk<'_> {
    fn take(&mut self, path: &Path) {
        if path.is_dir() {
            self.walk(path);
            return;
        }
        match std::fs::metadata(path) {
            // A file that was named is taken whatever it is called.
            Ok(metadata) => self.file(path, &folder_of(path), Kind::of(path).unwrap_or(Kind::Python), &metadata),
            Err(error) => self.error(path, &error.to_string()),
        }
    }

    fn walk(&mut self, folder: &Path) {
        let exclude = self.exclude.to_vec();
        let wanted = move |entry: &DirEntry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let by_name = is_folder && entry.file_name().to_str().is_some_and(|name| EXCLUDED.contains(&name));
            // What stands at depth 0 was named.
            entry.depth() == 0 || !(by_name || exclude.iter().any(|pattern| pattern.matches(entry.path())))
        };
        let mut builder = WalkBuilder::new(folder);
        builder.require_git(false).follow_links(false).filter_entry(wanted);
        for entry in builder.build() {
            match entry {
                Ok(entry) => self.entry(&entry, folder),
                Err(error) => self.walk_error(&error, folder),
            }
        }
    }

    fn entry(&mut self, entry: &DirEntry, folder: &Path) {
        let path = entry.path();
        let link = entry.path_is_symlink() && entry.depth() > 0;
        if link && path.is_dir() {
            self.links.insert(display(path, self.here));
            return;
        }
        let Some(kind) = Kind::of(path) else { return };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => self.file(path, folder, kind, &metadata),
            Err(error) => self.error(path, &error.to_string()),
        }
    }

    fn file(&mut self, path: &Path, given: &Path, kind: Kind, metadata: &Metadata) {
        let real = self.real(path);
        if !self.seen.insert(real) {
            return;
        }
        let home = self.layout.home(path, given, self.marked, self.here);
        self.files.push(ProjectFile {
            path: path.to_path_buf(),
            display: display(path, self.here),
            module: home.module,
            aliases: home.aliases,
            package: home.package,
            root: home.root,
            rooted: home.rooted,
            kind,
            size: metadata.len(),
            modified: metadata.modified().ok(),
        });
    }

    /// The path without links.
    fn real(&mut self, path: &Path) -> PathBuf {
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return canonical(path) };
        if path.is_symlink() {
            return canonical(path);
        }
        let folder = self.folders.entry(folder.to_path_buf()).or_insert_with(|| canonical(folder));
        folder.join(name)
    }

    fn walk_error(&mut self, error: &ignore::Error, folder: &Path) {
        let (path, detail) = innermost(error, folder);
        self.error(path, &detail);
    }

    fn error(&mut self, path: &Path, detail: &str) {
        let path = display(path, self.here);
        self.errors.push(SourceError::whole(&path, SourceErrorKind::Unreadable, detail));
    }
}

/// The path that an error of the walk is about, and the words of the operating system.
fn innermost<'error>(error: &'error ignore::Error, outer: &'error Path) -> (&'error Path, String) {
    match error {
        ignore::Error::WithPath { path, err } => innermost(err, path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => innermost(err, outer),
        ignore::Error::Io(error) => (outer, error.to_string()),
        other => (outer, other.to_string()),
    }
}
