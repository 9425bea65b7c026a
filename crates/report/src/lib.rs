//! Findings as something a person or a tool reads: text with code frames, one line each, or JSON.
//!
//! Text carries ANSI styles; whoever owns the stream strips them where nobody sees colours.

mod concise;
mod fingerprint;
mod frame;
mod hosts;
mod html;
mod json;
mod outcome;
mod places;
mod sarif;
mod summary;
mod table;
mod text;
mod trouble;

pub use concise::concise;
pub use fingerprint::fingerprints;
pub use hosts::{github, gitlab, junit};
pub use html::html;
pub use json::{SCHEMA, json};
pub use outcome::{Outcome, Sources, level_word};
pub use places::Place;
pub use sarif::sarif;
pub use summary::{statistics, summary};
pub use table::{Table, table};
pub use text::{WIDTH, printable, text};
pub use trouble::{FileTrouble, TroubleKind, trouble};
