//! What calls may take: the locks and waits a function leads to, with a shortest way to each, and the order in which
//! locks are taken.

use std::sync::Arc;

use raddle_facts::models::Blocking;
use raddle_facts::{GuardKind, Keyword, Test, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::held::{FunctionLocks, Hold};
use super::leads::{Call, Leads};
use super::registry::UserCall;
use super::{LockKey, LockRef};
use crate::Program;
use crate::calls::Sure;
use crate::unit::FunctionRef;

/// Something a function leads to: a lock that is taken or a call that waits.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A lock, in the words of the function.
    Take(LockRef),
    /// A library call that keeps the thread waiting.
    Wait(Arc<str>, Arc<Blocking>),
    /// A library call that takes a plain lock inside the object it belongs to, by the object's place: `queue.Queue.put`.
    Inner(LockRef, Arc<str>),
    /// Code that somebody else supplied.
    User(UserCall),
}

/// An effect and the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reached {
    /// What.
    pub effect: Effect,
    /// The acts on the way: each a function and its act, the last one being the effect itself.
    pub way: Vec<(FunctionRef, u32)>,
    /// The weakest call on the way.
    pub sure: Sure,
}

/// Something that happens while locks are held.
#[derive(Debug, Clone, PartialEq)]
pub struct Under {
    /// Who holds them.
    pub function: FunctionRef,
    /// The locks that are held.
    pub held: Vec<Hold>,
    /// What happens, and how it comes about.
    pub reached: Reached,
}

/// All that is known of locks.
#[derive(Debug, Default)]
pub struct LockWorld {
    /// What happens under locks, in order of functions and acts.
    pub under: Vec<Under>,
    /// Where each lock is taken.
    pub users: FxHashMap<LockKey, Vec<(FunctionRef, u32)>>,
    /// What each function that was looked at leads to.
    pub reach: FxHashMap<FunctionRef, Vec<Reached>>,
    /// Locks that a function gives back without having taken them.
    pub dropped: FxHashSet<LockKey>,
    /// Rounds until nothing new was found.
    pub rounds: usize,
}

/// Ways are followed through at most this many calls.
const ROUNDS: usize = 10;
/// More effects of one function than this are not told apart.
const MOST: usize = 24;

impl Program {
    /// All that is known of locks, found once.
    #[must_use]
    pub fn lock_world(&self) -> Arc<LockWorld> {
        self.memo.shared.lock_world.get_or_init(|| Arc::new(self.find_lock_world())).clone()
    }

    fn find_lock_world(&self) -> LockWorld {
        let functions: Vec<FunctionRef> = self.own_units().flat_map(|(unit, _)| self.functions_of(unit)).collect();
        let locking: Vec<(FunctionRef, Arc<FunctionLocks>)> = functions
            .par_iter()
            .map(|it| (*it, self.held_at(*it)))
            .filter(|(_, locks)| !locks.taken.is_empty() || !locks.held.is_empty() || !locks.drops.is_empty())
            .collect();
        let mut world = LockWorld::default();
        for (function, locks) in &locking {
            for taken in &locks.taken {
                world.users.entry(taken.lock.key.clone()).or_default().push((*function, taken.act));
            }
            world.dropped.extend(locks.drops.iter().map(|it| it.key.clone()));
        }
        let calls = self.calls_under(&locking);
        world.reach = self.settle(&calls, &mut world.rounds);
        world.under = locking
            .par_iter()
            .map(|(function, locks)| self.under(*function, locks, &calls, &world.reach))
            .collect::<Vec<_>>()
            .into_iter()
            .flatten()
            .collect();
        world
    }

    /// Calls of every function that runs under a lock somewhere.
    fn calls_under(&self, locking: &[(FunctionRef, Arc<FunctionLocks>)]) -> FxHashMap<FunctionRef, Leads> {
        let mut known: FxHashMap<FunctionRef, Leads> = FxHashMap::default();
        let mut frontier: Vec<(FunctionRef, Option<Arc<FunctionLocks>>)> =
            locking.iter().filter(|(_, it)| !it.held.is_empty()).map(|(at, it)| (*at, Some(it.clone()))).collect();
        let mut queued: FxHashSet<FunctionRef> = frontier.iter().map(|(at, _)| *at).collect();
        let mut partial: FxHashSet<FunctionRef> = queued.clone();
        let registry = self.registry();
        let kept = registry.given.values().flatten().map(|(callable, ..)| *callable);
        for at in self.interrupting().iter().map(|it| it.function).chain(kept) {
            partial.remove(&at);
            queued.insert(at);
            frontier.retain(|(other, _)| *other != at);
            frontier.push((at, None));
        }
        let mut rounds = 0;
        while !frontier.is_empty() && rounds < ROUNDS {
            rounds += 1;
            let found: Vec<(FunctionRef, Leads)> = frontier
                .par_iter()
                .map(|(function, only)| (*function, self.lock_leads(*function, only.as_deref())))
                .collect();
            frontier.clear();
            for (function, leads) in found {
                for call in &leads.calls {
                    let callee = call.callee;
                    if queued.insert(callee) || partial.remove(&callee) {
                        frontier.push((callee, None));
                    }
                }
                known.insert(function, leads);
            }
            frontier.sort_by_key(|(at, _)| *at);
        }
        known
    }

    /// Follows effects from callees to callers until nothing new turns up.
    fn settle(
        &self,
        calls: &FxHashMap<FunctionRef, Leads>,
        rounds: &mut usize,
    ) -> FxHashMap<FunctionRef, Vec<Reached>> {
        let mut order: Vec<FunctionRef> = calls.keys().copied().collect();
        order.sort_unstable();
        let mut reach: FxHashMap<FunctionRef, Vec<Reached>> = order
            .par_iter()
            .map(|at| (*at, self.own_effects(*at, &calls[at])))
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        let mut changed: FxHashSet<FunctionRef> = order.iter().filter(|at| !reach[*at].is_empty()).copied().collect();
        while !changed.is_empty() && *rounds < ROUNDS {
            *rounds += 1;
            let news: Vec<(FunctionRef, Vec<Reached>)> = order
                .par_iter()
                .filter(|at| calls[*at].calls.iter().any(|call| changed.contains(&call.callee)))
                .map(|at| (*at, self.grown(*at, &calls[at], &reach, &changed)))
                .filter(|(_, news)| !news.is_empty())
                .collect();
            changed = news.iter().map(|(at, _)| *at).collect();
            for (at, news) in news {
                reach.entry(at).or_default().extend(news);
            }
        }
        reach
    }

    fn own_effects(&self, function: FunctionRef, leads: &Leads) -> Vec<Reached> {
        let locks = self.held_at(function);
        let takes =
            locks.taken.iter().filter(|it| it.waits && !self.found_free(function, it.act, &it.lock)).map(|it| {
                Reached { effect: Effect::Take(it.lock.clone()), way: vec![(function, it.act)], sure: Sure::Only }
            });
        let waits = leads.waits.iter().map(|(act, path, blocking, sure)| Reached {
            effect: Effect::Wait(path.clone(), blocking.clone()),
            way: vec![(function, *act)],
            sure: *sure,
        });
        let inner = leads.inner.iter().map(|(act, lock, path)| Reached {
            effect: Effect::Inner(lock.clone(), path.clone()),
            way: vec![(function, *act)],
            sure: Sure::Only,
        });
        let user = leads.user.iter().map(|(act, user)| Reached {
            effect: Effect::User(user.clone()),
            way: vec![(function, *act)],
            sure: Sure::Only,
        });
        takes.chain(waits).chain(inner).chain(user).take(MOST).collect()
    }

    fn grown(
        &self,
        function: FunctionRef,
        leads: &Leads,
        reach: &FxHashMap<FunctionRef, Vec<Reached>>,
        changed: &FxHashSet<FunctionRef>,
    ) -> Vec<Reached> {
        let before = reach.get(&function).map_or(&[][..], |it| it);
        let mut news: Vec<Reached> = Vec::new();
        for call in leads.calls.iter().filter(|call| changed.contains(&call.callee)) {
            for it in self.through(function, call, reach) {
                let known = before.iter().chain(&news).any(|other| same_effect(&other.effect, &it.effect));
                if !known && before.len() + news.len() < MOST {
                    news.push(it);
                }
            }
        }
        news
    }

    /// Whether a try-lock has found the lock free before this act, and the function has given it back since: whatever
    /// takes it from here on, no caller of the function holds it.
    fn found_free(&self, function: FunctionRef, act: u32, lock: &LockRef) -> bool {
        let locks = self.held_at(function);
        let free = locks.free.get(&act).is_some_and(|it| it.contains(lock));
        free && !locks.held.get(&act).is_some_and(|it| it.iter().any(|hold| hold.lock == *lock))
    }

    /// What a call leads to, in the words of the caller.
    fn through(&self, caller: FunctionRef, call: &Call, reach: &FxHashMap<FunctionRef, Vec<Reached>>) -> Vec<Reached> {
        let Some(list) = reach.get(&call.callee) else { return Vec::new() };
        list.iter()
            .filter(|it| !self.is_ruled_out(caller, call, it.way[0].1))
            .filter_map(|it| {
                let effect = match &it.effect {
                    Effect::Take(lock) => {
                        let lock = self.carry(lock, call.callee, caller, call.value)?;
                        if self.found_free(caller, call.act, &lock) {
                            return None;
                        }
                        Effect::Take(lock)
                    }
                    Effect::Inner(lock, path) => {
                        Effect::Inner(self.carry(lock, call.callee, caller, call.value)?, path.clone())
                    }
                    // Nobody has added anything to an object that was made just now.
                    Effect::User(_) if self.is_fresh_receiver(caller, call.value) => return None,
                    same @ (Effect::Wait(..) | Effect::User(_)) => same.clone(),
                };
                let mut way = Vec::with_capacity(it.way.len() + 1);
                way.push((caller, call.act));
                way.extend_from_slice(&it.way);
                Some(Reached { effect, way, sure: it.sure.max(call.sure) })
            })
            .collect()
    }

    /// Whether an act of the callee stands under a condition on a parameter that the call's literal argument, or the
    /// default, does not meet: `unload(entry, lock=False)`.
    fn is_ruled_out(&self, caller: FunctionRef, call: &Call, act: u32) -> bool {
        let facts = &self.unit(call.callee.unit).facts;
        facts.guards_of(&facts.acts[act as usize]).any(|guard| {
            let (test, wanted) = match guard {
                GuardKind::If(test) => (test, true),
                GuardKind::Unless(test) => (test, false),
                GuardKind::Always | GuardKind::Handler(..) | GuardKind::NoException(..) => return false,
            };
            self.truth_of_parameter(caller, call, test).is_some_and(|it| it != wanted)
        })
    }

    fn truth_of_parameter(&self, caller: FunctionRef, call: &Call, test: ValueId) -> Option<bool> {
        let facts = &self.unit(call.callee.unit).facts;
        match facts.value(test) {
            Value::Test(Test::Not, list) => {
                self.truth_of_parameter(caller, call, *facts.list(list).first()?).map(|it| !it)
            }
            Value::Parameter(function, place) if function == call.callee.function => {
                let here = &self.unit(caller.unit).facts;
                let Value::Call(callee, arguments) = here.value(call.value) else { return None };
                let arguments = here.arguments(arguments);
                if arguments.iter().any(|it| matches!(it.keyword, Keyword::Star | Keyword::DoubleStar)) {
                    return None;
                }
                let bound =
                    self.function(call.callee).class.is_some() && matches!(here.value(callee), Value::Attribute(..));
                let given = self.parameters_of(call.callee, bound, here, arguments);
                match given.iter().find(|(at, _)| *at == place) {
                    Some((_, value)) => truth(here.value(*value)),
                    None => truth(facts.value(self.function(call.callee).parameters[place as usize].default?)),
                }
            }
            _ => None,
        }
    }

    fn under(
        &self,
        function: FunctionRef,
        locks: &FunctionLocks,
        calls: &FxHashMap<FunctionRef, Leads>,
        reach: &FxHashMap<FunctionRef, Vec<Reached>>,
    ) -> Vec<Under> {
        let mut all = Vec::new();
        let mut push = |act: u32, reached: Reached| {
            if let Some(held) = locks.held.get(&act) {
                all.push(Under { function, held: held.clone(), reached });
            }
        };
        for taken in locks.taken.iter().filter(|it| it.waits) {
            let way = vec![(function, taken.act)];
            push(taken.act, Reached { effect: Effect::Take(taken.lock.clone()), way, sure: Sure::Only });
        }
        if let Some(leads) = calls.get(&function) {
            for (act, path, blocking, sure) in &leads.waits {
                let effect = Effect::Wait(path.clone(), blocking.clone());
                push(*act, Reached { effect, way: vec![(function, *act)], sure: *sure });
            }
            for (act, user) in &leads.user {
                push(
                    *act,
                    Reached { effect: Effect::User(user.clone()), way: vec![(function, *act)], sure: Sure::Only },
                );
            }
            for (act, lock, path) in &leads.inner {
                let effect = Effect::Inner(lock.clone(), path.clone());
                push(*act, Reached { effect, way: vec![(function, *act)], sure: Sure::Only });
            }
            for call in leads.calls.iter().filter(|it| locks.held.contains_key(&it.act)) {
                for reached in self.through(function, call, reach) {
                    push(call.act, reached);
                }
            }
        }
        all
    }
}

fn truth(value: Value) -> Option<bool> {
    match value {
        Value::True | Value::One | Value::Number | Value::Large => Some(true),
        Value::False | Value::None | Value::Zero => Some(false),
        _ => None,
    }
}

fn same_effect(a: &Effect, b: &Effect) -> bool {
    match (a, b) {
        (Effect::Take(a), Effect::Take(b)) => a.key == b.key && a.owner == b.owner,
        (Effect::Inner(a, _), Effect::Inner(b, _)) => a.key == b.key && a.owner == b.owner,
        (Effect::Wait(a, _), Effect::Wait(b, _)) => a == b,
        (Effect::User(a), Effect::User(b)) => a == b,
        _ => false,
    }
}
