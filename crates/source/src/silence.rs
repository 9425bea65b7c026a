//! The edits that put suppressions into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raddle_vocabulary::Span;

use crate::place::LineIndex;
use crate::suppress::{Suppressions, joined_lines};
use crate::text::Text;
use crate::tree::Tree;

/// The edits that silence rules on lines, in the order of the file. A comment that is there is kept, and a list of ours on
/// the line grows.
#[must_use]
pub fn silence(tree: &Tree, text: &Text, wanted: &BTreeMap<u32, BTreeSet<Arc<str>>>) -> Vec<(Span, String)> {
    let index = LineIndex::new(text);
    let joined = joined_lines(tree, &index, &text.content);
    let last_of = |line: u32| {
        let first = joined.get(&line).copied().unwrap_or(line);
        joined.iter().filter(|(_, it)| **it == first).map(|(last, _)| *last).max().unwrap_or(first)
    };
    let mut by_line: BTreeMap<u32, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (line, rules) in wanted {
        by_line.entry(last_of(*line)).or_default().extend(rules.iter().cloned());
    }
    let there = Suppressions::read(tree, &index, &text.content);
    let edit = |(line, rules): (u32, BTreeSet<Arc<str>>)| {
        let own = there.entries.iter().find(|it| it.line == line && !it.file && it.rules.is_some());
        if let Some(own) = own {
            let has = |rule: &Arc<str>| own.rules.as_ref().is_some_and(|it| it.contains(rule));
            let more: String = rules.iter().filter(|it| !has(it)).map(|it| format!(", {it}")).collect();
            // The list ends with its bracket.
            let at = own.span.end - 1;
            return Some((Span { start: at, end: at }, more));
        }
        let here = index.line_span(line)?;
        let code = text.content[here.start as usize..here.end as usize].trim_end();
        let at = here.start + code.len() as u32;
        let names: Vec<&str> = rules.iter().map(|it| &**it).collect();
        Some((Span { start: at, end: at }, format!("  # raddle: ignore[{}]", names.join(", "))))
    };
    by_line.into_iter().filter_map(edit).collect()
}
