//! Other tools that look for blocking calls in async code: installed once, run alike, their findings read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{child, places};

/// The rules of ruff and flake8-async that are about what raddle calls a blocking call: a busy wait, and the two hundreds.
const RUFF_RULES: &str = "ASYNC110,ASYNC2";
const FLAKE8_RULES: &str = "ASYNC110,ASYNC210,ASYNC211,ASYNC212,ASYNC220,ASYNC221,ASYNC222,ASYNC230,ASYNC231,ASYNC232,\
                            ASYNC240,ASYNC250,ASYNC251";

/// A tool that reports findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    Hydroid,
    Ruff,
    Flake8Async,
}

/// Where a tool sees something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// Relative to the folder that was checked, with `/`.
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// The virtual environment that holds the peers.
pub(crate) struct Tools {
    folder: PathBuf,
    /// The pinned versions, a line for each.
    pins: String,
}

impl Tools {
    /// A program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
    }

    /// The pinned version of a package.
    pub(crate) fn version(&self, package: &str) -> &str {
        let pins = self.pins.lines().filter_map(|line| line.split_once("=="));
        pins.filter(|(name, _)| *name == package).map(|(_, version)| version).next().unwrap_or("?")
    }
}

impl Peer {
    pub(crate) const ALL: [Peer; 3] = [Peer::Hydroid, Peer::Ruff, Peer::Flake8Async];

    /// The package that holds the tool.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Peer::Hydroid => "hydroid-cli",
            Peer::Ruff => "ruff",
            Peer::Flake8Async => "flake8-async",
        }
    }

    /// The tool on a folder, from a cold start.
    pub(crate) fn command(self, tools: &Tools, folder: &Path) -> Command {
        let mut command = match self {
            Peer::Hydroid => {
                let mut command = Command::new(tools.program("hydroid"));
                command.args([".", "--no-cache", "--format", "json"]);
                command
            }
            Peer::Ruff => {
                let mut command = Command::new(tools.program("ruff"));
                command.args(["check", ".", "--isolated", "--no-cache", "--preview", "--select", RUFF_RULES]);
                command.args(["--exit-zero", "--output-format", "json"]);
                command
            }
            Peer::Flake8Async => {
                let mut command = Command::new(tools.program("python"));
                command.arg(places::root().join("scripts/run_flake8_async.py"));
                command.args(["--asyncio", "--enable", FLAKE8_RULES]);
                command
            }
        };
        command.current_dir(folder);
        command
    }

    /// What the tool printed, as spots.
    ///
    /// # Errors
    ///
    /// When it is not in the tool's format.
    pub(crate) fn spots(self, folder: &Path, stdout: &str) -> Result<Vec<Spot>> {
        let spots = match self {
            Peer::Hydroid => hydroid(stdout),
            Peer::Ruff => ruff(folder, stdout),
            Peer::Flake8Async => Ok(stdout.lines().filter_map(flake8_async).collect()),
        };
        spots.with_context(|| format!("cannot read what {} prints", self.package()))
    }
}

/// Installs the peers unless the environment already holds these versions.
///
/// # Errors
///
/// When they cannot be installed.
pub(crate) fn installed() -> Result<Tools> {
    let list = places::root().join("scripts/tools.txt");
    let pins = fs::read_to_string(&list).context("cannot read scripts/tools.txt")?;
    let folder = places::tools_cache()?;
    let tools = Tools { folder, pins };
    let marker = tools.folder.join("installed.txt");
    if fs::read_to_string(&marker).is_ok_and(|text| text == tools.pins) {
        return Ok(tools);
    }
    println!("installing the peers of scripts/tools.txt into {}", tools.folder.display());
    child::run(Command::new("python3").args(["-m", "venv"]).arg(&tools.folder))?;
    let mut pip = Command::new(tools.program("python"));
    child::run(pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))?;
    fs::write(&marker, &tools.pins).with_context(|| format!("cannot write {}", marker.display()))?;
    Ok(tools)
}

#[derive(Deserialize)]
struct HydroidReport {
    diagnostics: Vec<HydroidDiagnostic>,
}

#[derive(Deserialize)]
struct HydroidDiagnostic {
    location: HydroidLocation,
}

#[derive(Deserialize)]
struct HydroidLocation {
    path: String,
    line: usize,
}

fn hydroid(stdout: &str) -> Result<Vec<Spot>> {
    let report: HydroidReport = serde_json::from_str(stdout)?;
    let locations = report.diagnostics.into_iter().map(|it| it.location);
    Ok(locations.map(|it| Spot { file: it.path, line: it.line }).collect())
}

#[derive(Deserialize)]
struct RuffDiagnostic {
    /// None, or `invalid-syntax`, for what is not a rule's finding.
    code: Option<String>,
    filename: String,
    location: RuffLocation,
}

#[derive(Deserialize)]
struct RuffLocation {
    row: usize,
}

fn ruff(folder: &Path, stdout: &str) -> Result<Vec<Spot>> {
    let diagnostics: Vec<RuffDiagnostic> = serde_json::from_str(stdout)?;
    let findings = diagnostics.into_iter().filter(|it| it.code.as_ref().is_some_and(|code| code.starts_with("ASYNC")));
    let relative = |file: String| match Path::new(&file).strip_prefix(folder) {
        Ok(rest) => rest.to_string_lossy().replace('\\', "/"),
        Err(_) => file,
    };
    Ok(findings.map(|it| Spot { file: relative(it.filename), line: it.location.row }).collect())
}

/// `shop/api.py:12:5: ASYNC210 …`
fn flake8_async(line: &str) -> Option<Spot> {
    let (place, _) = line.split_once(": ASYNC")?;
    let (rest, _column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Spot { file: file.trim_start_matches("./").to_owned(), line: line.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(peer: Peer, stdout: &str, expected: &Expect) {
        let spots = peer.spots(Path::new("/tmp/shop"), stdout).unwrap();
        expected.assert_eq(&spots.iter().map(|it| format!("{}:{}", it.file, it.line)).collect::<Vec<_>>().join(" "));
    }

    #[test]
    fn what_they_print() {
        check(
            Peer::Hydroid,
            r#"{"diagnostics": [{"location": {"path": "api.py", "line": 6, "column": 5}}], "stats": {}}"#,
            &expect!["api.py:6"],
        );
        check(
            Peer::Ruff,
            r#"[{"code": "ASYNC251", "filename": "/tmp/shop/api.py", "location": {"column": 5, "row": 6}},
                {"code": null, "filename": "/tmp/shop/bad.py", "location": {"column": 1, "row": 1}}]"#,
            &expect!["api.py:6"],
        );
        check(
            Peer::Flake8Async,
            "api.py:6:5: ASYNC251 use `await asyncio.sleep`.\nsomething else\n",
            &expect!["api.py:6"],
        );
    }
}
