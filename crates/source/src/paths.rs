//! Paths as they are compared and as they are shown.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The path made absolute, without `.` and `..`. Links are left as the user wrote them.
pub(crate) fn absolute(path: &Path, working_directory: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in working_directory.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => clean.push(part),
        }
    }
    clean
}

/// The path with `/` between its parts.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// The path relative to the working directory where it is below it, else as it is.
pub(crate) fn display(path: &Path, working_directory: &Path) -> Arc<str> {
    match path.strip_prefix(working_directory) {
        Ok(relative) if relative.as_os_str().is_empty() => Arc::from("."),
        Ok(relative) => Arc::from(shown(relative)),
        Err(_) => Arc::from(shown(path)),
    }
}
