//! Comments that silence findings: `# raddle: ignore[rule]` on a line, `# raddle: ignore-file` for a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raddle_vocabulary::Span;
use serde::{Deserialize, Serialize};

use crate::place::LineIndex;
use crate::syntax::{Ranged, TokenKind, span};
use crate::tree::Tree;

/// The suppressions of one file. Plain data: it can be kept with the facts of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressions {
    /// In the order of the file.
    pub entries: Vec<Suppression>,
    /// Comments that look like a suppression and are none: a misspelt word, an unclosed or empty list.
    pub malformed: Vec<Malformed>,
}

/// A comment that looks like a suppression and is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// The comment from its `raddle:` on.
    pub span: Span,
    /// Line in the whole decoded text, from 1.
    pub line: u32,
}

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// The comment from its `raddle:` to the end of the list.
    pub span: Span,
    /// Line in the whole decoded text, from 1.
    pub line: u32,
    /// The first line that it holds for: where a string or a backslash joins lines, no comment can stand earlier.
    pub first_line: u32,
    /// The word that follows where a list could stand: the name of a rule there wants brackets.
    pub word: Option<Arc<str>>,
    /// Whether it holds for the whole file.
    pub file: bool,
    /// The rules it names; `None` for all.
    pub rules: Option<Vec<Arc<str>>>,
    /// The rules it has silenced.
    pub used: BTreeSet<Arc<str>>,
}

/// A suppression, or a part of one, that silenced nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused<'file> {
    /// The comment.
    pub suppression: &'file Suppression,
    /// The rules that did not need it; empty when it is a suppression of all rules.
    pub rules: Vec<Arc<str>>,
}

impl Suppressions {
    /// Reads the comments of a file.
    #[must_use]
    pub fn read(tree: &Tree, index: &LineIndex, content: &str) -> Suppressions {
        let mut suppressions = Suppressions::default();
        for token in tree.tokens().iter().filter(|token| token.kind() == TokenKind::Comment) {
            let comment = span(token.range());
            let Some(text) = content.get(comment.start as usize..comment.end as usize) else { continue };
            // Several comments may share a line: `# noqa  # raddle: ignore`.
            for (at, _) in text.match_indices("raddle:") {
                if text[..at].trim_end().ends_with('#') {
                    suppressions.directive(&text[at..], comment.start + at as u32, index);
                }
            }
        }
        if !suppressions.entries.is_empty() {
            let joined = joined_lines(tree, index, content);
            for entry in &mut suppressions.entries {
                entry.first_line = joined.get(&entry.line).copied().unwrap_or(entry.line);
            }
        }
        suppressions
    }

    /// Whether a finding of `rule` on `line` of the whole decoded text is silenced; remembers that it was.
    pub fn covers(&mut self, rule: &str, line: u32) -> bool {
        let mut covered = false;
        for entry in &mut self.entries {
            let here = entry.file || (entry.first_line..=entry.line).contains(&line);
            let named = entry.rules.as_ref().is_none_or(|rules| rules.iter().any(|name| &**name == rule));
            if here && named {
                entry.used.insert(Arc::from(rule));
                covered = true;
            }
        }
        covered
    }

    /// What silenced nothing.
    #[must_use]
    pub fn unused(&self) -> Vec<Unused<'_>> {
        fn idle(suppression: &Suppression) -> Option<Unused<'_>> {
            let Suppression { rules, used, .. } = suppression;
            let rules = match rules {
                None if used.is_empty() => Vec::new(),
                None => return None,
                Some(rules) => {
                    let idle: Vec<_> = rules.iter().filter(|rule| !used.contains(*rule)).cloned().collect();
                    (!idle.is_empty()).then_some(idle)?
                }
            };
            Some(Unused { suppression, rules })
        }
        self.entries.iter().filter_map(idle).collect()
    }

    /// Reads what follows from a `raddle:` on; other directives than `ignore` are not ours.
    fn directive(&mut self, text: &str, offset: u32, index: &LineIndex) {
        let body = text["raddle:".len()..].trim_start();
        let word_length = body.find(|char: char| !char.is_ascii_alphabetic() && char != '-').unwrap_or(body.len());
        let (word, rest) = body.split_at(word_length);
        let file = match word {
            "ignore" => false,
            "ignore-file" => true,
            near if is_near(near) => return self.malformed(text, offset, index),
            _ => return,
        };
        let mut end = text.len() - rest.len();
        let mut rules = None;
        let mut next = None;
        if let Some(list) = rest.trim_start().strip_prefix('[') {
            let Some(close) = list.find(']') else { return self.malformed(text, offset, index) };
            let names: Vec<Arc<str>> = list[..close].split(',').map(|name| Arc::from(name.trim())).collect();
            if names.iter().any(|name| name.is_empty() || name.contains(char::is_whitespace)) {
                return self.malformed(text, offset, index);
            }
            end = text.len() - list.len() + close + 1;
            rules = Some(names);
        } else {
            let part = |char: char| char.is_ascii_alphanumeric() || char == '-';
            let start = rest.trim_start_matches([' ', '\t', ':', '=', '(']);
            let length = start.find(|char| !part(char)).unwrap_or(start.len());
            next = (length > 0).then(|| Arc::from(&start[..length]));
        }
        let span = Span { start: offset, end: offset + end as u32 };
        let line = index.line(offset);
        let used = BTreeSet::new();
        self.entries.push(Suppression { span, line, first_line: line, word: next, file, rules, used });
    }

    fn malformed(&mut self, text: &str, offset: u32, index: &LineIndex) {
        let span = Span { start: offset, end: offset + text.trim_end().len() as u32 };
        self.malformed.push(Malformed { span, line: index.line(offset) });
    }
}

/// Whether a word is a slip of the keys for one of ours, or what another tool says for it.
fn is_near(word: &str) -> bool {
    let is_slip = |ours: &str| strsim::osa_distance(word, ours) <= 2;
    word.starts_with("ignor") || word == "noqa" || ["ignore", "ignore-file"].into_iter().any(is_slip)
}

/// The lines that are joined to lines before them, by a string or a backslash, each with the first of those.
pub(crate) fn joined_lines(tree: &Tree, index: &LineIndex, content: &str) -> BTreeMap<u32, u32> {
    let mut joined = BTreeMap::new();
    let mut join = |first: u32, last: u32| {
        let first = joined.get(&first).copied().unwrap_or(first);
        for line in first + 1..=last {
            joined.insert(line, first);
        }
    };
    let mut end = 0;
    // A formatted string is several tokens from its first quote to its last.
    let mut quotes: Vec<u32> = Vec::new();
    for token in tree.tokens() {
        let here = span(token.range());
        match token.kind() {
            TokenKind::FStringStart | TokenKind::TStringStart => quotes.push(here.start),
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                if let Some(start) = quotes.pop() {
                    join(index.line(start), index.line(here.start));
                }
            }
            _ => {}
        }
        let between = content.get(end as usize..here.start as usize).unwrap_or_default();
        if between.contains('\\') {
            join(index.line(end), index.line(here.start));
        }
        end = here.end;
        let is_line_end = matches!(token.kind(), TokenKind::Newline | TokenKind::NonLogicalNewline);
        if !is_line_end && here.end > here.start {
            join(index.line(here.start), index.line(here.end - 1));
        }
    }
    joined
}
