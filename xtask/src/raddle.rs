//! raddle itself: built in release, run as a person would, its JSON read.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{child, places};

/// What `raddle check --output-format json` writes, as far as these tasks read it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Files looked at.
    #[serde(default)]
    pub(crate) files: usize,
    /// What was found.
    pub(crate) findings: Vec<Finding>,
    /// Files that could not be read in full.
    #[serde(default)]
    pub(crate) errors: Vec<Trouble>,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) rule: String,
    pub(crate) pitfall: Option<u8>,
    #[serde(default)]
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) confidence: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    #[serde(default)]
    pub(crate) function: String,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) story: Vec<Step>,
    #[serde(default)]
    pub(crate) fingerprint: String,
}

/// One step of a finding's story.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) file: String,
    pub(crate) line: usize,
    #[serde(default)]
    pub(crate) text: String,
}

/// What went wrong with a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub(crate) file: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// Builds the product and gives the binary.
///
/// # Errors
///
/// When it does not build.
pub(crate) fn build() -> Result<PathBuf> {
    // No `-p`: with one, cargo would choose the features of fewer crates together, and build ty once more.
    child::run(&mut child::cargo(&["build", "--release", "--bin", "raddle"]))?;
    Ok(places::target().join("release").join(if cfg!(windows) { "raddle.exe" } else { "raddle" }))
}

/// What raddle may keep between runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keep<'a> {
    Nothing,
    In(&'a Path),
}

/// `raddle check` on the folder it is run in, so that paths and fingerprints are the same on every machine.
pub(crate) fn check(raddle: &Path, folder: &Path, keep: Keep<'_>) -> Command {
    let mut command = Command::new(raddle);
    command.args(["check", "--output-format", "json", "--exit-zero", "--isolated", "--lang", "en"]).current_dir(folder);
    match keep {
        Keep::Nothing => command.arg("--no-cache"),
        Keep::In(cache) => command.arg("--cache-dir").arg(cache),
    };
    command.arg(".");
    command
}

/// Reads what `check` wrote.
///
/// # Errors
///
/// When it is not raddle's JSON.
pub(crate) fn report(run: &child::Measured) -> Result<Report> {
    serde_json::from_str(&run.stdout).with_context(|| {
        let end: Vec<&str> = run.stderr.lines().rev().take(5).collect();
        format!(
            "raddle writes no JSON (exit {}): {}",
            run.cost.code,
            end.into_iter().rev().collect::<Vec<_>>().join("\n")
        )
    })
}

/// Builds raddle and checks a path with it, as the README's first command does.
///
/// # Errors
///
/// When raddle does not build or does not run; findings are no error.
pub(crate) fn try_out(path: Option<PathBuf>) -> Result<()> {
    let raddle = build()?;
    let mut command = Command::new(raddle);
    command.arg("check");
    match path {
        Some(path) => command.arg(path),
        None => command.arg("examples/shop").current_dir(places::root()),
    };
    let status = command.status().context("cannot start raddle")?;
    // 1 says that something was found, which is what a person who tries it hopes for.
    if !matches!(status.code(), Some(0 | 1)) {
        bail!("raddle failed: {status}");
    }
    Ok(())
}
