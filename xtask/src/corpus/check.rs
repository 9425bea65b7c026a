//! raddle on every tree: what it finds, counted, and what moved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::trees::{self, Tree};
use crate::raddle::{self, Report};
use crate::{child, places};

const COUNTS: &str = "corpus/counts.toml";
const PATIENCE: Duration = Duration::from_secs(1800);

/// What a tree comes to.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    files: usize,
    lines: usize,
    findings: usize,
    /// Files that could not be read in full.
    troubles: usize,
    level: BTreeMap<String, usize>,
    confidence: BTreeMap<String, usize>,
    rule: BTreeMap<String, usize>,
}

/// Runs raddle on trees, keeps the reports under the target folder and, when no tree is named, writes the counts.
///
/// # Errors
///
/// When raddle does not build or run, or something cannot be fetched, read or written.
pub(super) fn check(names: &[String]) -> Result<()> {
    let binary = raddle::build()?;
    let before = counts()?;
    let mut after = BTreeMap::new();
    for tree in trees::fetched(names)? {
        let (report, cost) = run(&binary, &tree)?;
        let counts = count(&tree, &report)?;
        let seconds = format!("{:.1} s cpu, {} MB", cost.cpu, cost.peak >> 20);
        println!(
            "{:24}{:6} files {:8} lines {:5} findings  {seconds}",
            tree.name, counts.files, counts.lines, counts.findings
        );
        for line in moved(before.get(&tree.name).unwrap_or(&Counts::default()), &counts) {
            println!("    {line}");
        }
        let kept = places::target().join("corpus").join(format!("{}.json", tree.name));
        let earlier = reports(std::slice::from_ref(&tree.name))?.remove(&tree.name).unwrap_or_default();
        for (sign, finding) in changed(&earlier, &report) {
            println!("    {sign} {}:{} {}: {}", finding.file, finding.line, finding.rule, finding.message);
        }
        write(&kept, &serde_json::to_string(&report).context("cannot keep a report")?)?;
        after.insert(tree.name, counts);
    }
    if names.is_empty() {
        let text = toml::to_string(&after).context("cannot write the counts down")?;
        write(&places::root().join(COUNTS), &format!("# Written by `cargo xtask corpus check`.\n\n{text}"))?;
        println!("wrote {COUNTS}");
    }
    Ok(())
}

/// The reports that the last `check` kept, by tree; those that are missing are left out.
pub(super) fn reports(names: &[String]) -> Result<BTreeMap<String, Report>> {
    let mut acc = BTreeMap::new();
    for name in names {
        let path = places::target().join("corpus").join(format!("{name}.json"));
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            acc.insert(name.clone(), serde_json::from_str(&text).with_context(|| path.display().to_string())?);
        }
    }
    Ok(acc)
}

/// Runs raddle on a tree.
pub(super) fn run(binary: &Path, tree: &Tree) -> Result<(Report, child::Cost)> {
    let run = child::measured(&raddle::check(binary, &tree.folder, raddle::Keep::Nothing), PATIENCE)?;
    let report = raddle::report(&run).with_context(|| format!("on {}", tree.name))?;
    Ok((report, run.cost))
}

fn counts() -> Result<BTreeMap<String, Counts>> {
    let path = places::root().join(COUNTS);
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {COUNTS}"))?;
    toml::from_str(&text).context(COUNTS)
}

fn count(tree: &Tree, report: &Report) -> Result<Counts> {
    let size = trees::size(&tree.folder)?;
    let mut counts = Counts {
        files: size.files,
        lines: size.lines,
        findings: report.findings.len(),
        troubles: report.errors.len(),
        ..Counts::default()
    };
    for finding in &report.findings {
        *counts.level.entry(finding.level.clone()).or_default() += 1;
        *counts.confidence.entry(finding.confidence.clone()).or_default() += 1;
        *counts.rule.entry(finding.rule.clone()).or_default() += 1;
    }
    Ok(counts)
}

/// What changed since the counts were written down.
fn moved(before: &Counts, after: &Counts) -> Vec<String> {
    let mut acc = Vec::new();
    for (before, after) in [(&before.rule, &after.rule), (&before.confidence, &after.confidence)] {
        let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let [was, is] = [before, after].map(|counts| counts.get(name).copied().unwrap_or_default());
            if was != is {
                acc.push(format!("{name}: {was} → {is}"));
            }
        }
    }
    acc
}

/// Findings that are gone and findings that are new since the last kept report; nothing when there was none.
fn changed<'a>(earlier: &'a Report, later: &'a Report) -> Vec<(char, &'a raddle::Finding)> {
    if earlier.findings.is_empty() {
        return Vec::new();
    }
    let missing = |from: &'a Report, of: &'a Report, sign| {
        let known: std::collections::BTreeSet<&str> = from.findings.iter().map(|it| it.fingerprint.as_str()).collect();
        of.findings.iter().filter(move |it| !known.contains(it.fingerprint.as_str())).map(move |it| (sign, it))
    };
    missing(later, earlier, '-').chain(missing(earlier, later, '+')).collect()
}

fn write(path: &PathBuf, text: &str) -> Result<()> {
    let folder = path.parent().expect("a file stands in a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report(fingerprints: &[&str]) -> Report {
        let findings: Vec<String> = fingerprints
            .iter()
            .map(|it| format!(r#"{{"rule": "task-not-kept", "file": "a.py", "line": 1, "fingerprint": "{it}"}}"#))
            .collect();
        serde_json::from_str(&format!(r#"{{"findings": [{}]}}"#, findings.join(","))).unwrap()
    }

    #[test]
    fn what_moved() {
        let counts = |numbers: &[(&str, usize)]| Counts {
            rule: numbers.iter().map(|&(rule, count)| (rule.to_owned(), count)).collect(),
            ..Counts::default()
        };
        let lines = moved(
            &counts(&[("self-deadlock", 1), ("task-not-kept", 2)]),
            &counts(&[("blocking-call-in-coroutine", 7), ("task-not-kept", 2)]),
        );
        expect![[r#"
            blocking-call-in-coroutine: 0 → 7
            self-deadlock: 1 → 0"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_came_and_went() {
        let (earlier, later) = (report(&["a", "b"]), report(&["b", "c"]));
        let signs: Vec<String> =
            changed(&earlier, &later).iter().map(|(sign, it)| format!("{sign}{}", it.fingerprint)).collect();
        expect!["-a +c"].assert_eq(&signs.join(" "));
        expect!["0"].assert_eq(&changed(&report(&[]), &later).len().to_string());
    }
}
