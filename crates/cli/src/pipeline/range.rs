//! `--diff`: the lines that have changed since a revision, as git tells, and the findings that touch them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use raddle_source::{LineIndex, Project, Text};
use raddle_vocabulary::{Finding, Message, Site};

use super::Checked;
use crate::refusal::Refusal;

/// The changed lines of each file by absolute path; all of them for a file that git does not know yet.
pub(super) struct Changed(BTreeMap<PathBuf, Lines>);

enum Lines {
    All,
    Some(Vec<RangeInclusive<u32>>),
}

/// What has changed in the work tree since a revision.
///
/// # Errors
///
/// When there is no git, no repository or no such revision.
pub(super) fn changed(revision: &str) -> Result<Changed> {
    let top = git(revision, &["rev-parse", "--show-toplevel"])?;
    let top = PathBuf::from(top.trim_end_matches('\n'));
    // A revision that looks like an option must not be read as one.
    let commit =
        git(revision, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])?;
    let plain = ["-c", "core.quotePath=off", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"];
    let diff =
        ["diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"];
    let told = git(revision, &[&plain[..], &diff, &[commit.trim_end()]].concat())?;
    let mut files = hunks(&told, &top);
    let top_shown = top.to_string_lossy().into_owned();
    let others = git(revision, &["-C", &top_shown, "ls-files", "--others", "--exclude-standard", "-z"])?;
    files.extend(others.split('\0').filter(|it| !it.is_empty()).map(|it| (top.join(it), Lines::All)));
    // Discovery does not look behind links, and neither may the comparison with it.
    Ok(Changed(files.into_iter().map(|(path, lines)| (real(&path), lines)).collect()))
}

fn git(revision: &str, arguments: &[&str]) -> Result<String> {
    let refuse = |reason: String| {
        let what = Message::new("diff-failed").arg("revision", revision).arg("reason", reason.trim());
        Refusal::new(what).help(Message::new("diff-failed-help"))
    };
    let output = Command::new("git").args(arguments).output().map_err(|error| refuse(format!("git: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().next().unwrap_or("git knows no such revision").to_owned();
        return Err(refuse(line).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The new lines of each hunk. Where lines are only taken away, the lines around the gap count: what held for them may
/// hold no more.
fn hunks(diff: &str, top: &Path) -> BTreeMap<PathBuf, Lines> {
    let mut files: BTreeMap<PathBuf, Vec<RangeInclusive<u32>>> = BTreeMap::new();
    let mut at = None;
    let mut left = 0;
    for line in diff.lines() {
        if left > 0 && line.starts_with(['+', '-', '\\']) {
            // The text of a hunk may look like a header.
            left -= u32::from(!line.starts_with('\\'));
        } else if let Some(path) = line.strip_prefix("+++ ") {
            // A path with odd characters is quoted, a path with a space ends with a tab.
            let path = path.trim_end_matches('\t').trim_matches('"');
            at = path.strip_prefix("b/").map(|it| top.join(it));
        } else if let Some((old, new)) = hunk(line) {
            left = old + new.1;
            let (start, count) = new;
            let lines = if count == 0 { start.max(1)..=start + 1 } else { start..=start + count - 1 };
            if let Some(path) = &at {
                files.entry(path.clone()).or_default().push(lines);
            }
        }
    }
    files.into_iter().map(|(path, lines)| (path, Lines::Some(lines))).collect()
}

/// `@@ -12,3 +14,2 @@`: how many old lines, and where the new ones start and how many they are.
fn hunk(line: &str) -> Option<(u32, (u32, u32))> {
    let (old, new) = line.strip_prefix("@@ -")?.split_once(" @@")?.0.split_once(" +")?;
    let part = |text: &str| match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    };
    Some((part(old)?.1, part(new)?))
}

/// Leaves the findings that stand on changed lines or whose story passes through one.
pub(super) fn leave_touched(
    changed: Option<&Changed>,
    project: &Project,
    texts: &BTreeMap<&str, &Text>,
    checked: &mut Checked,
) {
    let Some(changed) = changed else { return };
    let lines: BTreeMap<&str, (LineIndex, &Lines)> = project
        .files
        .iter()
        .filter_map(|file| {
            let lines = changed.0.get(&real(&file.path))?;
            Some((&*file.display, (LineIndex::new(texts.get(&*file.display)?), lines)))
        })
        .collect();
    let touches = |site: &Site| {
        lines.get(&*site.path).is_some_and(|(index, lines)| match lines {
            Lines::All => true,
            Lines::Some(ranges) => {
                let (first, last) = (index.line(site.span.start), index.line(site.span.end));
                ranges.iter().any(|it| *it.start() <= last && first <= *it.end())
            }
        })
    };
    let is_new = |it: &Finding| touches(&it.site) || it.story.iter().any(|step| touches(&step.site));
    checked.findings.retain(is_new);
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_diff() {
        let diff = "\
diff --git a/a b.py b/a b.py
--- a/a b.py\t
+++ b/a b.py\t
@@ -1,0 +2,2 @@ def f():
+++ b/not a header
+x
@@ -9 +11 @@
-y
+z
@@ -20,2 +21,0 @@
-with lock:
--- a/neither
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x
";
        let files = hunks(diff, Path::new("/top"));
        let shown: Vec<String> = files
            .iter()
            .map(|(path, lines)| match lines {
                Lines::All => format!("{}: all", path.display()),
                Lines::Some(ranges) => format!("{}: {ranges:?}", path.display()),
            })
            .collect();
        assert_eq!(shown, ["/top/a b.py: [2..=3, 11..=11, 21..=22]"]);
    }
}
