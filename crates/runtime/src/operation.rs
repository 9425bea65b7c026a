//! What an actor is about to do, and which two acts may not be exchanged.

/// A thread, a task, a timer, a canceller: anything that runs on its own. Small numbers, in order of their start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(pub u16);

/// Something that actors share: a variable, a container's element, a lock, a queue.
///
/// One object has one id throughout a run. [`crate::Identities`] says what is expected from one run to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u32);

/// What an actor does between two switch points. What else it turns out to have done is told by `Strategy::observe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Nothing that anyone else can see.
    Local,
    /// Looks at an object.
    Read(ObjectId),
    /// Changes an object.
    Write(ObjectId),
    /// Looks at an object and changes it in one go.
    Update(ObjectId),
    /// Takes a lock; the actor is blocked while somebody holds it.
    Acquire(ObjectId),
    /// Takes a lock if it is free, and goes on in either case; with a time limit, once the time is over.
    TryAcquire(ObjectId),
    /// Gives back a lock that is held, by whomever. Giving back a free one is an `Update`, observed when it happens.
    Release(ObjectId),
    /// Goes on once an object is in some state: an event, a future, a queue that is not empty.
    Wait(ObjectId),
    /// Changes the state that others wait for, in either direction.
    Notify(ObjectId),
    /// The time for waiting on an object is over; a sleep waits for an object of its own.
    Timeout(ObjectId),
    /// Looks at the clock, or sets a time to wait for. Timers that begin and end are seen from the points as well.
    Clock,
    /// Starts another actor, which need not have an id yet.
    Spawn,
    /// Goes on once another actor has ended.
    Join(ActorId),
    /// Runs up to the next await; what it touches is observed while it runs.
    Step,
    /// Not under control: exchanged with nothing.
    Opaque,
}

/// What an operation touches, as seen by the dependence relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Touch {
    Object(ObjectId),
    /// Actors get their numbers in order, so two starts are never exchanged.
    Starts,
    /// Time goes forward, so two timers are never exchanged.
    Time,
}

impl Operation {
    /// The object, where there is one.
    #[must_use]
    pub fn object(self) -> Option<ObjectId> {
        match self {
            Self::Read(object)
            | Self::Write(object)
            | Self::Update(object)
            | Self::Acquire(object)
            | Self::TryAcquire(object)
            | Self::Release(object)
            | Self::Wait(object)
            | Self::Notify(object)
            | Self::Timeout(object) => Some(object),
            Self::Local | Self::Clock | Self::Spawn | Self::Join(_) | Self::Step | Self::Opaque => None,
        }
    }

    /// Whether two of this kind on one object may be exchanged.
    #[must_use]
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Read(_) | Self::Wait(_) | Self::Clock)
    }

    /// Whether two operations of different actors may lead elsewhere when they are exchanged.
    #[must_use]
    pub fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Opaque, _)
            | (_, Self::Opaque)
            | (Self::Spawn, Self::Spawn)
            | (Self::Timeout(_), Self::Timeout(_) | Self::Clock)
            | (Self::Clock, Self::Timeout(_)) => true,
            _ => match (self.object(), other.object()) {
                (Some(one), Some(two)) => one == two && !(self.only_looks() && other.only_looks()),
                _ => false,
            },
        }
    }

    /// What it touches; at most two things.
    pub(crate) fn touches(self) -> impl Iterator<Item = Touch> {
        let other = match self {
            Self::Spawn => Some(Touch::Starts),
            Self::Timeout(_) | Self::Clock => Some(Touch::Time),
            _ => None,
        };
        self.object().map(Touch::Object).into_iter().chain(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_commute_and_nothing_else_on_one_object() {
        let (x, y) = (ObjectId(1), ObjectId(2));
        assert!(!Operation::Read(x).conflicts(Operation::Read(x)));
        assert!(!Operation::Write(x).conflicts(Operation::Write(y)));
        assert!(Operation::Read(x).conflicts(Operation::Update(x)));
        assert!(Operation::Acquire(x).conflicts(Operation::Acquire(x)));
        assert!(Operation::Wait(x).conflicts(Operation::Notify(x)));
        assert!(Operation::Timeout(x).conflicts(Operation::Timeout(y)));
        assert!(Operation::Opaque.conflicts(Operation::Local));
        assert!(!Operation::Join(ActorId(1)).conflicts(Operation::Write(x)));
    }
}
