//! The shared scorers: small marked cases, real bugs that were fixed, and code that only looks like a bug.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::trees;
use crate::{child, places, raddle};

const FIGURES: &str = "corpus/recall.toml";

/// The pitfall that the scorers are asked about, as they spell it for small cases and for real bugs.
const PITFALL: (&str, &str) = ("p4_", "P4");

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Figures {
    /// Small cases with marked lines.
    small: Small,
    /// Bugs of real packages, flagged in the bad version and not in the fixed one.
    real: Real,
    /// Places of real packages that look like a bug and are none.
    harmless: Harmless,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Small {
    hit: u64,
    of: u64,
    good_files_flagged: u64,
    good_files: u64,
    findings_on_unmarked_lines: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Real {
    found: u64,
    found_and_gone: u64,
    of: u64,
    skipped: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Harmless {
    flagged: u64,
    of: u64,
    skipped: u64,
}

#[derive(Deserialize)]
struct Case {
    package: String,
    pitfall: String,
    version: Option<String>,
    bad_version: Option<String>,
    fixed_version: Option<String>,
}

/// Runs the scorers, prints what they say and writes the figures.
///
/// # Errors
///
/// When raddle does not build, the scorers are missing or fail, or the figures cannot be written.
pub(super) fn recall(verbose: bool) -> Result<()> {
    let binary = raddle::build()?;
    let (small, real) = PITFALL;
    let [cases, bugs, lookalikes] =
        ["cases/static", "corpus/async.jsonl", "corpus/async_negatives.jsonl"].map(places::shared);
    let (cases, bugs, lookalikes) = (cases?, bugs?, lookalikes?);
    let mut packages = packages(&fs::read_to_string(&bugs).context("cannot read async.jsonl")?)?;
    packages.extend(self::packages(&fs::read_to_string(&lookalikes).context("cannot read async_negatives.jsonl")?)?);
    trees::fetch(&packages)?;

    let scorer = |name: &str, data: &Path, options: &[&str], word: &str| -> Result<Vec<u64>> {
        let mut command = child::command("python3", &[]);
        command.arg(places::shared("tools")?.join(name)).arg(&binary).arg(data).args(options);
        if verbose {
            command.arg(word);
        }
        // A scorer also fails when a bar is not met; the figures say by how much.
        let (said, _) = child::watched(&mut command)?;
        let line = said.lines().rev().find(|line| line.starts_with(small) || line.starts_with(&format!("{real}:")));
        Ok(numbers(line.with_context(|| format!("{name} gives no figures"))?))
    };
    let figures = Figures {
        small: small_figures(&scorer("static_cases.py", &cases, &[small], "-v")?)?,
        real: real_figures(&scorer("recall.py", &bugs, &["--pitfall", real], "--verbose")?)?,
        harmless: harmless_figures(&scorer(
            "recall.py",
            &lookalikes,
            &["--pitfall", real, "--negatives"],
            "--verbose",
        )?)?,
    };
    let text = toml::to_string(&figures).context("cannot write the figures down")?;
    fs::write(places::root().join(FIGURES), format!("# Written by `cargo xtask corpus recall`.\n\n{text}"))
        .with_context(|| format!("cannot write {FIGURES}"))?;
    println!("wrote {FIGURES}");
    Ok(())
}

fn packages(lines: &str) -> Result<Vec<String>> {
    let mut acc = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let case: Case = serde_json::from_str(line).context("a case cannot be read")?;
        if case.pitfall == PITFALL.1 {
            let versions = [case.version, case.bad_version, case.fixed_version];
            acc.extend(versions.into_iter().flatten().map(|version| format!("{}=={version}", case.package)));
        }
    }
    acc.sort();
    acc.dedup();
    Ok(acc)
}

/// The whole numbers of a line, after its first word.
fn numbers(line: &str) -> Vec<u64> {
    let said = line.split_once(':').map_or(line, |(_, after)| after);
    said.split(|it: char| !it.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

fn small_figures(numbers: &[u64]) -> Result<Small> {
    let &[hit, of, _percent, good_files_flagged, good_files, findings_on_unmarked_lines] = numbers else {
        bail!("static_cases.py gives other figures than it used to");
    };
    Ok(Small { hit, of, good_files_flagged, good_files, findings_on_unmarked_lines })
}

fn real_figures(numbers: &[u64]) -> Result<Real> {
    let &[found, of, found_and_gone, _, ref rest @ ..] = numbers else {
        bail!("recall.py gives other figures than it used to");
    };
    Ok(Real { found, found_and_gone, of, skipped: rest.first().copied().unwrap_or_default() })
}

fn harmless_figures(numbers: &[u64]) -> Result<Harmless> {
    let &[flagged, of, ref rest @ ..] = numbers else {
        bail!("recall.py gives other figures than it used to");
    };
    Ok(Harmless { flagged, of, skipped: rest.first().copied().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_the_scorers_say() {
        let small = "p4_: 12/13 = 92 % hit, 1/8 good files with a false alarm, 3 findings on unmarked lines";
        let real = "P4: found 7/20, found and gone when fixed 6/20, skipped 2";
        let harmless = "P4: false alarms 0/9";
        expect!["Small { hit: 12, of: 13, good_files_flagged: 1, good_files: 8, findings_on_unmarked_lines: 3 }"]
            .assert_eq(&format!("{:?}", small_figures(&numbers(small)).unwrap()));
        expect!["Real { found: 7, found_and_gone: 6, of: 20, skipped: 2 }"]
            .assert_eq(&format!("{:?}", real_figures(&numbers(real)).unwrap()));
        expect!["Harmless { flagged: 0, of: 9, skipped: 0 }"]
            .assert_eq(&format!("{:?}", harmless_figures(&numbers(harmless)).unwrap()));
    }

    #[test]
    fn what_the_cases_need() {
        let lines = r#"{"package": "kopf", "pitfall": "P4", "bad_version": "0.22", "fixed_version": "0.23"}
            {"package": "bleak", "pitfall": "P5", "bad_version": "1", "fixed_version": "2"}
            {"package": "kopf", "pitfall": "P4", "version": "0.23"}"#;
        expect!["kopf==0.22 kopf==0.23"].assert_eq(&packages(lines).unwrap().join(" "));
    }
}
