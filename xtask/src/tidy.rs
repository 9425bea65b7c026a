//! What the compiler does not check and a reviewer should not have to.

mod arrows;
mod features;
mod lists;
mod rooms;
mod words;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{child, places};

/// What is allowed although the house style says no, each with its reason.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Allowed {
    /// Files past the limit.
    room: Vec<AllowedRoom>,
    /// Edges between crates that the design does not draw.
    arrow: Vec<AllowedArrow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedRoom {
    file: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedArrow {
    from: String,
    to: String,
    reason: String,
}

/// A text file of the repository.
struct Text {
    /// Path from the top, with `/`.
    path: String,
    text: String,
}

impl Text {
    fn is(&self, suffix: &str) -> bool {
        self.path.ends_with(suffix)
    }
}

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    /// Counted from one; zero for the file as a whole.
    line: usize,
    what: String,
}

impl Fault {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Fault {
        Fault { path: path.to_owned(), line, what: what.into() }
    }

    fn show(&self) -> String {
        match self.line {
            0 => format!("{}: {}", self.path, self.what),
            line => format!("{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Prints warnings and faults.
///
/// # Errors
///
/// When there is a fault, or something cannot be read.
pub(crate) fn tidy() -> Result<()> {
    let root = places::root();
    let allowed: Allowed = toml::from_str(&read(&root.join("xtask/tidy.toml"))?).context("xtask/tidy.toml")?;
    let texts = texts(&root)?;
    let mut faults = Vec::new();
    arrows::faults(&allowed, &mut faults)?;
    features::faults(&mut faults)?;
    lists::faults(&texts, &mut faults);
    let mut warnings = Vec::new();
    for text in &texts {
        words::faults(text, &machine(), &mut faults);
        if text.is(".rs") {
            rooms::faults(text, &allowed, &mut faults);
            rooms::long_functions(text, &mut warnings);
        }
    }
    rooms::stale(&texts, &allowed, &mut faults);
    warnings.sort();
    faults.sort();
    for warning in &warnings {
        println!("warning: {}", warning.show());
    }
    for fault in &faults {
        println!("error: {}", fault.show());
    }
    if !faults.is_empty() {
        bail!("tidy found {} faults", faults.len());
    }
    println!("tidy: {} files, {} warnings", texts.len(), warnings.len());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Every text file that git knows or would offer to add.
fn texts(root: &Path) -> Result<Vec<Text>> {
    let list = child::output(&mut child::command("git", &["ls-files", "-z", "-co", "--exclude-standard"]))?;
    let mut paths: Vec<&str> = list.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    let mut acc = Vec::new();
    for path in paths {
        let full = root.join(path);
        // A file that was deleted and not yet committed, or a link to a folder.
        if !full.is_file() {
            continue;
        }
        let bytes = fs::read(&full).with_context(|| format!("cannot read {path}"))?;
        // What is not UTF-8 is a picture or an encoding test.
        if let Ok(text) = String::from_utf8(bytes) {
            acc.push(Text { path: path.to_owned(), text });
        }
    }
    Ok(acc)
}

/// Folders of this machine that no file may name.
fn machine() -> Vec<String> {
    let home = std::env::home_dir();
    let folders = [home, places::root().parent().map(Path::to_owned)];
    folders.iter().flatten().map(|folder| format!("{}/", folder.display())).filter(|it| it.len() > 2).collect()
}
