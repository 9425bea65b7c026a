//! The trees of `corpus/packages.toml`, downloaded and laid out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{child, places};

/// Tells that a folder is whole, and what it was made of.
const DONE: &str = ".done";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Packages {
    tree: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    packages: Vec<String>,
    /// Why the tree is worth checking; for the reader of the file.
    #[serde(rename = "why")]
    _why: String,
}

/// A folder of public code.
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

/// How much there is to read in a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) files: usize,
    pub(crate) lines: usize,
}

/// The named trees, or all of them when none is named, on this machine.
///
/// # Errors
///
/// When a name is not listed or a package cannot be had.
pub(crate) fn fetched(names: &[String]) -> Result<Vec<Tree>> {
    let path = places::root().join("corpus/packages.toml");
    let text = fs::read_to_string(&path).context("cannot read corpus/packages.toml")?;
    let listed: Packages = toml::from_str(&text).context("corpus/packages.toml")?;
    if let Some(stranger) = names.iter().find(|name| !listed.tree.iter().any(|tree| tree.name == **name)) {
        bail!("no tree `{stranger}` in corpus/packages.toml");
    }
    let wanted: Vec<Entry> =
        listed.tree.into_iter().filter(|tree| names.is_empty() || names.contains(&tree.name)).collect();
    let packages: Vec<String> = wanted.iter().flat_map(|tree| tree.packages.clone()).collect();
    let folders = fetch(&packages)?;
    wanted.into_iter().map(|entry| lay_out(entry, &folders)).collect()
}

/// The folders of some packages, written `name==version`.
///
/// # Errors
///
/// When one cannot be had.
pub(crate) fn fetch(packages: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    let printed = child::output(child::script("fetch.py").args(packages))?;
    let folders = printed.lines().filter_map(|line| line.split_once('\t'));
    Ok(folders.map(|(package, folder)| (package.to_owned(), PathBuf::from(folder))).collect())
}

/// One package is its own tree; several are linked into one folder, as an installer would lay them.
fn lay_out(entry: Entry, folders: &BTreeMap<String, PathBuf>) -> Result<Tree> {
    let folder = |package: &String| folders.get(package).with_context(|| format!("fetch.py says nothing of {package}"));
    if let [package] = entry.packages.as_slice() {
        return Ok(Tree { name: entry.name, folder: folder(package)?.clone() });
    }
    let together = places::corpus_cache()?.join(format!("tree-{}", entry.name));
    let made_of = entry.packages.join("\n");
    if fs::read_to_string(together.join(DONE)).is_ok_and(|text| text == made_of) {
        return Ok(Tree { name: entry.name, folder: together });
    }
    if together.exists() {
        fs::remove_dir_all(&together).with_context(|| format!("cannot empty {}", together.display()))?;
    }
    for package in &entry.packages {
        link(folder(package)?, &together)?;
    }
    fs::write(together.join(DONE), made_of).with_context(|| format!("cannot write to {}", together.display()))?;
    Ok(Tree { name: entry.name, folder: together })
}

/// Links the files of one folder into another, and copies where links do not reach.
///
/// # Errors
///
/// When a file can be neither linked nor copied.
pub(crate) fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in entries(from)? {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().with_context(|| format!("cannot look at {}", entry.path().display()))?;
        if kind.is_dir() {
            link(&entry.path(), &target)?;
        } else if entry.file_name() != DONE && fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}

/// The Python files under a folder, sorted.
///
/// # Errors
///
/// When a folder cannot be listed.
pub(crate) fn python_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut acc = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder)? {
            let path = entry.path();
            let kind = entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "py") {
                acc.push(path);
            }
        }
    }
    acc.sort();
    Ok(acc)
}

/// Files and lines of Python under a folder.
///
/// # Errors
///
/// When something cannot be read.
pub(crate) fn size(folder: &Path) -> Result<Size> {
    let mut size = Size::default();
    for path in python_files(folder)? {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        size.files += 1;
        size.lines += bytes.iter().filter(|&&byte| byte == b'\n').count();
    }
    Ok(size)
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    let list = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    list.with_context(|| format!("cannot list {}", folder.display()))
}
