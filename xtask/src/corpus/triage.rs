//! Findings drawn at random, to be read by a person, and what the person made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde::Deserialize;

use super::check;
use super::trees::{self, Tree};
use crate::chance::Chance;
use crate::raddle::{Finding, Report};
use crate::{places, raddle};

const TRIAGE: &str = "corpus/triage.toml";

/// Lines of code shown on each side of a finding, and of a step of its story.
const AROUND_FINDING: usize = 8;
const AROUND_STEP: usize = 2;

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Draws findings over all trees and prints them with their code
    Sample {
        /// The same seed draws the same findings
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many
        #[arg(long, default_value_t = 60)]
        count: usize,
        /// Only findings of this rule
        #[arg(long)]
        rule: Option<String>,
        /// Only findings of these trees
        #[arg(long)]
        tree: Vec<String>,
    },
    /// Says how many of the findings that were read are true
    Report,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triage {
    #[serde(default)]
    finding: Vec<Judged>,
}

/// What a person made of a finding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    tree: String,
    fingerprint: String,
    /// For the reader of the file.
    #[serde(rename = "file")]
    _file: String,
    #[serde(rename = "function")]
    _function: String,
    rule: String,
    verdict: Verdict,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    True,
    False,
}

/// Carries out a task.
///
/// # Errors
///
/// When raddle does not run or something cannot be read.
pub(super) fn run(task: &Task) -> Result<()> {
    match task {
        Task::Sample { seed, count, rule, tree } => sample(*seed, *count, rule.as_deref(), tree),
        Task::Report => report(),
    }
}

fn sample(seed: u64, count: usize, rule: Option<&str>, names: &[String]) -> Result<()> {
    let trees = trees::fetched(names)?;
    let reports = kept_reports(&trees)?;
    let triage = triage()?;
    let judged: BTreeSet<(&str, &str)> =
        triage.finding.iter().map(|it| (it.tree.as_str(), it.fingerprint.as_str())).collect();
    let all: Vec<(&Tree, &Finding)> = trees
        .iter()
        .flat_map(|tree| reports[&tree.name].findings.iter().map(move |finding| (tree, finding)))
        .filter(|(_, finding)| rule.is_none_or(|rule| finding.rule == rule))
        .collect();
    let drawn = draw(all, seed, count);
    let mut acc = String::new();
    for (number, (tree, finding)) in drawn.iter().enumerate() {
        let is_judged = judged.contains(&(tree.name.as_str(), finding.fingerprint.as_str()));
        let note = if is_judged { " (has a verdict)" } else { "" };
        acc += &format!("── {}/{} {}{note}\n", number + 1, drawn.len(), tree.name);
        acc += &show(&tree.folder, finding);
        if !is_judged {
            acc += &format!("\n{}\n", entry(&tree.name, finding));
        }
    }
    // In one piece, since it is read through a pager that may be closed early.
    std::io::stdout().write_all(acc.as_bytes()).context("cannot print")
}

/// Draws findings so that the order of trees, files and threads does not matter.
fn draw<'a>(mut all: Vec<(&'a Tree, &'a Finding)>, seed: u64, count: usize) -> Vec<(&'a Tree, &'a Finding)> {
    all.sort_by_key(|(tree, finding)| (&finding.fingerprint, &tree.name, &finding.file, finding.line));
    Chance::new(seed).shuffle(&mut all);
    all.truncate(count);
    all
}

/// The reports of the last `corpus check`, and new ones for trees without.
fn kept_reports(trees: &[Tree]) -> Result<BTreeMap<String, Report>> {
    let names: Vec<String> = trees.iter().map(|tree| tree.name.clone()).collect();
    let mut reports = check::reports(&names)?;
    if reports.len() < names.len() {
        let binary = raddle::build()?;
        for tree in trees {
            if !reports.contains_key(&tree.name) {
                reports.insert(tree.name.clone(), check::run(&binary, tree)?.0);
            }
        }
    }
    Ok(reports)
}

fn show(folder: &Path, finding: &Finding) -> String {
    let head = format!(
        "{}:{} in `{}`\n{} ({}, {}): {}\n",
        finding.file, finding.line, finding.function, finding.rule, finding.level, finding.confidence, finding.message,
    );
    let mut acc = head + &code(folder, &finding.file, finding.line, AROUND_FINDING);
    for (number, step) in finding.story.iter().enumerate() {
        acc += &format!("  {}. {}:{} {}\n", number + 1, step.file, step.line, step.text);
        acc += &code(folder, &step.file, step.line, AROUND_STEP);
    }
    acc
}

/// A line of a file with its neighbours.
fn code(folder: &Path, file: &str, line: usize, around: usize) -> String {
    let Ok(bytes) = fs::read(folder.join(file)) else {
        return format!("      ({file} is not in the tree)\n");
    };
    let text = String::from_utf8_lossy(&bytes);
    let first = line.saturating_sub(around).max(1);
    let shown = text.lines().enumerate().skip(first - 1).take(line + around + 1 - first);
    shown
        .map(|(index, text)| format!("    {} {:5} | {text}\n", if index + 1 == line { '>' } else { ' ' }, index + 1))
        .collect()
}

/// What to put into the file of verdicts.
fn entry(tree: &str, finding: &Finding) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    format!(
        "[[finding]]\ntree = {}\nfingerprint = {}\nfile = {}\nfunction = {}\nrule = {}\nverdict = \"\"\nreason = \"\"\n",
        text(tree),
        text(&finding.fingerprint),
        text(&finding.file),
        text(&finding.function),
        text(&finding.rule),
    )
}

fn triage() -> Result<Triage> {
    let text = fs::read_to_string(places::root().join(TRIAGE)).with_context(|| format!("cannot read {TRIAGE}"))?;
    let triage: Triage = toml::from_str(&text).context(TRIAGE)?;
    let mut seen = BTreeSet::new();
    for judged in &triage.finding {
        if judged.reason.is_empty() {
            bail!("{TRIAGE}: `{}` has no reason", judged.fingerprint);
        }
        if !seen.insert((&judged.tree, &judged.fingerprint)) {
            bail!("{TRIAGE}: `{}` stands there twice", judged.fingerprint);
        }
    }
    Ok(triage)
}

fn report() -> Result<()> {
    let triage = triage()?;
    let trees = trees::fetched(&[])?;
    let reports = kept_reports(&trees)?;
    let present: BTreeSet<(&str, &str)> = reports
        .iter()
        .flat_map(|(tree, report)| report.findings.iter().map(|it| (tree.as_str(), it.fingerprint.as_str())))
        .collect();
    print!("{}", precision(&triage, &present));
    Ok(())
}

/// True findings of all that were read and are still there, as a whole, by rule and by tree.
fn precision(triage: &Triage, present: &BTreeSet<(&str, &str)>) -> String {
    let (there, gone): (Vec<&Judged>, Vec<&Judged>) =
        triage.finding.iter().partition(|it| present.contains(&(it.tree.as_str(), it.fingerprint.as_str())));
    let mut groups: BTreeMap<(u8, &str), (usize, usize)> = BTreeMap::new();
    for judged in &there {
        for group in [(0, "all"), (1, judged.rule.as_str()), (2, judged.tree.as_str())] {
            let (right, read) = groups.entry(group).or_default();
            *right += usize::from(judged.verdict == Verdict::True);
            *read += 1;
        }
    }
    let mut acc = String::new();
    for ((_, name), (right, read)) in groups {
        acc += &format!("{name:32}{right:4} of {read:4} true = {:3} %\n", 100 * right / read);
    }
    let lost = gone.iter().filter(|judged| judged.verdict == Verdict::True).count();
    acc += &format!("{} findings in all, {} read\n", present.len(), there.len());
    acc += &format!("no longer reported: {lost} true, {} false\n", gone.len() - lost);
    acc
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::expect;

    use super::*;

    fn finding(fingerprint: &str) -> Finding {
        let text = format!(
            r#"{{"rule": "task-not-kept", "level": "warning", "confidence": "likely", "file": "shop.py", "line": 2,
                 "function": "Shop.sell", "message": "nothing keeps the task", "fingerprint": "{fingerprint}",
                 "story": [{{"file": "shop.py", "line": 1, "text": "here"}}, {{"file": "gone.py", "line": 1, "text": "there"}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_draw_does_not_depend_on_the_order() {
        let tree = Tree { name: "shop".to_owned(), folder: PathBuf::new() };
        let findings: Vec<Finding> = "abcdefgh".chars().map(|it| finding(&it.to_string())).collect();
        let drawn = |findings: Vec<&Finding>| -> String {
            let all = findings.iter().map(|it| (&tree, *it)).collect();
            draw(all, 7, 4).iter().map(|(_, it)| it.fingerprint.as_str()).collect()
        };
        let forwards = drawn(findings.iter().collect());
        assert_eq!(forwards, drawn(findings.iter().rev().collect()));
        expect!["adgc"].assert_eq(&forwards);
    }

    #[test]
    fn a_finding_with_its_code() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shop.py"), "async def sell():\n    create_task(pay())\n").unwrap();
        expect![[r#"
            shop.py:2 in `Shop.sell`
            task-not-kept (warning, likely): nothing keeps the task
                      1 | async def sell():
                >     2 |     create_task(pay())
              1. shop.py:1 here
                >     1 | async def sell():
                      2 |     create_task(pay())
              2. gone.py:1 there
                  (gone.py is not in the tree)
        "#]]
        .assert_eq(&show(folder.path(), &finding("0f")));
        expect![[r#"
            [[finding]]
            tree = "shop"
            fingerprint = "0f"
            file = "shop.py"
            function = "Shop.sell"
            rule = "task-not-kept"
            verdict = ""
            reason = ""
        "#]]
        .assert_eq(&entry("shop", &finding("0f")));
    }

    #[test]
    fn precision_counts_what_is_still_reported() {
        let judged = |tree: &str, fingerprint: &str, verdict: &str| {
            format!(
                "[[finding]]\ntree = \"{tree}\"\nfingerprint = \"{fingerprint}\"\nfile = \"a.py\"\nfunction = \"\"\n\
                 rule = \"task-not-kept\"\nverdict = \"{verdict}\"\nreason = \"read\"\n"
            )
        };
        let text = [("shop", "a", "true"), ("shop", "b", "false"), ("bank", "a", "true"), ("bank", "z", "false")]
            .map(|(tree, fingerprint, verdict)| judged(tree, fingerprint, verdict))
            .concat();
        let present = [("shop", "a"), ("shop", "b"), ("bank", "a"), ("bank", "c")].into_iter().collect();
        expect![[r#"
            all                                2 of    3 true =  66 %
            task-not-kept                      2 of    3 true =  66 %
            bank                               1 of    1 true = 100 %
            shop                               1 of    2 true =  50 %
            4 findings in all, 3 read
            no longer reported: 0 true, 1 false
        "#]]
        .assert_eq(&precision(&toml::from_str(&text).unwrap(), &present));
    }
}
