//! One point of the run at hand, and what is left to try there.

use smallvec::SmallVec;

use super::Identities;
use crate::operation::{ActorId, Operation};
use crate::point::Point;

pub(super) type Acts = SmallVec<[Operation; 2]>;

/// An actor that need not be tried before somebody does what conflicts with its next act.
#[derive(Clone, Debug)]
struct Sleeper {
    actor: ActorId,
    acts: Acts,
    /// Objects from here on were new to it.
    fresh: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    chosen: ActorId,
    /// What the chosen actor did until the next point.
    pub(super) acts: Acts,
    pub(super) enabled: u64,
    /// Everybody who exists here, blocked or not.
    pub(super) alive: u64,
    pub(super) backtrack: u64,
    pub(super) done: u64,
    pub(super) asleep: u64,
    sleepers: SmallVec<[Sleeper; 2]>,
    /// Choosing one of these costs a preemption.
    dear: u64,
    /// Preemptions before this point.
    pub(super) spent: u32,
    /// Ids of objects from here on are new.
    pub(super) fresh: u32,
    current: Option<ActorId>,
    /// Who waits for a time.
    pub(super) armed: u64,
    /// Who waits for what time, as one number.
    pub(super) timers: u64,
}

fn armed_until(point: &Point<'_>) -> u64 {
    point.timers.iter().fold(0, |sum, timer| {
        let one = timer.due.wrapping_mul(64).wrapping_add(u64::from(timer.actor.0)).wrapping_add(1);
        sum ^ one.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    })
}

pub(super) fn bit(actor: ActorId) -> u64 {
    1 << (actor.0 & 63)
}

fn acts_conflict(some: &[Operation], others: &[Operation]) -> bool {
    some.iter().any(|one| others.iter().any(|other| one.conflicts(*other)))
}

fn names_fresh(acts: &[Operation], fresh: u32) -> bool {
    acts.iter().any(|it| it.object().is_some_and(|object| object.0 >= fresh))
}

impl Node {
    pub(super) fn new(point: &Point<'_>, spent: u32, fresh: u32) -> Self {
        let (mut enabled, mut timers) = (0, 0);
        for choice in point.runnable {
            enabled |= bit(choice.actor);
        }
        for timer in point.ready() {
            timers |= bit(timer.actor);
        }
        let blocked = point.blocked.iter().fold(0, |set, it| set | bit(it.actor));
        let armed = point.timers.iter().fold(0, |set, it| set | bit(it.actor));
        let dear = point.preemptible().map_or(0, |current| (enabled | timers) & !bit(current));
        Self {
            chosen: ActorId(0),
            acts: Acts::new(),
            enabled: enabled | timers,
            alive: enabled | armed | blocked,
            armed,
            timers: armed_until(point),
            backtrack: 0,
            done: 0,
            asleep: 0,
            sleepers: SmallVec::new(),
            dear,
            spent,
            fresh,
            current: point.current,
        }
    }

    pub(super) fn chosen(&self) -> ActorId {
        self.chosen
    }

    pub(super) fn is_at(&self, point: &Point<'_>) -> bool {
        let mut enabled = 0;
        for choice in point.runnable {
            enabled |= bit(choice.actor);
        }
        for timer in point.ready() {
            enabled |= bit(timer.actor);
        }
        enabled == self.enabled && self.current == point.current && self.timers == armed_until(point)
    }

    pub(super) fn choose(&mut self, actor: ActorId) {
        self.chosen = actor;
        self.backtrack |= bit(actor);
    }

    /// The chosen actor sets out to do what it announced. `armed` have waited for a time since they last did anything: had the
    /// clock gone otherwise, that time would have been over first.
    pub(super) fn begin(&mut self, operation: Option<Operation>, armed: u64) {
        self.acts.clear();
        self.acts.extend(operation);
        if let Some(object) = operation.and_then(Operation::object)
            && armed & bit(self.chosen) != 0
        {
            self.did(Operation::Timeout(object));
        }
    }

    pub(super) fn did(&mut self, operation: Operation) {
        if !self.acts.contains(&operation) {
            self.acts.push(operation);
        }
    }

    pub(super) fn highest_object(&self) -> Option<u32> {
        self.acts.iter().filter_map(|it| it.object()).map(|object| object.0).max()
    }

    pub(super) fn cost(&self, actor: ActorId) -> u32 {
        u32::from(self.dear & bit(actor) != 0)
    }

    pub(super) fn spent_after(&self) -> u32 {
        self.spent + self.cost(self.chosen)
    }

    /// Who sleeps here: those who slept before and do not mind what was done there.
    pub(super) fn inherit_sleep(&mut self, parent: &Self, identities: Identities) {
        for sleeper in &parent.sleepers {
            let mistaken = identities == Identities::FirstSeen
                && names_fresh(&sleeper.acts, sleeper.fresh)
                && names_fresh(&parent.acts, sleeper.fresh);
            let is_here = self.enabled & bit(sleeper.actor) != 0 && sleeper.actor != parent.chosen;
            if is_here && !mistaken && !acts_conflict(&sleeper.acts, &parent.acts) {
                self.asleep |= bit(sleeper.actor);
                self.sleepers.push(sleeper.clone());
            }
        }
    }

    /// All that begins with the choice at hand was tried.
    pub(super) fn retire(&mut self) {
        self.done |= bit(self.chosen);
        if self.asleep & bit(self.chosen) == 0 {
            self.asleep |= bit(self.chosen);
            self.sleepers.push(Sleeper { actor: self.chosen, acts: self.acts.clone(), fresh: self.fresh });
        }
    }

    /// Somebody who should be tried here and was not.
    pub(super) fn candidate(&self) -> Option<ActorId> {
        let left = self.backtrack & !self.done;
        let left = left & !self.asleep;
        (left != 0).then(|| ActorId(left.trailing_zeros() as u16))
    }

    pub(super) fn conflicts(&self, acts: &[Operation]) -> bool {
        acts_conflict(&self.acts, acts)
    }
}
