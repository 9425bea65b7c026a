//! Marks: comments in a case that say what is expected of their line.

use crate::Fault;

/// What a line of a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is expected there.
    pub expectation: Expectation,
}

impl Mark {
    /// Whether a finding must stand on the line for the case to hold.
    #[must_use]
    pub fn fires(&self) -> bool {
        match self.expectation {
            Expectation::Error { .. } | Expectation::FalseAlarm { .. } => true,
            Expectation::Missed { .. } => false,
        }
    }
}

/// The kinds of mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// `# error` or `# error: key`: a finding is wanted and found.
    Error {
        /// The message it must carry.
        key: Option<String>,
    },
    /// `# missed: why`: a finding is wanted and not found.
    Missed {
        /// What raddle cannot see.
        why: String,
    },
    /// `# false-alarm: why`: a finding is found and not wanted.
    FalseAlarm {
        /// What raddle gets wrong.
        why: String,
    },
}

/// The marks of a Python file that starts on `first_line` of its card.
pub(crate) fn marks(text: &str, first_line: usize) -> Result<Vec<Mark>, Fault> {
    let mut acc = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some((_, comment)) = rest.split_once("# ") {
            let (expectation, remaining) = match expectation(comment) {
                Ok(found) => found,
                Err(what) => return Err(Fault::new(first_line + index, what)),
            };
            acc.extend(expectation.map(|expectation| Mark { line: index + 1, expectation }));
            rest = remaining;
        }
    }
    Ok(acc)
}

/// The expectation a comment starts with, and what follows it on the line.
fn expectation(comment: &str) -> Result<(Option<Expectation>, &str), String> {
    if let Some(why) = comment.strip_prefix("missed") {
        return Ok((Some(Expectation::Missed { why: reason("missed", why)? }), ""));
    }
    if let Some(why) = comment.strip_prefix("false-alarm") {
        return Ok((Some(Expectation::FalseAlarm { why: reason("false-alarm", why)? }), ""));
    }
    let (own, remaining) = comment.find('#').map_or((comment, ""), |at| comment.split_at(at));
    let own = own.trim();
    if own == "error" {
        return Ok((Some(Expectation::Error { key: None }), remaining));
    }
    let Some(key) = own.strip_prefix("error:") else { return Ok((None, remaining)) };
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(format!("`# error: {key}` does not name a message"));
    }
    Ok((Some(Expectation::Error { key: Some(key.to_owned()) }), remaining))
}

fn reason(mark: &str, rest: &str) -> Result<String, String> {
    match rest.strip_prefix(':').map(str::trim) {
        Some(why) if !why.is_empty() => Ok(why.to_owned()),
        _ => Err(format!("`# {mark}` says why: `# {mark}: …`")),
    }
}

/// A line of a case without its marks, as a reader of the documentation sees it.
pub(crate) fn without_marks(line: &str) -> &str {
    let mut end = line.len();
    while let Some(at) = line[..end].rfind("# ") {
        match expectation(&line[at + 2..end]) {
            Ok((Some(_), _)) => end = at,
            Ok((None, _)) | Err(_) => break,
        }
    }
    line[..end].trim_end()
}
