//! Who may run each function beside whom: threads, pools and tasks, how many at once, and what they all hold.
//!
//! A [`Root`] is where an actor starts. It is followed along calls, and each [`Visit`] says which parameters of the
//! function hold an object that the other actors hold too: `self` of a bound method that several threads run is one,
//! the element each of them was given is not.

pub(crate) mod objects;
mod order;
mod roots;

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::Program;
use crate::calls::{Sure, Target, Via};
use crate::locks::LockKey;
use crate::sharing::Place;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::Val;

/// How many of an actor there are at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Many {
    /// One.
    One,
    /// One for each time the function around it runs, such as one for each request.
    Repeated,
    /// Several from one call: a loop starts them, or a pool runs an entry for each element.
    Same,
}

/// Through what two actors come to the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A framework calls it: nothing but globals is shared.
    Framework,
    /// Through `self` of this class.
    Class(ClassRef),
    /// Through the variables of this function.
    Function(FunctionRef),
}

/// Where an actor starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// What it runs first.
    pub function: FunctionRef,
    /// What it is: a thread, a worker of a pool, a task of the event loop; the caller of public methods.
    pub runner: Runner,
    /// How many at once.
    pub many: Many,
    /// The call that starts it.
    pub from: Option<(FunctionRef, u32)>,
    /// Through what it comes to shared objects.
    pub family: Family,
    /// Parameters that hold what other actors hold too, by place.
    pub shared: u32,
    /// Whether the one who starts it waits for it on the spot: what it is given is lent and not shared.
    pub lent: bool,
    /// Attributes of the object it runs on that hold what the others of its kind hold too.
    pub kept: Vec<Place>,
    /// For the one who starts others and goes on: from which act until which the others run beside it.
    pub window: Option<(u32, u32)>,
}

/// How one actor comes to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The actor's place in the list of roots.
    pub root: usize,
    /// Parameters that hold what other actors hold too, by place.
    pub shared: u32,
    /// Locks that are held on every way here.
    pub held: Vec<LockKey>,
    /// Whether something on every way here may protect it that is not known to be a lock.
    pub covered: bool,
    /// The call that leads here, from the root on.
    pub from: Option<(FunctionRef, u32)>,
}

/// All actors, and what they run.
#[derive(Debug, Default)]
pub struct Actors {
    /// Where they start, in order.
    pub roots: Vec<Root>,
    /// Who runs a function.
    pub visits: FxHashMap<FunctionRef, Vec<Visit>>,
    /// Rounds until nothing new was found.
    pub rounds: usize,
}

/// A call that stays with the actor.
#[derive(Debug, Clone)]
struct Step {
    act: u32,
    value: ValueId,
    callee: FunctionRef,
    constructs: bool,
    held: Vec<LockKey>,
    covered: bool,
}

/// More actors than this in one function are not told apart.
const MOST: usize = 12;
/// Calls are followed this far.
const ROUNDS: usize = 24;
/// Parameters after this one are not looked at.
const PARAMETERS: u16 = 16;
/// Attributes of attributes are followed this far.
const DEEPEST: u8 = 5;

impl Program {
    /// All actors that may overlap, and what they run.
    #[must_use]
    pub fn actors(&self) -> &Actors {
        self.memo.shared.actors.get_or_init(|| self.find_actors())
    }

    fn find_actors(&self) -> Actors {
        let mut actors = Actors { roots: self.actor_roots(), ..Actors::default() };
        let mut steps = FxHashMap::default();
        let first: Vec<usize> = (0..actors.roots.len()).collect();
        self.follow_roots(&mut actors, first, &mut steps);
        let from = actors.roots.len();
        let starters = self.starter_roots(&actors.roots);
        actors.roots.extend(starters);
        let callers = self.caller_roots(&actors);
        actors.roots.extend(callers);
        let second: Vec<usize> = (from..actors.roots.len()).collect();
        self.follow_roots(&mut actors, second, &mut steps);
        actors
    }

    fn follow_roots(&self, actors: &mut Actors, roots: Vec<usize>, steps: &mut FxHashMap<FunctionRef, Vec<Step>>) {
        let mut frontier: Vec<(FunctionRef, usize)> = Vec::new();
        for root in roots {
            let it = &actors.roots[root];
            let covered = self.decoration_covers(it.function);
            let visit = Visit { root, shared: it.shared, held: Vec::new(), covered, from: None };
            let function = it.function;
            actors.visit(function, visit, &mut frontier);
        }
        let mut rounds = 0;
        while !frontier.is_empty() && rounds < ROUNDS {
            rounds += 1;
            frontier.sort_unstable();
            frontier.dedup();
            let mut fresh: Vec<FunctionRef> =
                frontier.iter().map(|(at, _)| *at).filter(|at| !steps.contains_key(at)).collect();
            fresh.dedup();
            let found: Vec<Vec<Step>> = fresh.par_iter().map(|at| self.steps(*at)).collect();
            steps.extend(fresh.into_iter().zip(found));
            for (function, root) in std::mem::take(&mut frontier) {
                let Some(visit) = actors.visits.get(&function).and_then(|it| it.iter().find(|it| it.root == root))
                else {
                    continue;
                };
                let visit = visit.clone();
                for step in &steps[&function] {
                    if !actors.roots[root].runs(function, step.act) {
                        continue;
                    }
                    let shared = self.carried(function, &visit, &actors.roots[root], step);
                    let mut held = visit.held.clone();
                    held.extend(step.held.iter().filter(|it| !visit.held.contains(it)).cloned());
                    let next = Visit {
                        root,
                        shared,
                        held,
                        covered: visit.covered || step.covered,
                        from: Some((function, step.act)),
                    };
                    actors.visit(step.callee, next, &mut frontier);
                }
            }
        }
        actors.rounds += rounds;
    }

    /// The parameters of a callee that hold what other actors hold too.
    fn carried(&self, function: FunctionRef, visit: &Visit, root: &Root, step: &Step) -> u32 {
        let count = self.function(step.callee).parameters.len().min(usize::from(PARAMETERS)) as u16;
        let first = u16::from(step.constructs);
        (first..count)
            .filter(|place| {
                self.given(step.callee, *place, function, step.value)
                    .is_some_and(|value| self.is_shared(function, visit, root, value, 0))
            })
            .fold(0, |mask, place| mask | 1 << place)
    }

    /// Whether other actors hold the object that a value stands for.
    #[must_use]
    pub fn is_shared(&self, function: FunctionRef, visit: &Visit, root: &Root, value: ValueId, depth: u8) -> bool {
        let facts = &self.unit(function.unit).facts;
        if depth > DEEPEST {
            return false;
        }
        match facts.value(value) {
            Value::Parameter(owner, place) if owner == function.function => {
                place < PARAMETERS && visit.shared >> place & 1 == 1
            }
            Value::Parameter(owner, _) => self.encloses(FunctionRef { unit: function.unit, function: owner }, root),
            Value::Super(_, owner) => owner == function.function && visit.shared & 1 == 1,
            Value::Attribute(base, _) => {
                let held = self.is_shared(function, visit, root, base, depth + 1)
                    || self.is_kept_by_all(function, root, value);
                held && !self.is_confined(function.unit, value) || self.is_of_module(function.unit, base)
            }
            Value::Name(scope, name) => match self.place_named(function.unit, scope, name) {
                Some(Place::Global(..)) => !self.is_confined(function.unit, value),
                Some(Place::Closure(owner, _)) => self.encloses(owner, root),
                _ => false,
            },
            Value::ImportFrom(..) => !self.is_confined(function.unit, value),
            Value::Declared(_, inner) | Value::Narrowed(inner, _) => {
                self.is_shared(function, visit, root, inner, depth + 1)
            }
            _ => false,
        }
    }

    /// Whether an attribute is one that the object of a thread was made with, as its siblings were.
    fn is_kept_by_all(&self, function: FunctionRef, root: &Root, attribute: ValueId) -> bool {
        !root.kept.is_empty() && self.spot_at(function, attribute).is_some_and(|it| root.kept.contains(&it.place))
    }

    fn is_of_module(&self, unit: UnitId, base: ValueId) -> bool {
        matches!(self.unit(unit).facts.value(base), Value::Import(_) | Value::ImportFrom(..))
            && self.evaluate(ValueRef { unit, value: base }).known.iter().any(|it| matches!(it, Val::Module(_)))
    }

    /// Whether each actor has its own of it: a thread-local, a context variable.
    fn is_confined(&self, unit: UnitId, value: ValueId) -> bool {
        self.evaluate(ValueRef { unit, value }).known.iter().any(|val| match val {
            Val::Instance(class, _) => self.ancestors(*class).iter().any(|it| {
                let name = match it {
                    crate::members::Ancestor::Class(class) => self.class_name(*class),
                    crate::members::Ancestor::Outside(name) => name.clone(),
                    crate::members::Ancestor::Unknown => return false,
                };
                is_confining(&name)
            }),
            Val::OutsideInstance(name) => is_confining(name),
            _ => false,
        })
    }

    /// Whether the actor starts inside the body of a function, so that it sees the same variables as its siblings.
    #[must_use]
    pub fn encloses(&self, owner: FunctionRef, root: &Root) -> bool {
        let mut at = self.enclosing_function(root.function);
        while let Some(function) = at {
            if function == owner {
                return root.many != Many::Repeated || root.family == Family::Framework;
            }
            at = self.enclosing_function(function);
        }
        false
    }

    fn steps(&self, function: FunctionRef) -> Vec<Step> {
        let facts = &self.unit(function.unit).facts;
        let (start, _) = self.function(function).acts;
        let mut steps = Vec::new();
        for (at, act) in facts.acts_of(function.function).iter().enumerate() {
            let value = match act.kind {
                ActKind::Call(value)
                | ActKind::Enter(value)
                | ActKind::AsyncEnter(value)
                | ActKind::Iterate(value)
                | ActKind::AsyncIterate(value)
                | ActKind::Load(value)
                | ActKind::Index(value) => value,
                _ => continue,
            };
            let at = start + at as u32;
            for target in self.targets(function, act) {
                let (callee, constructs) = match target {
                    Target::Run { callee, via, sure: Sure::Only | Sure::Perhaps | Sure::OneOf(..=2) } => {
                        (callee, via == Via::Construct)
                    }
                    Target::Coroutine(callee) if act.awaited => (callee, false),
                    _ => continue,
                };
                if !self.is_own(callee.unit) {
                    continue;
                }
                let (held, covered) = self.protection(function, at);
                let covered = covered || self.decoration_covers(callee);
                steps.push(Step { act: at, value, callee, constructs, held, covered });
            }
        }
        steps
    }

    /// The locks that a function holds at an act, and whether something else there may be one.
    #[must_use]
    pub fn protection(&self, function: FunctionRef, act: u32) -> (Vec<LockKey>, bool) {
        let facts = &self.unit(function.unit).facts;
        let mut covered = false;
        let locks = self.held_at(function);
        let mut held: Vec<LockKey> = Vec::new();
        for hold in locks.held.get(&act).into_iter().flatten() {
            covered |= matches!(hold.lock.key, LockKey::Parameter(..) | LockKey::Outside(_));
            held.push(hold.lock.key.clone());
        }
        if held.is_empty() {
            covered |= facts.held_by(&facts.acts[act as usize]).any(|it| self.may_protect(function, it.manager));
        }
        (held, covered)
    }

    /// Whether a wrapper runs what it wraps in a `with` that could be a lock.
    fn wraps_in_lock(&self, wrapper: FunctionRef) -> bool {
        let facts = &self.unit(wrapper.unit).facts;
        let (start, end) = facts.function(wrapper.function).acts;
        (start..end).any(|at| {
            let (held, covered) = self.protection(wrapper, at);
            covered || !held.is_empty()
        })
    }

    /// Whether a context manager could be a lock by all that is known.
    fn may_protect(&self, function: FunctionRef, manager: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let name = match facts.value(manager) {
            Value::Call(callee, _) => facts.last_name(callee),
            _ => facts.last_name(manager),
        };
        let sounds = name.is_some_and(sounds_like_lock);
        sounds || self.evaluate(ValueRef { unit: function.unit, value: manager }).is_empty()
    }

    /// Whether a decorator of a function may keep others out while it runs.
    #[must_use]
    pub fn decoration_covers(&self, function: FunctionRef) -> bool {
        let it = self.function(function);
        if it.decorators.is_empty() {
            return false;
        }
        let decoration = self.decoration(function);
        let facts = &self.unit(function.unit).facts;
        decoration.is_once
            || decoration.wrappers.iter().any(|it| self.wraps_in_lock(it.function))
            || it.decorators.iter().any(|decorator| {
                let name = match facts.value(*decorator) {
                    Value::Call(callee, _) => facts.last_name(callee),
                    _ => facts.last_name(*decorator),
                };
                name.is_some_and(|name| sounds_like_lock(name) || name.contains("atomic"))
            })
    }
}

fn sounds_like_lock(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["lock", "mutex", "synchron", "guard", "critical", "semaphore", "cond"].iter().any(|it| name.contains(it))
}

pub(crate) fn is_confining(name: &str) -> bool {
    matches!(
        name,
        "threading.local"
            | "_thread._local"
            | "_threading_local.local"
            | "contextvars.ContextVar"
            | "asgiref.local.Local"
    )
}

impl Actors {
    fn visit(&mut self, function: FunctionRef, visit: Visit, frontier: &mut Vec<(FunctionRef, usize)>) {
        let visits = self.visits.entry(function).or_default();
        let root = visit.root;
        let full = visits.len() >= MOST;
        match visits.iter_mut().find(|it| it.root == root) {
            Some(known) => {
                let shared = known.shared | visit.shared;
                let covered = known.covered && visit.covered;
                let before = known.held.len();
                known.held.retain(|it| visit.held.contains(it));
                if shared != known.shared || covered != known.covered || before != known.held.len() {
                    known.shared = shared;
                    known.covered = covered;
                    frontier.push((function, root));
                }
            }
            None if !full => {
                visits.push(visit);
                frontier.push((function, root));
            }
            None => {}
        }
    }

    /// The calls by which an actor comes to a function: caller, act and callee, from the root on.
    #[must_use]
    pub fn way(&self, root: usize, function: FunctionRef) -> Vec<(FunctionRef, u32, FunctionRef)> {
        let mut way = Vec::new();
        let mut at = function;
        while way.len() < 12 {
            let visit = self.visits.get(&at).and_then(|it| it.iter().find(|it| it.root == root));
            let Some((caller, act)) = visit.and_then(|it| it.from) else { break };
            way.push((caller, act, at));
            at = caller;
        }
        way.reverse();
        way
    }

    /// Whether two actors may run at the same time and come to the same object of a class.
    #[must_use]
    pub fn overlap(&self, a: usize, b: usize) -> bool {
        let (first, second) = (&self.roots[a], &self.roots[b]);
        if a == b {
            return first.many != Many::One;
        }
        // Who starts others runs beside those, as far as is known.
        if first.window.is_some() || second.window.is_some() {
            let starter = |it: &Root| it.from.map(|(function, _)| function);
            return first.window.is_some() != second.window.is_some() && starter(first) == starter(second);
        }
        if (first.runner == Runner::EventLoop) == (second.runner == Runner::EventLoop) {
            let callers = first.runner == Runner::Caller && second.runner == Runner::Caller;
            return !callers || first.many != Many::One && second.many != Many::One;
        }
        true
    }
}
