//! The order in which locks are taken, and the circles in it.

use raddle_facts::models::LockKind;
use rustc_hash::FxHashMap;

use crate::Program;
use crate::calls::Sure;
use crate::locks::registry::UserCall;
use crate::locks::summary::{Effect, LockWorld, Reached, Under};
use crate::locks::{LockKey, LockRef, Owner, Root};

/// One lock is taken while another is held.
#[derive(Debug, Clone)]
pub struct Order<'w> {
    /// The lock that is held.
    pub from: LockRef,
    /// The act that took it.
    pub from_act: u32,
    /// The lock that is taken.
    pub to: LockRef,
    /// Where.
    pub under: &'w Under,
    /// Every lock that is held there.
    pub gates: Vec<LockKey>,
}

/// Locks taken in a circle.
#[derive(Debug, Clone)]
pub struct Circle<'w> {
    /// One step for each lock, the first starting at the lowest lock.
    pub orders: Vec<Order<'w>>,
}

/// Circles longer than this are not looked for.
const LONGEST: usize = 5;
/// Ways to take one pair of locks that are tried.
const MOST_WAYS: usize = 12;

/// The orders of one step under locks.
pub fn orders_of<'w>(under: &'w Under, to: &LockRef, acc: &mut Vec<Order<'w>>) {
    for hold in &under.held {
        let mut gates: Vec<LockKey> = under.held.iter().map(|it| it.lock.key.clone()).collect();
        gates.retain(|it| *it != hold.lock.key);
        acc.push(Order { from: hold.lock.clone(), from_act: hold.act, to: to.clone(), under, gates });
    }
}

impl Program {
    /// Every pair of locks that is taken one inside the other.
    #[must_use]
    pub fn lock_orders<'w>(&self, world: &'w LockWorld) -> Vec<Order<'w>> {
        let mut orders = Vec::new();
        for under in &world.under {
            let Effect::Take(to) = &under.reached.effect else { continue };
            orders_of(under, to, &mut orders);
        }
        orders
    }

    /// Every pair of locks that is taken one inside the other, the inner one by a callable that was registered.
    #[must_use]
    pub fn registered_orders(&self, world: &LockWorld) -> Vec<Under> {
        let registry = self.registry();
        let mut found = Vec::new();
        for under in &world.under {
            let Effect::User(UserCall { kept: Some(kept @ LockKey::Member(..)), .. }) = &under.reached.effect else {
                continue;
            };
            for (callable, ..) in registry.given.get(kept).into_iter().flatten() {
                for reached in world.reach.get(callable).into_iter().flatten() {
                    let Effect::Take(lock) = &reached.effect else { continue };
                    let mut way = under.reached.way.clone();
                    way.extend_from_slice(&reached.way);
                    let owner = if lock.owner.root == Root::Only { lock.owner.clone() } else { Owner::unknown() };
                    let lock = LockRef { owner, ..lock.clone() };
                    let reached = Reached { effect: Effect::Take(lock), way, sure: Sure::Perhaps };
                    found.push(Under { function: under.function, held: under.held.clone(), reached });
                }
            }
        }
        found
    }

    /// Circles of different locks, each once.
    #[must_use]
    pub fn lock_circles<'w>(&self, orders: &[Order<'w>]) -> Vec<Circle<'w>> {
        let mut by_pair: FxHashMap<(&LockKey, &LockKey), Vec<usize>> = FxHashMap::default();
        let mut next: FxHashMap<&LockKey, Vec<&LockKey>> = FxHashMap::default();
        for (at, order) in orders.iter().enumerate() {
            if !may_circle(&order.from)
                || !may_circle(&order.to)
                || order.from.key == order.to.key
                || self.is_early(order)
            {
                continue;
            }
            by_pair.entry((&order.from.key, &order.to.key)).or_default().push(at);
        }
        for ((from, to), list) in &mut by_pair {
            list.sort_by_key(|at| (orders[*at].under.reached.way.len(), *at));
            list.truncate(MOST_WAYS);
            next.entry(from).or_default().push(to);
        }
        for list in next.values_mut() {
            list.sort();
        }
        let mut starts: Vec<&LockKey> = next.keys().copied().collect();
        starts.sort();
        let mut circles = Vec::new();
        for start in starts {
            let mut path = vec![start];
            self.search(start, &mut path, &next, &mut |path| {
                let pairs: Vec<&Vec<usize>> =
                    (0..path.len()).filter_map(|at| by_pair.get(&(path[at], path[(at + 1) % path.len()]))).collect();
                if let Some(chosen) = self.ungated(&pairs, orders) {
                    circles.push(Circle { orders: chosen.into_iter().map(|at| orders[at].clone()).collect() });
                }
            });
        }
        circles
    }

    fn search<'k>(
        &self,
        start: &'k LockKey,
        path: &mut Vec<&'k LockKey>,
        next: &FxHashMap<&'k LockKey, Vec<&'k LockKey>>,
        found: &mut impl FnMut(&[&'k LockKey]),
    ) {
        let last = path[path.len() - 1];
        for to in next.get(last).into_iter().flatten() {
            if *to == start && path.len() > 1 {
                found(path);
            } else if *to > start && path.len() < LONGEST && !path.contains(to) {
                path.push(to);
                self.search(start, path, next, found);
                path.pop();
            }
        }
    }

    /// A way for each pair such that no lock is held on all of them.
    fn ungated(&self, pairs: &[&Vec<usize>], orders: &[Order<'_>]) -> Option<Vec<usize>> {
        if let [first, second] = pairs {
            for a in *first {
                for b in *second {
                    if !orders[*a].gates.iter().any(|it| self.all_gates(&orders[*b]).contains(it))
                        && !self.all_gates(&orders[*a]).iter().any(|it| self.all_gates(&orders[*b]).contains(it))
                    {
                        return Some(vec![*a, *b]);
                    }
                }
            }
            return None;
        }
        let chosen: Vec<usize> = pairs.iter().map(|it| it[0]).collect();
        let gates = self.all_gates(&orders[chosen[0]]);
        let gated = gates.iter().any(|gate| chosen.iter().all(|at| self.all_gates(&orders[*at]).contains(gate)));
        (!gated).then_some(chosen)
    }

    fn all_gates(&self, order: &Order<'_>) -> Vec<LockKey> {
        let mut gates = order.gates.clone();
        gates.extend(self.always_held(order.under.function).into_iter().map(|it| it.key));
        gates
    }

    /// Nobody else has the object while it is being made, nor anything else while the module is imported.
    fn is_early(&self, order: &Order<'_>) -> bool {
        let function = order.under.function;
        let facts = &self.unit(function.unit).facts;
        let name = facts.text(self.function(function).name);
        let of_self = matches!(order.from.owner.root, Root::Parameter(of, 0) if of == function);
        name == "<module>" || matches!(name, "__init__" | "__new__" | "__post_init__") && of_self
    }
}

/// Whether a lock takes part in circles: it has one holder, and a place that is one lock.
fn may_circle(lock: &LockRef) -> bool {
    let one = matches!(lock.key, LockKey::Global(..) | LockKey::Member(..) | LockKey::Local(..));
    one && lock.info.is_some_and(|it| matches!(it.kind, LockKind::Mutex | LockKind::Condition))
}
