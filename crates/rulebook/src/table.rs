//! Message tables: `| key | en | zh |`.

use std::collections::BTreeMap;

use crate::{Fault, Words};

/// Sentences by key, in both languages, with `{name}` where a value goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    rows: BTreeMap<String, Words>,
}

impl Messages {
    /// The sentence of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Words> {
        self.rows.get(key)
    }

    /// Every key with its sentence, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Words)> {
        self.rows.iter().map(|(key, words)| (key.as_str(), words))
    }

    /// Takes a line of a table in. The row of column names and the ruler under it hold no message.
    pub(crate) fn add(&mut self, line: usize, text: &str) -> Result<(), Fault> {
        let cells = cells(text);
        let [key, en, zh] = cells.as_slice() else {
            let found = cells.len();
            return Err(Fault::new(
                line,
                format!("a message has three cells (key, English, Chinese), this has {found}"),
            ));
        };
        if key == "key" || is_ruler(key) {
            return Ok(());
        }
        if key.is_empty() || en.is_empty() || zh.is_empty() {
            return Err(Fault::new(line, "a cell is empty"));
        }
        let words = Words { en: en.clone(), zh: zh.clone() };
        match self.rows.insert(key.clone(), words) {
            Some(_) => Err(Fault::new(line, format!("`{key}` stands here a second time"))),
            None => Ok(()),
        }
    }
}

/// The cells of a row; `\|` is a bar inside a cell.
fn cells(text: &str) -> Vec<String> {
    let inner = text.trim().strip_prefix('|').unwrap_or(text);
    let mut acc = vec![String::new()];
    let mut chars = inner.chars().peekable();
    while let Some(char) = chars.next() {
        let last = acc.len() - 1;
        match char {
            '\\' if chars.next_if_eq(&'|').is_some() => acc[last].push('|'),
            '|' => acc.push(String::new()),
            other => acc[last].push(other),
        }
    }
    // The bar that ends a row opens a cell that nothing is written in.
    if acc.len() > 1 && acc.last().is_some_and(|cell| cell.trim().is_empty()) {
        acc.pop();
    }
    acc.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn is_ruler(cell: &str) -> bool {
    !cell.is_empty() && cell.chars().all(|char| matches!(char, '-' | ':'))
}
