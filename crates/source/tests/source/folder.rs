//! A temporary folder with files in it.

use std::path::{Path, PathBuf};

use raddle_source::{Project, Request, SourceError, discover};
use tempfile::TempDir;

pub struct Folder {
    held: TempDir,
}

impl Folder {
    /// Writes files; a name that ends with `/` is an empty folder.
    pub fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder { held: TempDir::with_prefix("raddle").unwrap() };
        for (name, content) in files {
            folder.write(name, content.as_bytes());
        }
        folder
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        if name.ends_with('/') {
            std::fs::create_dir_all(path).unwrap();
            return;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.held.path()
    }

    /// A request from this folder as the working directory, without the machine's environments.
    pub fn request(&self, paths: &[&str]) -> Request {
        Request {
            paths: paths.iter().map(PathBuf::from).collect(),
            working_directory: self.path().to_path_buf(),
            ..Request::default()
        }
    }

    pub fn discover(&self, paths: &[&str]) -> Project {
        discover(&self.request(paths)).unwrap()
    }

    /// The files that are found, one a line.
    pub fn files(&self, paths: &[&str]) -> String {
        let project = self.discover(paths);
        let mut lines: Vec<String> = project.files.iter().map(|file| file.display.to_string()).collect();
        lines.extend(project.links.iter().map(|link| format!("link {link}")));
        lines.extend(project.errors.iter().map(error));
        self.plain(&lines.join("\n"))
    }

    /// The text with the folder's own path as `~`.
    pub fn plain(&self, text: &str) -> String {
        text.replace(&*self.path().to_string_lossy(), "~")
    }
}

/// An error in one line.
pub fn error(error: &SourceError) -> String {
    let mut place = error.path.to_string();
    for number in [error.cell.map(|cell| format!(":cell {cell}")), error.line.map(|line| format!(":{line}"))] {
        place.push_str(&number.unwrap_or_default());
    }
    if let Some(column) = error.column {
        place.push_str(&format!(":{column}"));
    }
    format!("{place}: {:?}: {}", error.kind, error.detail)
}

/// A notebook of code cells; line ends within a cell are written `\n`.
pub fn notebook(cells: &[&str]) -> String {
    let cells = cells.iter().map(|source| {
        let source = source.replace('\n', "\\n");
        format!(
            r#"{{"cell_type": "code", "metadata": {{}}, "source": "{source}", "outputs": [], "execution_count": null}}"#
        )
    });
    let cells = cells.collect::<Vec<_>>().join(",\n");
    format!(r#"{{"cells": [{cells}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 2}}"#)
}
