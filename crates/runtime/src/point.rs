//! A moment at which somebody has to be chosen.

use crate::operation::{ActorId, ObjectId, Operation};

/// An actor that can go on, and what it does when it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who.
    pub actor: ActorId,
    /// What it does next.
    pub operation: Operation,
}

/// An actor that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub actor: ActorId,
    /// What it would do: the operation names what it waits for.
    pub operation: Operation,
    /// The actor that holds what it waits for, where that is known.
    pub holder: Option<ActorId>,
}

/// An actor that cannot go on before its time has come. Those that wait for an object as well stand here, not among the blocked,
/// for as long as they cannot have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Who.
    pub actor: ActorId,
    /// The object it waits for meanwhile; a sleep has one of its own.
    pub object: ObjectId,
    /// When, in virtual time.
    pub due: u64,
    /// Whether it may fire now: how late others may be is for whoever runs the actors to say. The one due first always may.
    pub ready: bool,
}

/// Why there is a choice here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The run begins.
    Start,
    /// The current actor is about to touch something shared. Choosing another one is a preemption.
    Access,
    /// The current actor must wait.
    Blocked,
    /// The current actor gave way of its own accord, as in a spin or `sleep(0)`.
    Yielded,
    /// The current actor is a task at an await. The next in line is the first of `runnable`.
    Awaited,
    /// The current actor has ended.
    Ended,
}

/// A moment at which somebody has to be chosen. Somebody is runnable or a timer is ready.
///
/// No actor stands in more than one of the three lists. The order of `runnable` is the order in which an undisturbed run would
/// take them; after a `Yielded`, the current actor stands last.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Who ran up to here.
    pub current: Option<ActorId>,
    /// Why there is a choice.
    pub reason: Reason,
    /// A name for where the current actor stands that outlives edits elsewhere: a hash of the text of the line, the
    /// operation and the path of the object. Zero where there is none.
    pub key: u64,
    /// Who can go on.
    pub runnable: &'a [Choice],
    /// Who cannot.
    pub blocked: &'a [Blocked],
    /// Who goes on once its time is over: all of them, ready or not.
    pub timers: &'a [Timer],
}

impl Point<'_> {
    /// The timers that may fire now.
    pub fn ready(&self) -> impl Iterator<Item = &Timer> {
        self.timers.iter().filter(|timer| timer.ready)
    }

    /// Who goes on when nobody interferes.
    ///
    /// # Panics
    /// When nobody can be chosen.
    #[must_use]
    pub fn undisturbed(&self) -> ActorId {
        if let Some(current) = self.preemptible() {
            return current;
        }
        if let Some(first) = self.runnable.first() {
            return first.actor;
        }
        let earliest = self.ready().min_by_key(|timer| (timer.due, timer.actor));
        earliest.expect("a point has somebody to choose").actor
    }

    /// The current actor, if it would go on by itself: to choose anybody else is a preemption.
    #[must_use]
    pub fn preemptible(&self) -> Option<ActorId> {
        let current = self.current?;
        let would_go_on = match self.reason {
            Reason::Access | Reason::Start => true,
            Reason::Blocked | Reason::Yielded | Reason::Awaited | Reason::Ended => false,
        };
        (would_go_on && self.runnable.iter().any(|choice| choice.actor == current)).then_some(current)
    }

    /// What a choice costs: one preemption for taking the turn of an actor that would go on. A timer that fires while others could
    /// run costs no more than they do.
    #[must_use]
    pub fn cost(&self, chosen: ActorId) -> u32 {
        u32::from(self.preemptible().is_some_and(|current| current != chosen))
    }

    /// What an actor does if it is chosen; nothing if it cannot be.
    #[must_use]
    pub fn operation(&self, actor: ActorId) -> Option<Operation> {
        let runnable = self.runnable.iter().find(|choice| choice.actor == actor).map(|choice| choice.operation);
        runnable
            .or_else(|| self.ready().find(|timer| timer.actor == actor).map(|timer| Operation::Timeout(timer.object)))
    }
}
