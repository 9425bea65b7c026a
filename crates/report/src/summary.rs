//! How much was found, in a line and in a table.

use std::collections::BTreeMap;

use raddle_rulebook::{Lang, counted, say_shared, translated, word};
use raddle_vocabulary::{Finding, Level, Message};

use crate::{Outcome, Table, table};

/// How many findings there are of each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Counts {
    fn add(&mut self, level: Level) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
    }

    fn total(self) -> usize {
        self.errors + self.warnings + self.notes
    }
}

/// The last line of a report, such as `found 3 problems (2 errors, 1 warning) in 120 files`.
#[must_use]
pub fn summary(outcome: &Outcome<'_>) -> String {
    let lang = outcome.lang;
    let mut counts = Counts::default();
    for finding in outcome.findings {
        counts.add(finding.level);
    }
    let files = counted(lang, "files", outcome.files);
    let message = match (counts.total(), outcome.files) {
        (0, 0) => Message::new("summary-no-files"),
        (0, _) => Message::new("summary-nothing").arg("files", files),
        (total, _) => Message::new("summary-found")
            .arg("problems", counted(lang, "problems", total))
            .arg("levels", levels(lang, counts))
            .arg("files", files),
    };
    let line = say_shared(lang, &message);
    let mut troubled: Vec<&str> = outcome.troubles.iter().map(|trouble| trouble.path.as_str()).collect();
    troubled.sort_unstable();
    troubled.dedup();
    match troubled.len() {
        0 => line,
        n => {
            let unread = Message::new("summary-unread").arg("files", counted(lang, "files", n));
            join(lang, "and-also", line, &say_shared(lang, &unread))
        }
    }
}

fn levels(lang: Lang, counts: Counts) -> String {
    [("errors", counts.errors), ("warnings", counts.warnings), ("notes", counts.notes)]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| counted(lang, key, n))
        .reduce(|acc, next| join(lang, "and", acc, &next))
        .unwrap_or_default()
}

/// Joins two parts of a sentence as the language does.
pub(crate) fn join(lang: Lang, key: &str, first: String, second: &str) -> String {
    say_shared(lang, &Message::new(key).arg("first", first).arg("second", second))
}

/// A table of the findings by rule, what they wait for and for how long, the most frequent first.
///
/// The last two are the arguments `cause` and `cost` of a finding's message, where it has them.
#[must_use]
pub fn statistics(outcome: &Outcome<'_>) -> String {
    let lang = outcome.lang;
    let mut groups: BTreeMap<(&str, &str, &str), Counts> = BTreeMap::new();
    let mut total = Counts::default();
    for finding in outcome.findings {
        let group = (finding.rule.0.as_str(), argument(finding, "cause"), argument(finding, "cost"));
        groups.entry(group).or_default().add(finding.level);
        total.add(finding.level);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.total()));
    let shown = |n: usize, total: usize| if total == 0 { String::new() } else { n.to_string() };
    let numbers = |counts: Counts| {
        [
            shown(counts.errors, total.errors),
            shown(counts.warnings, total.warnings),
            shown(counts.notes, total.notes),
            counts.total().to_string(),
        ]
    };
    let mut rows: Vec<Vec<String>> = groups
        .iter()
        .map(|((rule, cause, cost), counts)| {
            let words = [*rule, translated(lang, cause), translated(lang, cost)].map(str::to_owned);
            words.into_iter().chain(numbers(*counts)).collect()
        })
        .collect();
    let last = [word(lang, "column-total"), "", ""].map(str::to_owned);
    rows.push(last.into_iter().chain(numbers(total)).collect());
    let headings = [
        "column-rule",
        "column-cause",
        "column-cost",
        "column-errors",
        "column-warnings",
        "column-notes",
        "column-total",
    ]
    .map(|key| word(lang, key).to_owned());
    table(&Table { headings: headings.into(), rows })
}

fn argument<'a>(finding: &'a Finding, name: &str) -> &'a str {
    finding.message.args.get(name).map_or("", String::as_str)
}
