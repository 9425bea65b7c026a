//! Who runs a piece of code.

use serde::{Deserialize, Serialize};

/// A kind of actor. Two pieces of code can overlap only when their actors can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The thread that starts the program, before and outside any event loop.
    Main,
    /// An asyncio, trio, anyio, Tornado or Twisted event loop.
    EventLoop,
    /// A thread of its own.
    Thread,
    /// A worker of a thread pool.
    ThreadPool,
    /// Another process.
    Process,
    /// A signal handler: between two bytecodes of the main thread.
    SignalHandler,
    /// `__del__`, a weak reference callback, `atexit`.
    Finalizer,
    /// Module level, while the module is imported.
    Import,
}

impl Actor {
    /// The key of the actor's name in the rulebook's shared words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Actor::Main => "actor-main",
            Actor::EventLoop => "actor-event-loop",
            Actor::Thread => "actor-thread",
            Actor::ThreadPool => "actor-thread-pool",
            Actor::Process => "actor-process",
            Actor::SignalHandler => "actor-signal-handler",
            Actor::Finalizer => "actor-finalizer",
            Actor::Import => "actor-import",
        }
    }
}
