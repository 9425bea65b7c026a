//! One line for each finding.

use std::io::{self, Write};

use raddle_rulebook::word;

use crate::Outcome;
use crate::outcome::level_word;
use crate::places::Places;
use crate::printable;

/// Writes `file:line:column: error[rule] title` for each finding.
///
/// # Errors
///
/// When `out` does not take it.
pub fn concise(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    for finding in outcome.findings {
        let place = places.start(&finding.site);
        let level = word(outcome.lang, level_word(finding.level));
        let title = outcome.say(finding, &finding.message);
        let path = &finding.site.path;
        let line = format!("{path}:{}:{}: {level}[{}] {title}", place.line, place.column, finding.rule.0);
        writeln!(out, "{}", printable(&line))?;
    }
    Ok(())
}
