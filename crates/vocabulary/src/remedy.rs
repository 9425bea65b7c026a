//! A change to the source that removes a finding.

use serde::{Deserialize, Serialize};

use crate::{Message, Site};

/// One replacement of text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub site: Site,
    /// What stands there afterwards.
    pub text: String,
}

/// A mechanical way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Remedy {
    /// What the remedy does.
    pub message: Message,
    /// Whether behaviour apart from the fault is certain to stay the same.
    pub safe: bool,
    /// Edits that belong together.
    pub edits: Vec<Edit>,
}
