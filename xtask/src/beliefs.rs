//! Runs the proofs of `docs/beliefs` on every CPython that is found, so that raddle's words stay true.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{child, places};

const FOLDER: &str = "docs/beliefs";

/// Minor versions of Python 3 that are looked for.
const VERSIONS: std::ops::RangeInclusive<u8> = 10..=15;

/// Runs every proof on every interpreter; gives how many runs there were.
///
/// # Errors
///
/// When a proof fails, or no interpreter is found.
pub(crate) fn prove() -> Result<usize> {
    let pythons = pythons();
    if pythons.is_empty() {
        bail!("no CPython from 3.{} to 3.{} is found", VERSIONS.start(), VERSIONS.end());
    }
    let mut proofs = Vec::new();
    for entry in fs::read_dir(places::root().join(FOLDER)).with_context(|| format!("could not list {FOLDER}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "py") {
            proofs.push(path);
        }
    }
    proofs.sort();
    let mut runs = 0;
    for (version, python) in &pythons {
        for proof in &proofs {
            let mut command = child::command(python, &[]);
            command.arg(proof);
            child::run(&mut command).with_context(|| format!("{} is not so on {version}", proof.display()))?;
            runs += 1;
        }
        println!("{version}: {} beliefs are as docs/beliefs says", proofs.len());
    }
    Ok(runs)
}

/// Interpreters by what they say of themselves: those on the path, and those that pyenv keeps.
pub(crate) fn pythons() -> BTreeMap<String, String> {
    let mut candidates: Vec<String> = VERSIONS.map(|minor| format!("python3.{minor}")).collect();
    candidates.push("python3".to_owned());
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    if let Some(versions) = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()) {
        let kept = versions.filter_map(|it| Some(it.ok()?.path().join("bin/python")));
        candidates.extend(kept.filter(|it| it.exists()).map(|it| it.display().to_string()));
    }
    let mut found = BTreeMap::new();
    for candidate in candidates {
        // One that does not answer, such as a shim without an interpreter behind it, is no interpreter.
        let asks = "import sys; print('CPython %d.%d' % sys.version_info[:2] + getattr(sys, 'abiflags', ''))";
        let Ok(said) = child::command(&candidate, &["-c", asks]).output() else { continue };
        let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let known = VERSIONS.into_iter().any(|minor| {
            version.strip_prefix(&format!("CPython 3.{minor}")).is_some_and(|rest| rest.is_empty() || rest == "t")
        });
        if said.status.success() && known {
            found.entry(version).or_insert(candidate);
        }
    }
    found
}
