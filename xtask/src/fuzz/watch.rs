//! raddle on a folder of inputs: what counts as a failure, and how an input is made smaller while it still fails.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::child::{self, Cost};
use crate::raddle;

/// Long for a few dozen files, even on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an input is made smaller.
const SHRINKING: Duration = Duration::from_secs(60);

/// How often a folder is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Once,
    Twice,
}

/// What raddle did that it must not do.
#[derive(Debug)]
pub(super) enum Failure {
    /// It ended with this code, negative for a signal.
    Crash(i32, String),
    /// It caught itself, and says so.
    Panic(String),
    /// It did not end.
    Hang,
    /// It printed something else than its report.
    NoReport(String),
    /// It said one thing and then another.
    Unsteady,
}

impl Failure {
    /// How often a folder must be checked to see the failure.
    pub(super) fn times(&self) -> Times {
        match self {
            Failure::Unsteady => Times::Twice,
            Failure::Crash(..) | Failure::Panic(_) | Failure::Hang | Failure::NoReport(_) => Times::Once,
        }
    }

    /// Whether two failures may have one cause.
    pub(super) fn is_like(&self, other: &Failure) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Crash(code, said) if *code < 0 => write!(out, "raddle was ended by signal {}: {said}", -code),
            Failure::Crash(code, said) => write!(out, "raddle ended with {code}: {said}"),
            Failure::Panic(said) => write!(out, "raddle panicked: {said}"),
            Failure::Hang => write!(out, "raddle did not end in {} s", PATIENCE.as_secs()),
            Failure::NoReport(why) => write!(out, "raddle wrote no report: {why}"),
            Failure::Unsteady => write!(out, "raddle read the same files twice and wrote different bytes"),
        }
    }
}

/// Checks a folder; the inner result is raddle's.
///
/// # Errors
///
/// When raddle cannot be run.
pub(super) fn watch(binary: &Path, folder: &Path, times: Times) -> Result<Result<Cost, Failure>> {
    let command = raddle::check(binary, folder, raddle::Keep::Nothing);
    let run = child::measured(&command, PATIENCE)?;
    if let Some(failure) = failure(&run) {
        return Ok(Err(failure));
    }
    if times == Times::Twice {
        let again = child::measured(&command, PATIENCE)?;
        if let Some(failure) = failure(&again) {
            return Ok(Err(failure));
        }
        if again.stdout != run.stdout {
            return Ok(Err(Failure::Unsteady));
        }
    }
    Ok(Ok(run.cost))
}

fn failure(run: &child::Measured) -> Option<Failure> {
    let end = || run.stderr.lines().rev().take(3).collect::<Vec<_>>().join(" ← ");
    if run.cost.late {
        return Some(Failure::Hang);
    }
    if run.cost.code != 0 {
        return Some(Failure::Crash(run.cost.code, end()));
    }
    match raddle::report(run) {
        Err(error) => Some(Failure::NoReport(format!("{error:#}"))),
        Ok(report) => {
            let panic = report.errors.iter().find(|it| it.kind == "panic");
            let said = panic.map(|it| format!("{}: {}", it.file, it.message));
            said.or_else(|| run.stderr.contains("panicked at").then(end)).map(Failure::Panic)
        }
    }
}

/// Leaves out lines while the rest still fails: halves, quarters, and so on.
///
/// # Errors
///
/// When `fails` does.
pub(super) fn shrunk(bytes: &[u8], fails: impl Fn(&[u8]) -> Result<bool>) -> Result<Vec<u8>> {
    let end = Instant::now() + SHRINKING;
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let mut length = lines.len() / 2;
    while length > 0 {
        let mut start = 0;
        while start < lines.len() && Instant::now() < end {
            let stop = lines.len().min(start + length);
            let rest = [&lines[..start], &lines[stop..]].concat();
            if fails(&rest.concat())? {
                lines = rest;
            } else {
                start = stop;
            }
        }
        length /= 2;
    }
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(code: i32, late: bool, stdout: &str, stderr: &str, expected: &Expect) {
        let cost = Cost { code, late, wall: 1.0, cpu: 1.0, peak: 1 };
        let run = child::Measured { cost, stdout: stdout.to_owned(), stderr: stderr.to_owned() };
        expected.assert_eq(&failure(&run).map_or_else(String::new, |failure| failure.to_string()));
    }

    #[test]
    fn what_counts_as_a_failure() {
        check(0, false, r#"{"findings": []}"#, "", &expect![""]);
        check(0, false, r#"{"findings": [], "errors": [{"file": "a.py", "kind": "syntax"}]}"#, "", &expect![""]);
        check(-9, true, "", "", &expect!["raddle did not end in 60 s"]);
        check(-11, false, "", "", &expect!["raddle was ended by signal 11: "]);
        check(
            101,
            false,
            "",
            "thread 'main' panicked at src/main.rs",
            &expect!["raddle ended with 101: thread 'main' panicked at src/main.rs"],
        );
        check(
            0,
            false,
            "",
            "",
            &expect![
                "raddle wrote no report: raddle writes no JSON (exit 0): : EOF while parsing a value at line 1 column 0"
            ],
        );
        check(
            0,
            false,
            r#"{"findings": [], "errors": [{"file": "a.py", "kind": "panic", "message": "no scope"}]}"#,
            "",
            &expect!["raddle panicked: a.py: no scope"],
        );
    }

    #[test]
    fn an_input_gets_smaller() {
        let input = (0..100).map(|number| format!("line {number}\n")).collect::<String>();
        let has = |bytes: &[u8], word: &str| String::from_utf8_lossy(bytes).contains(word);
        let small = shrunk(input.as_bytes(), |bytes| Ok(has(bytes, "line 17\n") && has(bytes, "line 80\n"))).unwrap();
        expect!["line 17\nline 80\n"].assert_eq(&String::from_utf8(small).unwrap());
    }
}
