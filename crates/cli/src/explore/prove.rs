//! `raddle prove`: which findings stand at a place, handed over to be driven.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use raddle_report::json;
use raddle_rulebook::Lang;
use raddle_vocabulary::{Confidence, Message};
use serde_json::Value;

use super::{Request, hand_over};
use crate::arguments::ProveArguments;
use crate::pipeline;
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::request::CheckRequest;
use crate::session::Session;

/// Looks for a schedule that shows the findings at a place.
pub(crate) fn prove(session: &Session, arguments: &ProveArguments) -> Result<ExitCode> {
    let bad = || Refusal::new(Message::new("prove-bad-place").arg("place", arguments.place.as_str()));
    let (file, line) = arguments.place.rsplit_once(':').ok_or_else(bad)?;
    let line: u64 = line.parse().map_err(|_| bad())?;
    let all = match &arguments.findings {
        Some(report) => read(report)?,
        None => check(session.lang, arguments, Path::new(file))?,
    };
    let wanted = real(Path::new(file));
    let is_at = |it: &Value| it["line"] == line && it["file"].as_str().is_some_and(|it| real(Path::new(it)) == wanted);
    let in_story = |it: &Value| it["story"].as_array().is_some_and(|steps| steps.iter().any(is_at));
    let (at, near): (Vec<Value>, Vec<Value>) = all.into_iter().filter(|it| is_at(it) || in_story(it)).partition(is_at);
    // A finding that stands on the line says more than one whose story passes through it.
    let findings = if at.is_empty() { near } else { at };
    if findings.is_empty() {
        let what = Message::new("prove-no-finding").arg("place", arguments.place.as_str());
        return Err(Refusal::new(what).help(Message::new("prove-no-finding-help")).into());
    }
    let mut request = Request::new(session, file, arguments.format.name());
    request.set("seconds", arguments.seconds.map(Into::into));
    request.findings = Some(findings);
    hand_over(session, arguments.python.as_deref(), &request)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn read(report: &Path) -> Result<Vec<Value>> {
    let bad = |reason: String| {
        Refusal::new(Message::new("prove-bad-report").arg("place", report.display().to_string()).arg("reason", reason))
    };
    let text = fs::read(report).map_err(|error| bad(error.to_string()))?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    match &document["findings"] {
        Value::Array(findings) => Ok(findings.clone()),
        _ => Err(bad("findings".to_owned()).into()),
    }
}

/// What `raddle check` finds, as it writes it, with whatever is only possible.
fn check(lang: Lang, arguments: &ProveArguments, file: &Path) -> Result<Vec<Value>> {
    let paths = if arguments.paths.is_empty() { vec![file.to_owned()] } else { arguments.paths.clone() };
    let request = CheckRequest {
        min_confidence: Some(Confidence::Possible),
        pedantic: true,
        ..CheckRequest::to_look(&paths, arguments.python.clone())
    };
    let checked = pipeline::run(&request, &Progress::hidden(lang))?;
    let outcome = checked.outcome(lang);
    let mut text = Vec::new();
    json(&outcome, &mut text)?;
    let document: Value = serde_json::from_slice(&text).context("a report is JSON")?;
    Ok(document["findings"].as_array().cloned().unwrap_or_default())
}
