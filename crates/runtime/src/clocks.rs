//! Happens-before over the acts of one run, and accesses that nothing orders (Flanagan and Freund, `FastTrack`, 2009).

use rustc_hash::FxHashMap;

use crate::operation::{ActorId, ObjectId, Operation};

/// An access, as much of it as a report needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub actor: ActorId,
    /// Whatever the caller says of where.
    pub place: u32,
    /// Whether it changed the object.
    pub changes: bool,
}

/// Two accesses to one object, one of them a change, that nothing orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Race {
    /// Of what.
    pub object: ObjectId,
    /// The one that came first in this run.
    pub earlier: Access,
    /// The other.
    pub later: Access,
}

/// One component of a vector clock, and what happened then.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    actor: ActorId,
    time: u32,
    place: u32,
}

#[derive(Clone, Debug, Default)]
struct Variable {
    change: Option<Epoch>,
    /// Looks since then that no other of them follows.
    looks: smallvec::SmallVec<[Epoch; 1]>,
}

type Clock = Vec<u32>;

/// The clocks of a run.
#[derive(Debug, Default)]
pub struct Clocks {
    actors: Vec<Clock>,
    passed_on: FxHashMap<ObjectId, Clock>,
    variables: FxHashMap<ObjectId, Variable>,
}

impl Clocks {
    /// Forgets the run before.
    pub fn begin_run(&mut self) {
        self.actors.clear();
        self.passed_on.clear();
        self.variables.clear();
    }

    /// One actor has started another: what it did so far comes first.
    pub fn started(&mut self, parent: ActorId, child: ActorId) {
        let clock = self.clock(parent).clone();
        merge(self.clock(child), &clock);
        self.tick(parent);
    }

    /// An object is gone, and its id may mean another.
    pub fn forget(&mut self, object: ObjectId) {
        self.passed_on.remove(&object);
        self.variables.remove(&object);
    }

    /// An act, and the access it races with. `place` comes back in the race.
    pub fn happen(&mut self, actor: ActorId, operation: Operation, place: u32) -> Option<Race> {
        match operation {
            Operation::Read(object) => self.access(actor, object, place, false),
            Operation::Write(object) | Operation::Update(object) => self.access(actor, object, place, true),
            // A try that fails is taken as one that succeeds: this hides a race and never makes one up.
            Operation::Acquire(object) | Operation::TryAcquire(object) | Operation::Wait(object) => {
                self.receive(actor, object);
                None
            }
            Operation::Release(object) | Operation::Notify(object) => {
                self.pass_on(actor, object);
                None
            }
            Operation::Join(other) => {
                let clock = self.clock(other).clone();
                merge(self.clock(actor), &clock);
                None
            }
            Operation::Timeout(_)
            | Operation::Clock
            | Operation::Local
            | Operation::Spawn
            | Operation::Step
            | Operation::Opaque => None,
        }
    }

    fn clock(&mut self, actor: ActorId) -> &mut Clock {
        let index = usize::from(actor.0);
        while self.actors.len() <= index {
            let mut clock = vec![0; self.actors.len() + 1];
            clock[self.actors.len()] = 1;
            self.actors.push(clock);
        }
        &mut self.actors[index]
    }

    fn tick(&mut self, actor: ActorId) {
        self.clock(actor)[usize::from(actor.0)] += 1;
    }

    fn receive(&mut self, actor: ActorId, object: ObjectId) {
        self.clock(actor);
        if let Some(passed_on) = self.passed_on.get(&object) {
            merge(&mut self.actors[usize::from(actor.0)], passed_on);
        }
    }

    fn pass_on(&mut self, actor: ActorId, object: ObjectId) {
        self.clock(actor);
        merge(self.passed_on.entry(object).or_default(), &self.actors[usize::from(actor.0)]);
        self.tick(actor);
    }

    fn access(&mut self, actor: ActorId, object: ObjectId, place: u32, changes: bool) -> Option<Race> {
        let time = self.clock(actor)[usize::from(actor.0)];
        let clock = &self.actors[usize::from(actor.0)];
        let variable = self.variables.entry(object).or_default();
        let now = Epoch { actor, time, place };
        let later = Access { actor, place, changes };
        let race = |earlier: Epoch, changes| {
            let earlier = Access { actor: earlier.actor, place: earlier.place, changes };
            Race { object, earlier, later }
        };
        let mut found = variable.change.filter(|change| !is_before(*change, clock)).map(|change| race(change, true));
        if changes {
            let look = variable.looks.iter().find(|look| !is_before(**look, clock));
            found = found.or_else(|| look.map(|look| race(*look, false)));
            variable.change = Some(now);
            variable.looks.clear();
        } else if !variable.looks.iter().any(|look| look.actor == actor && look.time == time) {
            variable.looks.retain(|look| !is_before(*look, clock));
            variable.looks.push(now);
        }
        found
    }
}

fn is_before(epoch: Epoch, clock: &Clock) -> bool {
    clock.get(usize::from(epoch.actor.0)).is_some_and(|time| *time >= epoch.time)
}

fn merge(clock: &mut Clock, other: &Clock) {
    if clock.len() < other.len() {
        clock.resize(other.len(), 0);
    }
    for (mine, theirs) in clock.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: ObjectId = ObjectId(0);
    const LOCK: ObjectId = ObjectId(1);

    fn check(acts: &[(u16, Operation)], expected: Option<(u32, u32)>) {
        let mut clocks = Clocks::default();
        clocks.started(ActorId(0), ActorId(1));
        clocks.started(ActorId(0), ActorId(2));
        let races = acts.iter().enumerate().filter_map(|(at, &(actor, operation))| {
            let race = clocks.happen(ActorId(actor), operation, at as u32)?;
            Some((race.earlier.place, race.later.place))
        });
        assert_eq!(races.collect::<Vec<_>>().first().copied(), expected);
    }

    #[test]
    fn a_lock_orders_what_it_guards() {
        use Operation::{Acquire, Release, Update};
        let section = |actor| [(actor, Acquire(LOCK)), (actor, Update(X)), (actor, Release(LOCK))];
        check(&[section(1), section(2)].concat(), None);
        check(&[&section(1)[..], &[(2, Update(X))]].concat(), Some((1, 3)));
    }

    #[test]
    fn looks_race_with_changes_only() {
        use Operation::{Read, Write};
        check(&[(1, Read(X)), (2, Read(X))], None);
        check(&[(1, Read(X)), (2, Read(X)), (2, Write(X))], Some((0, 2)));
        check(&[(1, Write(X)), (2, Read(X))], Some((0, 1)));
    }

    #[test]
    fn a_start_a_join_and_a_message_order() {
        use Operation::{Join, Notify, Wait, Write};
        check(&[(1, Write(X)), (0, Join(ActorId(1))), (0, Write(X))], None);
        check(&[(1, Write(X)), (1, Notify(LOCK)), (2, Wait(LOCK)), (2, Write(X))], None);
        check(&[(1, Notify(LOCK)), (1, Write(X)), (2, Wait(LOCK)), (2, Write(X))], Some((1, 3)));
    }
}
