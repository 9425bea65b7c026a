//! Why a call keeps its thread waiting, and for how long it tends to.

use serde::{Deserialize, Serialize};

/// What a blocking call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The clock.
    Sleep,
    /// Another machine.
    Network,
    /// A file system.
    Disk,
    /// A child process.
    Subprocess,
    /// A database server or file.
    Database,
    /// A lock, semaphore, condition, barrier or thread event.
    Lock,
    /// An item, or room, in a queue or pipe.
    Queue,
    /// The result of a future, or a pool that shuts down.
    Future,
    /// The end of a thread or process.
    Join,
    /// A person.
    Input,
    /// The processor: work that holds the thread by computing (key derivation, compression, parsing).
    Cpu,
    /// A loop that polls without giving the event loop back.
    Spin,
    /// A function supplied by the user of a library, which may do anything.
    UserCode,
}

impl Cause {
    /// The key of the cause's name in the rulebook's shared words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Cause::Sleep => "cause-sleep",
            Cause::Network => "cause-network",
            Cause::Disk => "cause-disk",
            Cause::Subprocess => "cause-subprocess",
            Cause::Database => "cause-database",
            Cause::Lock => "cause-lock",
            Cause::Queue => "cause-queue",
            Cause::Future => "cause-future",
            Cause::Join => "cause-join",
            Cause::Input => "cause-input",
            Cause::Cpu => "cause-cpu",
            Cause::Spin => "cause-spin",
            Cause::UserCode => "cause-user-code",
        }
    }
}

/// How long a blocking call tends to keep the thread, in steps of roughly ten.
///
/// The order is the order of harm: a finding's level follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Microseconds: a lock that nobody holds for long.
    Instant,
    /// Tens of microseconds on a local disk: `stat`, `exists`, `unlink` of one name.
    DiskSmall,
    /// Up to milliseconds, more on a network mount: opening, reading, writing or listing.
    Disk,
    /// Tens of milliseconds and more, growing with the data: whole trees, archives, key derivation, TLS contexts.
    DiskLarge,
    /// A round trip to another process or machine.
    Network,
    /// No bound: a person, a lock, a queue, a sleep chosen by the caller.
    Unbounded,
}
