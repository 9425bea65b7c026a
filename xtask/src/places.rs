//! Where things stand: the repository, what is shared beside it, and the caches.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The repository's top folder.
pub(crate) fn root() -> PathBuf {
    // cargo names the folder of the xtask that runs; the binary may have been built for another clone.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().expect("xtask is a folder of the repository").to_owned()
}

/// Cases and scorers that stand beside the repository.
///
/// # Errors
///
/// When they are not there.
pub(crate) fn shared(part: &str) -> Result<PathBuf> {
    let path = root().join("../shared").join(part);
    if !path.exists() {
        bail!("`../shared/{part}` is missing: this step needs the cases and scorers that stand beside the repository");
    }
    path.canonicalize().with_context(|| format!("cannot resolve `../shared/{part}`"))
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Downloaded packages; `scripts/fetch.py` uses the same.
///
/// # Errors
///
/// When neither the variable nor a home folder is set.
pub(crate) fn corpus_cache() -> Result<PathBuf> {
    cache("RADDLE_CORPUS_CACHE", "raddle-corpus")
}

/// The peers' virtual environment.
///
/// # Errors
///
/// When neither the variable nor a home folder is set.
pub(crate) fn tools_cache() -> Result<PathBuf> {
    cache("RADDLE_TOOLS_CACHE", "raddle-tools")
}

fn cache(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(folder) = env::var_os(variable).filter(|it| !it.is_empty()) {
        return Ok(folder.into());
    }
    let home = env::home_dir().with_context(|| format!("no home folder; set `{variable}`"))?;
    Ok(home.join(".cache").join(name))
}
