//! Findings as the hosts of continuous integration read them: GitHub, GitLab, and whoever reads JUnit.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use raddle_vocabulary::{Finding, Level};
use serde::Serialize;

use crate::fingerprints;
use crate::outcome::Outcome;
use crate::places::Places;

/// Writes a workflow command of GitHub for each finding, which shows it beside the changed line.
///
/// # Errors
///
/// When `out` does not take it.
pub fn github(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    for finding in outcome.findings {
        let (start, end) = (places.start(&finding.site), places.end(&finding.site));
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        // A column range is understood on one line only.
        let columns = if start.line == end.line {
            format!(",col={},endColumn={}", start.column, end.column)
        } else {
            String::new()
        };
        writeln!(
            out,
            "::{command} file={},line={},endLine={}{columns},title={}::{}",
            property(&finding.site.path),
            start.line,
            end.line,
            property(&format!("raddle ({})", finding.rule.0)),
            data(&told(outcome, finding)),
        )?;
    }
    Ok(())
}

/// The title, the steps and the help, a line each.
fn told(outcome: &Outcome<'_>, finding: &Finding) -> String {
    let mut lines = vec![outcome.say(finding, &finding.message)];
    for (at, step) in finding.story.iter().enumerate() {
        lines.push(format!("{}. {}", at + 1, outcome.say(finding, &step.message)));
    }
    lines.extend(finding.help.as_ref().map(|help| outcome.say(finding, help)));
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: IssueLocation<'a>,
}

#[derive(Serialize)]
struct IssueLocation<'a> {
    path: &'a str,
    lines: IssueLines,
}

#[derive(Serialize)]
struct IssueLines {
    begin: usize,
    end: usize,
}

/// Writes a code quality report of GitLab.
///
/// # Errors
///
/// When `out` does not take it.
pub fn gitlab(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    let issues: Vec<Issue<'_>> = outcome
        .findings
        .iter()
        .zip(fingerprints(outcome.findings, outcome.sources))
        .map(|(finding, fingerprint)| Issue {
            description: outcome.say(finding, &finding.message),
            check_name: &finding.rule.0,
            fingerprint,
            severity: match finding.level {
                Level::Error => "major",
                Level::Warning => "minor",
                Level::Note => "info",
            },
            location: IssueLocation {
                path: &finding.site.path,
                lines: IssueLines { begin: places.start(&finding.site).line, end: places.end(&finding.site).line },
            },
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

/// Writes a JUnit report: a suite for each file with findings, a failure for each finding.
///
/// # Errors
///
/// When `out` does not take it.
pub fn junit(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    let mut report = Report::new("raddle");
    let mut suites: Vec<TestSuite> = Vec::new();
    for finding in outcome.findings {
        let path = &*finding.site.path;
        if suites.last().is_none_or(|suite| suite.name.as_str() != path) {
            suites.push(TestSuite::new(path));
        }
        let place = places.start(&finding.site);
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(outcome.say(finding, &finding.message));
        status.set_type(finding.rule.0.as_str());
        status.set_description(told(outcome, finding));
        let mut case = TestCase::new(format!("{}:{}:{}", finding.rule.0, place.line, place.column), status);
        case.set_classname(path);
        suites.last_mut().expect("a suite was just pushed").add_test_case(case);
    }
    if suites.is_empty() {
        let mut suite = TestSuite::new("raddle");
        suite.add_test_case(TestCase::new("check", TestCaseStatus::success()));
        suites.push(suite);
    }
    report.add_test_suites(suites);
    let text = report.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
