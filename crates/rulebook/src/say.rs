//! From a message to a sentence in the reader's language.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use raddle_vocabulary::{Args, Message};

use crate::words::{shared_words, word_of};
use crate::{Card, Words};

/// A language that raddle speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// 中文.
    Zh,
}

impl Lang {
    /// The language nearest to a locale such as `zh_CN.UTF-8`, `zh-Hans` or `C`.
    #[must_use]
    pub fn from_locale(locale: &str) -> Lang {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") { Lang::Zh } else { Lang::En }
    }
}

impl FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Lang, String> {
        match text {
            "en" => Ok(Lang::En),
            "zh" => Ok(Lang::Zh),
            other => Err(format!("`{other}` is not `en` or `zh`")),
        }
    }
}

/// Why a message could not be said in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsaid {
    /// Neither the card nor the shared words have the key.
    Key(String),
    /// Nothing fills a placeholder.
    Placeholder {
        /// The message.
        key: String,
        /// The placeholder.
        name: String,
    },
}

impl fmt::Display for Unsaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsaid::Key(key) => write!(f, "no card has words for `{key}`"),
            Unsaid::Placeholder { key, name } => write!(f, "nothing fills `{{{name}}}` of `{key}`"),
        }
    }
}

impl Error for Unsaid {}

/// Says a message: its key is looked up on the card, then among the shared words.
///
/// A message that cannot be said in full is shown as far as it goes: a reader is better served by a bare key
/// or an unfilled `{name}` than by no report. Tests use [`try_say`].
#[must_use]
pub fn say(lang: Lang, message: &Message, card: &Card) -> String {
    say_words(lang, message, find(message, card))
}

/// Says a message, or says what is missing.
///
/// # Errors
///
/// When no card has the key, or nothing fills a placeholder.
pub fn try_say(lang: Lang, message: &Message, card: &Card) -> Result<String, Unsaid> {
    let words = find(message, card).ok_or_else(|| Unsaid::Key(message.key.clone()))?;
    let template = words.get(lang);
    match placeholders(template).into_iter().find(|name| !message.args.contains_key(*name)) {
        Some(name) => Err(Unsaid::Placeholder { key: message.key.clone(), name: name.to_owned() }),
        None => Ok(fill(lang, template, &message.args)),
    }
}

pub(crate) fn say_words(lang: Lang, message: &Message, words: Option<&Words>) -> String {
    words.map_or_else(|| message.key.clone(), |words| fill(lang, words.get(lang), &message.args))
}

fn find<'a>(message: &Message, card: &'a Card) -> Option<&'a Words> {
    card.messages.get(&message.key).or_else(|| shared_words().get(&message.key))
}

/// Fills the placeholders of a template in one pass, so that a value with braces in it stays as it is.
fn fill(lang: Lang, template: &str, args: &Args) -> String {
    let mut acc = String::with_capacity(template.len() + 32);
    for part in parts(template) {
        match part {
            Part::Text(text) => acc.push_str(text),
            Part::Placeholder(name) => match args.get(name) {
                Some(value) => acc.push_str(translated(lang, value)),
                None => {
                    acc.push('{');
                    acc.push_str(name);
                    acc.push('}');
                }
            },
        }
    }
    acc
}

/// An argument as it is shown: `@cause-disk`, the key of a shared word, becomes the word; `@app.get`, which is code,
/// stays.
#[must_use]
pub fn translated(lang: Lang, value: &str) -> &str {
    value.strip_prefix('@').and_then(|key| word_of(lang, key)).unwrap_or(value)
}

/// The names a template waits for.
pub(crate) fn placeholders(template: &str) -> BTreeSet<&str> {
    parts(template)
        .into_iter()
        .filter_map(|part| match part {
            Part::Placeholder(name) => Some(name),
            Part::Text(_) => None,
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn parts(template: &str) -> Vec<Part<'_>> {
    let mut acc = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        let length =
            after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
        if length > 0 && after[length..].starts_with('}') {
            acc.push(Part::Text(&rest[..open]));
            acc.push(Part::Placeholder(&after[..length]));
            rest = &after[length + 1..];
        } else {
            acc.push(Part::Text(&rest[..=open]));
            rest = after;
        }
    }
    acc.push(Part::Text(rest));
    acc
}
