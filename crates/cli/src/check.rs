//! `raddle check`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use raddle_report::{
    Outcome, Table, TroubleKind, concise, github, gitlab, html, json, junit, sarif, statistics, summary, table, text,
    trouble,
};
use raddle_rulebook::{counted, say_shared, word};
use raddle_vocabulary::Message;

use crate::FOUND;
use crate::arguments::{CheckArguments, OutputFormat};
use crate::baseline::{Baseline, Scope};
use crate::output::{print, tell, write};
use crate::panics::guarded;
use crate::pipeline::{self, Checked};
use crate::progress::Progress;
use crate::refusal::{advise, bug, warn};
use crate::request::CheckRequest;
use crate::session::Session;

/// Checks, shows what was found, and says so with the exit code.
pub(crate) fn check(session: &Session, arguments: CheckArguments) -> Result<ExitCode> {
    let request = CheckRequest::new(&arguments)?;
    let progress = if arguments.quiet { Progress::hidden(session.lang) } else { Progress::shown(session.lang) };
    let ended = guarded(|| pipeline::run(&request, &progress));
    drop(progress);
    let mut checked = match ended {
        Ok(checked) => checked?,
        Err(reason) => return Ok(bug(session, &reason)),
    };
    // The system takes back all memory at once when the process ends.
    std::mem::forget(checked.program.take());
    if let Some(path) = &arguments.write_baseline {
        let written = Baseline::of(&checked.findings, &checked.sources);
        written.write(path)?;
        if !arguments.quiet {
            tell(session, &format!("{}\n", counted(session.lang, "known-from-now", written.len())));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut outgrown = 0;
    if let Some(path) = &arguments.baseline {
        let scope = Scope {
            files: &checked.looked,
            rules: &checked.rules,
            root: &checked.root,
            shown: checked.shown,
            sources: &checked.sources,
        };
        outgrown = Baseline::read(path)?.leave_new(&mut checked.findings, &scope);
        if outgrown > 0 {
            let message = Message::new("baseline-outgrown")
                .arg("count", outgrown.to_string())
                .arg("file", path.display().to_string());
            checked.warnings.push(message);
        }
    }
    let outcome = checked.outcome(session.lang);
    if !arguments.quiet {
        tell_of_trouble(session, &checked);
    }
    show(session, &arguments, &outcome)?;
    for also in &arguments.also_write {
        let mut report = Vec::new();
        render(session, also.format, &outcome, &mut report)?;
        write(&also.path, &report)?;
    }
    if arguments.timing {
        tell(session, &timing(session, &checked));
    }
    let failed = checked.errors.iter().any(|it| it.kind == TroubleKind::Panicked);
    Ok(if arguments.exit_zero {
        ExitCode::SUCCESS
    } else if !checked.findings.is_empty() || outgrown > 0 {
        FOUND
    } else if failed {
        // Files on which raddle failed have not been found clean.
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

/// What stands between the reader and a whole answer.
fn tell_of_trouble(session: &Session, checked: &Checked) {
    for message in &checked.warnings {
        warn(session, &say_shared(session.lang, message));
    }
    for it in &checked.errors {
        warn(session, &trouble(session.lang, it));
    }
    if checked.errors.iter().any(|it| it.kind == TroubleKind::Panicked) {
        advise(session, word(session.lang, "bug-help"));
    }
}

/// The report goes where it was asked for; the summary goes where it does not disturb a program that reads the report.
fn show(session: &Session, arguments: &CheckArguments, outcome: &Outcome<'_>) -> Result<()> {
    let mut report = Vec::new();
    let counts = arguments.statistics && !outcome.findings.is_empty();
    match arguments.output_format {
        OutputFormat::Text | OutputFormat::Concise if counts => report.extend(statistics(outcome).into_bytes()),
        format => render(session, format, outcome, &mut report)?,
    }
    let summary = format!("{}\n", summary(outcome));
    let gap = if report.is_empty() { "" } else { "\n" };
    match (&arguments.output_file, arguments.output_format) {
        (Some(path), _) => {
            write(path, &report)?;
            if !arguments.quiet {
                print(session, summary.as_bytes())?;
            }
        }
        (None, OutputFormat::Text) => {
            if !arguments.quiet {
                report.extend(gap.bytes().chain(summary.bytes()));
            }
            print(session, &report)?;
        }
        (None, OutputFormat::Concise) => {
            print(session, &report)?;
            if !arguments.quiet {
                tell(session, &summary);
            }
        }
        (
            None,
            OutputFormat::Json
            | OutputFormat::Sarif
            | OutputFormat::Github
            | OutputFormat::Gitlab
            | OutputFormat::Junit
            | OutputFormat::Html,
        ) => {
            print(session, &report)?;
            if counts {
                tell(session, &statistics(outcome));
            }
        }
    }
    Ok(())
}

/// Writes the findings in a format.
fn render(session: &Session, format: OutputFormat, outcome: &Outcome<'_>, report: &mut Vec<u8>) -> Result<()> {
    match format {
        OutputFormat::Text => text(outcome, session.width, report)?,
        OutputFormat::Concise => concise(outcome, report)?,
        OutputFormat::Json => json(outcome, report)?,
        OutputFormat::Sarif => sarif(outcome, report)?,
        OutputFormat::Github => github(outcome, report)?,
        OutputFormat::Gitlab => gitlab(outcome, report)?,
        OutputFormat::Junit => junit(outcome, report)?,
        OutputFormat::Html => html(outcome, report)?,
    }
    Ok(())
}

/// How long each part took, and how much work it was in numbers that do not depend on the machine.
fn timing(session: &Session, checked: &Checked) -> String {
    let parts = &checked.timing;
    let shown = |took: Duration| format!("{:.1} ms", took.as_secs_f64() * 1000.0);
    let row = |key: &str, took: Duration| vec![word(session.lang, key).to_owned(), shown(took)];
    let mut rows: Vec<Vec<String>> = parts.iter().map(|(phase, took)| row(phase.word(), *took)).collect();
    rows.push(row("phase-total", parts.iter().map(|(_, took)| *took).sum()));
    let table = |headings: [&str; 2], rows| {
        let headings = headings.map(|key| word(session.lang, key).to_owned()).into();
        table(&Table { headings, rows })
    };
    let counts: Vec<Vec<String>> =
        checked.counts.iter().map(|(name, count)| vec![(*name).to_owned(), count.to_string()]).collect();
    let times = table(["column-part", "column-time"], rows);
    if counts.is_empty() { times } else { format!("{times}\n{}", table(["column-work", "column-count"], counts)) }
}
