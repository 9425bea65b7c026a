//! How a finding is known.

use serde::{Deserialize, Serialize};

use crate::Message;

/// The evidence behind a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Concluded from the source, for these reasons.
    Inferred {
        /// What the conclusion, and its confidence, rest on.
        because: Vec<Message>,
    },
    /// Shown by a schedule that can be run again.
    Replayed {
        /// The token `raddle replay` takes.
        schedule: String,
    },
    /// Observed in a running program.
    Seen {
        /// How often.
        times: u64,
    },
}
