//! What a run is about: the files, the settings, the environment, and what could not be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::error::SourceError;
use crate::settings::Settings;
use crate::text::Text;

/// What the caller asks for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Files and folders to look at; empty means the working directory.
    pub paths: Vec<PathBuf>,
    /// Where relative paths start.
    pub working_directory: PathBuf,
    /// A Python interpreter or the folder of an environment.
    pub python: Option<PathBuf>,
    /// Python version to judge by; wins over every other source.
    pub python_version: Option<(u8, u8)>,
    /// Configuration file to use instead of the nearest one.
    pub config: Option<PathBuf>,
    /// Use no configuration file.
    pub isolated: bool,
    /// Further globs to leave out, relative to the working directory.
    pub exclude: Vec<String>,
}

/// What discovery found.
#[derive(Debug)]
pub struct Project {
    /// Files to analyse, sorted by `display`.
    pub files: Vec<ProjectFile>,
    /// Folder that holds the project's own configuration; else the folder of the first path.
    pub root: PathBuf,
    /// Folders from which the project's modules are imported, sorted.
    pub roots: Vec<PathBuf>,
    /// Settings, with where they come from.
    pub settings: Settings,
    /// The Python environment whose packages the project imports.
    pub environment: Environment,
    /// Folders and files that could not be read, sorted.
    pub errors: Vec<SourceError>,
    /// Links to folders, which are not followed; as they are shown, sorted.
    pub links: Vec<Arc<str>>,
}

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A module or script.
    Python,
    /// A `.pyi` stub.
    Stub,
    /// A Jupyter notebook.
    Notebook,
}

/// One file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// Absolute path.
    pub path: PathBuf,
    /// Path as it is shown: relative to the working directory where possible, with `/`.
    pub display: Arc<str>,
    /// Dotted module name, relative to `root`.
    pub module: Arc<str>,
    /// Other dotted names under which code may import the file, each with the folder it is relative to.
    pub aliases: Vec<(Arc<str>, Arc<Path>)>,
    /// Whether the file is a package's `__init__`.
    pub package: bool,
    /// Folder from which `module` is imported.
    pub root: Arc<Path>,
    /// Whether `root` is where programs of the project start from, not just the folder around a package.
    pub rooted: bool,
    /// What the file is written in.
    pub kind: Kind,
    /// Size in bytes when it was found.
    pub size: u64,
    /// When it was last changed, where the file system says so.
    pub modified: Option<SystemTime>,
}

impl ProjectFile {
    /// Reads and decodes the file.
    pub fn read(&self) -> Result<Text, SourceError> {
        Text::read(&self.path, &self.display, self.kind)
    }
}

impl Kind {
    /// The kind that a file name says; `None` for a file that is not Python by name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Kind> {
        let extension = path.extension()?.to_str()?;
        match extension {
            "py" | "pyw" => Some(Kind::Python),
            "pyi" => Some(Kind::Stub),
            "ipynb" => Some(Kind::Notebook),
            _ => None,
        }
    }
}
