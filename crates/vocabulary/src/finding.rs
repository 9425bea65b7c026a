//! What a leg says when it has found something.
//!
//! A finding carries data, never prose: the words live on the rule's card and are chosen, with the reader's
//! language, when the finding is shown.

use serde::{Deserialize, Serialize};

use crate::{Act, Actor, Message, Proof, Remedy, Site};

/// The name of a rule in kebab-case, which is also its card's file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleId(pub String);

/// How bad it is when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing; shown only when asked for (`--pedantic`).
    Note,
    /// Hurts under load.
    Warning,
    /// Hurts every time.
    Error,
}

/// How sure raddle is that it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Something on the way is not known; shown only when asked for (`--min-confidence possible`).
    Possible,
    /// Every step has one reasonable reading.
    Likely,
    /// Every step is known.
    Certain,
}

/// One step of a finding's story.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step {
    /// Who acts.
    pub actor: Actor,
    /// What it does.
    pub act: Act,
    /// Where.
    pub site: Site,
    /// In words.
    pub message: Message,
}

/// A fault, where it stands, how it comes about and how raddle knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleId,
    /// Where a person would mend it.
    pub site: Site,
    /// Qualified name of the function that holds the site, such as `Client.fetch`; empty at module level.
    pub function: String,
    /// Title: what happens.
    pub message: Message,
    /// One thing to do.
    pub help: Option<Message>,
    /// How bad.
    pub level: Level,
    /// How sure.
    pub confidence: Confidence,
    /// How it comes about, in order.
    pub story: Vec<Step>,
    /// How raddle knows.
    pub proof: Proof,
    /// A mechanical way out, where there is one.
    pub remedy: Option<Remedy>,
    /// What stays the same when lines above the finding change: rule, module, function, callee and the like.
    pub identity: Vec<String>,
}
