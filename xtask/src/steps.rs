//! What CI runs, step by step.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;

use crate::{beliefs, child, editor, fuzz, places, python, raddle, tidy};

/// Small cases that stand beside the repository, by the prefix of their folders.
const CASES: &[&str] = &["p1_", "p2_", "p3_", "p4_", "p5_", "p6_", "p7_", "p8_"];

/// The runner of the tests: the version that is installed where none is.
const NEXTEST: &str = "0.9.143";

const FUZZ_SECONDS: u64 = 60;

/// How many tests a step ran.
type Passed = usize;

/// A name and what it does.
type Step = (&'static str, fn() -> Result<Passed>);

/// CI's steps, in order. `unchanged` is judged by [`test()`] itself.
const STEPS: &[Step] = &[
    ("format", || cargo(&["fmt", "--check"])),
    ("build", || cargo(&["build", "--release"])),
    ("test", nextest),
    ("doctest", doctest),
    ("clippy", || cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("doc", doc),
    ("tidy", || tidy::tidy().map(|()| 0)),
    ("cases", cases),
    ("beliefs", beliefs::prove),
    ("python", python::test),
    ("editor", editor::test),
    ("fuzz", || fuzz::for_seconds(FUZZ_SECONDS).map(|()| 0)),
];

/// The names that `cargo xtask test` takes.
pub(crate) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(STEPS.iter().map(|(name, _)| *name))
}

/// Runs the named steps, or all of them, and stops at the first that fails.
///
/// # Errors
///
/// When a step fails, or a step changed a file of the work tree.
pub(crate) fn test(wanted: &[String]) -> Result<()> {
    let before = work_tree()?;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut passed = 0;
    let mut failure = None;
    for (name, step) in STEPS {
        if !wanted.is_empty() && !wanted.iter().any(|it| it == name) {
            continue;
        }
        println!("── {name}");
        let start = Instant::now();
        let outcome = step();
        times.push((name, start.elapsed()));
        match outcome {
            Ok(more) => passed += more,
            Err(error) => {
                failure = Some(error.context(format!("step `{name}` failed; `cargo xtask test {name}` runs it alone")));
                break;
            }
        }
    }
    println!("── times");
    for (name, time) in &times {
        println!("{name:12}{:8.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:12}{:8.1} s", "total", total.as_secs_f64());
    if let Some(error) = failure {
        return Err(error);
    }
    // In a fresh clone this says what `git diff --exit-code` says; a person's own changes may stay.
    if before != work_tree()? {
        child::run(&mut child::command("git", &["--no-pager", "diff", "--stat"]))?;
        bail!("the steps changed files of the work tree: what is generated is not committed, or not up to date");
    }
    println!("tests: {passed} passed, 0 failed");
    Ok(())
}

/// What git says of the work tree.
fn work_tree() -> Result<String> {
    let status = child::output(&mut child::command("git", &["status", "--porcelain"]))?;
    let diff = child::output(&mut child::command("git", &["diff"]))?;
    Ok(status + &diff)
}

fn cargo(arguments: &[&str]) -> Result<Passed> {
    child::run(&mut child::cargo(arguments)).map(|()| 0)
}

fn nextest() -> Result<Passed> {
    let is_there = child::cargo(&["nextest", "--version"]).output().is_ok_and(|output| output.status.success());
    if !is_there {
        cargo(&["install", "--locked", "cargo-nextest", "--version", NEXTEST])?;
    }
    tests(&mut child::cargo(&["nextest", "run", "--release", "--workspace"]), nextest_passed)
}

fn doctest() -> Result<Passed> {
    tests(&mut child::cargo(&["test", "--doc", "--release", "--workspace"]), doctest_passed)
}

/// `Summary [   0.105s] 31 tests run: 31 passed (1 slow), 0 skipped`
fn nextest_passed(line: &str) -> Option<Passed> {
    let (_, counts) = line.split_once("tests run: ").or_else(|| line.split_once("test run: "))?;
    counts.split_once(" passed")?.0.parse().ok()
}

/// `test result: ok. 3 passed; 0 failed; …`
fn doctest_passed(line: &str) -> Option<Passed> {
    line.strip_prefix("test result: ok. ")?.split_once(" passed")?.0.parse().ok()
}

/// Runs tests and adds up the numbers of the lines that count them.
fn tests(command: &mut Command, count: fn(&str) -> Option<Passed>) -> Result<Passed> {
    let (said, is_fine) = child::watched(command)?;
    if !is_fine {
        bail!("`{}` failed", child::name(command));
    }
    Ok(said.lines().filter_map(|line| count(line.trim())).sum())
}

fn doc() -> Result<Passed> {
    let mut command = child::cargo(&["doc", "--release", "--no-deps", "--workspace"]);
    child::run(command.env("RUSTDOCFLAGS", "-D warnings")).map(|()| 0)
}

/// The shared scorer with the bars it has by itself.
/// The scorer and its cases belong to the workshop, not to the repository: where they are not, the cards' own cases
/// have said as much.
fn cases() -> Result<Passed> {
    let Ok(scorer) = places::shared("tools/static_cases.py") else {
        println!("no ../shared beside the project: only the cards' own cases are judged");
        return Ok(0);
    };
    let folder = places::shared("cases/static")?;
    let raddle = raddle::build()?;
    for prefix in CASES {
        let mut command = child::command("python3", &[]);
        command.arg(&scorer).arg(&raddle).arg(&folder).args([prefix, "-v"]);
        child::run(&mut command).with_context(|| format!("the cases `{prefix}*` miss the bar"))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runners_count() {
        assert_eq!(nextest_passed("Summary [   0.105s] 31 tests run: 31 passed (1 slow), 0 skipped"), Some(31));
        assert_eq!(nextest_passed("Summary [   0.005s] 1 test run: 1 passed, 0 skipped"), Some(1));
        assert_eq!(nextest_passed("PASS [   0.005s] xtask tests run: a_test"), None);
        assert_eq!(
            doctest_passed("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"),
            Some(3)
        );
    }
}
