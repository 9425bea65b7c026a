//! The cards: one Markdown file per rule, holding all its words in English and 中文, and its cases.
//!
//! A card is at once the rule's description, its messages, its documentation and its tests. Words that no single
//! rule owns (the actors, the causes, what the report and the command line print) stand in `words.md`.

mod card;
mod cards;
mod explain;
mod markdown;
mod marks;
mod parse;
mod prose;
mod say;
mod table;
#[cfg(test)]
mod typography;
mod words;
mod wrap;

pub use card::{Card, Case, CaseFile, Head, Leg, Report, Words};
pub use cards::Rulebook;
pub use explain::{explain_in_brief, explain_in_markdown, explain_in_terminal};
pub use markdown::Fault;
pub use marks::{Expectation, Mark};
pub use say::{Lang, Unsaid, say, translated, try_say};
pub use table::Messages;
pub use words::{counted, say_shared, shared_words, word};
pub use wrap::{columns, wrap};
