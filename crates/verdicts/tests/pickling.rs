//! The cards about pickling, run by CPython: what raddle calls unpicklable fails there, and what it passes works.
//!
//! A case that has a `case.py` is a program. With an `# error` in it the program must fail, without one it must not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use raddle_rulebook::{Card, Case, Expectation, Rulebook};

const CARDS: &[&str] = &["unpicklable-argument", "unpicklable-result"];
/// The oldest and newest interpreter that is here; `python3` where none of them is.
const PYTHONS: &[&str] = &["python3.10", "python3.13", "python3.14"];
const PATIENCE: Duration = Duration::from_secs(60);
/// Fewer cases than this would mean that they are not found any more.
const FEWEST: usize = 25;

#[test]
fn cpython_agrees() {
    let mut pythons: Vec<&str> = PYTHONS.iter().copied().filter(|it| runs(it)).collect();
    if pythons.is_empty() {
        pythons.push("python3");
    }
    let cards: Vec<&Card> =
        CARDS.iter().map(|name| Rulebook::built_in().card(name).expect("the card is compiled in")).collect();
    let cases: Vec<&Case> = cards
        .iter()
        .flat_map(|card| &card.cases)
        .filter(|case| case.files.iter().any(|it| it.path == "case.py"))
        .collect();
    assert!(cases.len() >= FEWEST, "only {} cases can be run", cases.len());
    let jobs: Vec<(&Case, &str)> = cases.iter().flat_map(|case| pythons.iter().map(move |it| (*case, *it))).collect();
    let failures: Vec<String> = jobs.par_iter().filter_map(|(case, python)| disagreement(case, python)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn runs(python: &str) -> bool {
    let status = Command::new(python).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|it| it.success())
}

fn disagreement(case: &Case, python: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for file in &case.files {
        std::fs::write(folder.path().join(&file.path), &file.text).expect("a file can be written to it");
    }
    let should_fail = case
        .files
        .iter()
        .filter(|it| it.path == "case.py" || it.path == "factory.py")
        .flat_map(|it| &it.marks)
        .any(|it| matches!(it.expectation, Expectation::Error { .. } | Expectation::Missed { .. }));
    let (outcome, said) = run(folder.path(), python);
    let wrong = match outcome {
        Some(true) => should_fail,
        Some(false) => !should_fail || !said.lines().any(is_about_pickling),
        None => true,
    };
    wrong.then(|| format!("{} with {python}: {outcome:?}, should fail: {should_fail}\n{said}", case.title.en))
}

/// What CPython says when something does not cross.
fn is_about_pickling(line: &str) -> bool {
    ["pickle", "Can't get local object", "local object", "inheritance", "BrokenProcessPool", "has no attribute '__"]
        .iter()
        .any(|it| line.contains(it))
}

fn run(folder: &Path, python: &str) -> (Option<bool>, String) {
    let log = folder.join("log.txt");
    let open = || std::fs::File::create(&log).expect("a file can be written to it");
    let mut child = Command::new(python)
        .arg("case.py")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(open())
        .spawn()
        .expect("the interpreter was just started");
    let start = Instant::now();
    let outcome = loop {
        match child.try_wait().expect("the child is ours") {
            Some(status) => break Some(status.success()),
            None if start.elapsed() > PATIENCE => {
                child.kill().expect("the child is ours");
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    (outcome, std::fs::read_to_string(&log).unwrap_or_default())
}
