//! What an actor does that another actor can notice.

use serde::{Deserialize, Serialize};

/// One letter of the alphabet that all three legs share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Takes a lock.
    Acquire,
    /// Gives a lock back.
    Release,
    /// Reads a place.
    Read,
    /// Writes a place.
    Write,
    /// Keeps its operating-system thread waiting.
    Block,
    /// Gives the event loop back until something is ready.
    Await,
    /// Starts another actor, or hands it a function to run.
    Spawn,
    /// Stores a task, coroutine or future where it can be found again.
    Keep,
    /// Lets go of a task, coroutine or future.
    Drop,
    /// Asks a task to stop.
    Cancel,
    /// Catches a cancellation and does not pass it on.
    SwallowCancel,
    /// Sends a value to another actor.
    Send,
    /// Calls a function, or computes.
    Compute,
}
