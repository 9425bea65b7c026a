//! What goes to another process: which calls send what, and how it is packed.

use std::sync::Arc;

use raddle_facts::models::{Packing, Sends, Slot};
use raddle_facts::{ActKind, Argument, ArgumentRange, FileFacts, Keyword, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Program;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::Val;

/// How a process starts, by `multiprocessing`'s name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// The child goes on with a copy of the parent's memory.
    Fork,
    /// The child is a fresh interpreter; everything is pickled.
    Spawn,
    /// A server process forks children; everything is pickled.
    Forkserver,
    /// Nobody says: it depends on the platform and the version.
    Default,
}

/// What a value is to the call that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The callable that the process runs.
    Function,
    /// An argument, sent as it is.
    Argument,
    /// An iterable whose items are sent.
    Items,
    /// An iterable of tuples whose entries are sent.
    Tuples,
}

/// One value that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What it is to the call.
    pub role: Role,
    /// The value, in the file of the crossing.
    pub value: ValueId,
}

/// A call that sends values to another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// Who calls.
    pub function: FunctionRef,
    /// The act, in the pool of the caller's file.
    pub act: u32,
    /// The call, as models know it.
    pub call: Arc<str>,
    /// The project's own function that passes the values on to the call.
    pub through: Option<FunctionRef>,
    /// How the values are packed.
    pub packing: Packing,
    /// How the process starts, where that decides.
    pub start: Start,
    /// What is sent.
    pub sent: Vec<Sent>,
    /// The callable whose result comes back.
    pub answers: Option<ValueId>,
    /// Whether the callee is the only reading of the call.
    pub sure: bool,
}

/// A parameter that a function of the project sends on.
#[derive(Debug, Clone)]
struct Relay {
    role: Role,
    place: u16,
    call: Arc<str>,
    packing: Packing,
    start: Start,
    answers: bool,
}

/// Helpers that send on what they are given are followed this far.
const RELAYS: usize = 3;

impl Program {
    /// Every call that sends something to another process, in order.
    #[must_use]
    pub fn crossings(&self) -> &[Crossing] {
        self.memo.shared.crossings.get_or_init(|| self.find_crossings())
    }

    fn find_crossings(&self) -> Vec<Crossing> {
        if !self.own_units().any(|(_, unit)| imports_processes(&unit.facts)) {
            return Vec::new();
        }
        let per_unit: Vec<Vec<Crossing>> =
            (0..self.own).into_par_iter().map(|at| self.crossings_of(UnitId(at as u32))).collect();
        let mut all: Vec<Crossing> = per_unit.into_iter().flatten().collect();
        let mut fresh = self.relays(&all);
        let mut known: FxHashSet<FunctionRef> = fresh.keys().copied().collect();
        for _ in 0..RELAYS {
            if fresh.is_empty() {
                break;
            }
            let relayed: Vec<Vec<Crossing>> =
                (0..self.own).into_par_iter().map(|at| self.relayed_of(UnitId(at as u32), &fresh)).collect();
            let relayed: Vec<Crossing> = relayed.into_iter().flatten().collect();
            fresh = self.relays(&relayed);
            fresh.retain(|function, _| known.insert(*function));
            all.extend(relayed);
        }
        all.sort_by_key(|it| (it.function, it.act));
        all
    }

    fn crossings_of(&self, unit: UnitId) -> Vec<Crossing> {
        let facts = &self.unit(unit).facts;
        let mut all = Vec::new();
        for function in self.functions_of(unit) {
            let (start, _) = self.function(function).acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                if arguments.len == 0 || !self.may_cross(facts, callee) {
                    continue;
                }
                let at_value = ValueRef { unit, value: callee };
                let mut done: Vec<&Arc<Sends>> = Vec::new();
                let names = self.known_names(at_value);
                let sure = self.evaluate(at_value).known.iter().all(|val| self.sends_something(val));
                for name in names {
                    for sends in self.models.sends(&name) {
                        if done.iter().any(|it| Arc::ptr_eq(it, sends)) {
                            continue;
                        }
                        done.push(sends);
                        if let Some(mut crossing) = self.crossing(function, start + at as u32, callee, arguments, sends)
                        {
                            crossing.call = name.clone();
                            crossing.sure = sure;
                            all.push(crossing);
                        }
                    }
                }
            }
        }
        all
    }

    /// Whether a callee is one that sends, so that another reading of the call would not.
    fn sends_something(&self, val: &Val) -> bool {
        let sends = |name: &str| !self.models.sends(name).is_empty();
        match val {
            Val::Outside(path, _) | Val::Gives(path, _) => sends(path),
            Val::OutsideInstance(class) => sends(&format!("{class}.__call__")),
            Val::Function(function) | Val::Bound(function, _) => sends(&self.function_name(*function)),
            Val::Class(class) => {
                self.ancestors(*class).iter().filter_map(|it| self.outside_name(it)).any(|it| sends(&it))
            }
            _ => false,
        }
    }

    fn may_cross(&self, facts: &FileFacts, callee: ValueId) -> bool {
        match facts.value(callee) {
            Value::Attribute(_, name) => self.models.may_send(facts.text(name)),
            Value::Name(..) | Value::ImportFrom(..) | Value::Union(_) => true,
            // `Parallel(n_jobs=2)(…)`.
            Value::Call(..) => self.models.may_send("__call__"),
            _ => false,
        }
    }

    fn crossing(
        &self,
        function: FunctionRef,
        act: u32,
        callee: ValueId,
        arguments: ArgumentRange,
        sends: &Sends,
    ) -> Option<Crossing> {
        let unit = function.unit;
        let facts = &self.unit(unit).facts;
        if let Some(pool) = sends.pool {
            let pool = self.argument_at(unit, arguments, None, Some(pool))?;
            if !self.is_process_pool(ValueRef { unit, value: pool }) {
                return None;
            }
        }
        let find = |slot: &Slot| self.argument_at(unit, arguments, slot.name.as_deref(), slot.position);
        let mut sent = Vec::new();
        let callable = sends.function.as_ref().and_then(find);
        sent.extend(callable.map(|value| Sent { role: Role::Function, value }));
        for (slots, role) in [(&sends.whole, Role::Argument), (&sends.each, Role::Items), (&sends.tuples, Role::Tuples)]
        {
            sent.extend(slots.iter().filter_map(find).map(|value| Sent { role, value }));
        }
        rest(facts, facts.arguments(arguments), sends, &mut sent);
        if sends.tasks && self.runs_processes(unit, callee) {
            self.tasks(unit, arguments, &mut sent);
        }
        if sent.is_empty() {
            return None;
        }
        Some(Crossing {
            function,
            act,
            call: "".into(),
            through: None,
            packing: sends.by,
            start: self.start_of(unit, callee, arguments),
            sent,
            answers: callable.filter(|_| sends.answers),
            sure: true,
        })
    }

    /// `Parallel(n_jobs=4)`, unless it asks for threads or for nothing at all.
    fn runs_processes(&self, unit: UnitId, callee: ValueId) -> bool {
        let Some((class, options)) = self.made_by(ValueRef { unit, value: callee }) else { return false };
        let option = |name| self.argument_at(class.unit, options, Some(name), None);
        let word = |name| self.word(ValueRef { unit: class.unit, value: option(name)? });
        let jobs = self.argument_at(class.unit, options, Some("n_jobs"), Some(0));
        let threads = matches!(word("backend"), Some("threading" | "sequential"))
            || word("prefer") == Some("threads")
            || option("require").is_some();
        jobs.is_some() && !threads
    }

    /// The functions and arguments of `delayed(function)(arguments) for …`.
    fn tasks(&self, unit: UnitId, arguments: ArgumentRange, sent: &mut Vec<Sent>) {
        let facts = &self.unit(unit).facts;
        let Some(first) = self.argument_at(unit, arguments, None, Some(0)) else { return };
        let made = self.origin(ValueRef { unit, value: first });
        if made.unit != unit {
            return;
        }
        let Value::Display(_, list) = facts.value(made.value) else { return };
        for task in facts.list(list) {
            let Value::Call(delayed, given) = facts.value(*task) else { continue };
            let Value::Call(_, function) = facts.value(delayed) else { continue };
            let function = facts.arguments(function).iter().take(1);
            sent.extend(function.map(|it| Sent { role: Role::Function, value: it.value }));
            sent.extend(facts.arguments(given).iter().map(|it| Sent { role: Role::Argument, value: it.value }));
        }
    }

    fn is_process_pool(&self, at: ValueRef) -> bool {
        let vals = self.evaluate(at);
        !vals.is_empty()
            && vals.known.iter().all(|val| match val {
                Val::Instance(class, _) => self
                    .ancestors(*class)
                    .iter()
                    .filter_map(|it| self.outside_name(it))
                    .any(|it| &*it == "concurrent.futures.ProcessPoolExecutor"),
                Val::OutsideInstance(class) => &**class == "concurrent.futures.ProcessPoolExecutor",
                _ => false,
            })
    }

    /// How the process of a call starts: by its context, or by what the program sets.
    #[must_use]
    pub fn start_of(&self, unit: UnitId, callee: ValueId, arguments: ArgumentRange) -> Start {
        let facts = &self.unit(unit).facts;
        let context = match self.argument_at(unit, arguments, Some("mp_context"), None) {
            Some(context) => Some(context),
            None => match facts.value(callee) {
                Value::Attribute(base, _) => Some(base),
                _ => None,
            },
        };
        let named = context.and_then(|context| self.start_of_context(ValueRef { unit, value: context }));
        named.unwrap_or_else(|| self.start_by_default())
    }

    /// `get_context("spawn")`.
    pub(crate) fn start_of_context(&self, context: ValueRef) -> Option<Start> {
        let (callee, arguments) = self.made_by(context)?;
        if let Some(given) = self.argument_at(callee.unit, arguments, Some("mp_context"), None)
            && given != context.value
        {
            return self.start_of_context(ValueRef { unit: callee.unit, value: given });
        }
        let is_context = self.known_names(callee).iter().any(|it| it.ends_with(".get_context"));
        let word = self.argument_at(callee.unit, arguments, Some("method"), Some(0)).filter(|_| is_context)?;
        start_named(self.word(ValueRef { unit: callee.unit, value: word })?)
    }

    /// What the program sets for all processes.
    pub fn start_by_default(&self) -> Start {
        *self.memo.shared.start.get_or_init(|| {
            let starts: Vec<Start> =
                (0..self.own).into_par_iter().filter_map(|at| self.start_set_in(UnitId(at as u32))).collect();
            starts.first().copied().unwrap_or(Start::Default)
        })
    }

    fn start_set_in(&self, unit: UnitId) -> Option<Start> {
        let facts = &self.unit(unit).facts;
        facts.symbols.find("set_start_method")?;
        self.functions_of(unit).find_map(|function| {
            facts.acts_of(function.function).iter().find_map(|act| {
                let ActKind::Call(call) = act.kind else { return None };
                let Value::Call(callee, arguments) = facts.value(call) else { return None };
                let callee = ValueRef { unit, value: callee };
                if !self.known_names(callee).iter().any(|it| it.ends_with(".set_start_method")) {
                    return None;
                }
                let word = self.argument_at(unit, arguments, Some("method"), Some(0))?;
                start_named(self.word(ValueRef { unit, value: word })?)
            })
        })
    }

    /// The parameters that crossings only pass on.
    fn relays(&self, crossings: &[Crossing]) -> FxHashMap<FunctionRef, Vec<Relay>> {
        let mut relays: FxHashMap<FunctionRef, Vec<Relay>> = FxHashMap::default();
        for crossing in crossings.iter().filter(|it| it.sure) {
            let facts = &self.unit(crossing.function.unit).facts;
            for sent in &crossing.sent {
                let Value::Parameter(function, place) = facts.value(sent.value) else { continue };
                if !matches!(
                    facts.function(function).parameters[place as usize].kind,
                    raddle_facts::ParameterKind::Plain | raddle_facts::ParameterKind::Keyword
                ) {
                    continue;
                }
                relays.entry(FunctionRef { unit: crossing.function.unit, function }).or_default().push(Relay {
                    role: sent.role,
                    place,
                    call: crossing.call.clone(),
                    packing: crossing.packing,
                    start: crossing.start,
                    answers: crossing.answers == Some(sent.value),
                });
            }
        }
        relays
    }

    /// Calls of the project's own functions that send on what they are given.
    fn relayed_of(&self, unit: UnitId, relays: &FxHashMap<FunctionRef, Vec<Relay>>) -> Vec<Crossing> {
        let facts = &self.unit(unit).facts;
        let names: FxHashSet<&str> = relays
            .keys()
            .map(|it| self.unit(it.unit).facts.text(self.function(*it).name))
            .filter(|name| *name != "__init__")
            .collect();
        let mut all = Vec::new();
        for function in self.functions_of(unit) {
            let (start, _) = self.function(function).acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                let name = match facts.value(callee) {
                    Value::Attribute(_, name) | Value::Name(_, name) | Value::ImportFrom(_, name) => facts.text(name),
                    Value::Function(function) => facts.text(facts.function(function).name),
                    _ => continue,
                };
                if arguments.len == 0 || !names.contains(name) {
                    continue;
                }
                let callees = self.evaluate(ValueRef { unit, value: callee });
                let [val] = &callees.known[..] else { continue };
                let (Val::Function(helper) | Val::Bound(helper, _)) = val else { continue };
                let Some(known) = relays.get(helper) else { continue };
                let bound = matches!(val, Val::Bound(..));
                let pairs = self.parameters_of(*helper, bound, facts, facts.arguments(arguments));
                for relay in known {
                    let Some((_, value)) = pairs.iter().find(|(place, _)| *place == relay.place) else { continue };
                    all.push(Crossing {
                        function,
                        act: start + at as u32,
                        call: relay.call.clone(),
                        through: Some(*helper),
                        packing: relay.packing,
                        start: relay.start,
                        sent: vec![Sent { role: relay.role, value: *value }],
                        answers: relay.answers.then_some(*value),
                        sure: true,
                    });
                }
            }
        }
        all
    }
}

/// The arguments past the listed ones.
fn rest(facts: &FileFacts, arguments: &[Argument], sends: &Sends, sent: &mut Vec<Sent>) {
    let (from, role, star) = match (sends.rest, sends.each_rest) {
        (Some(from), _) => (from, Role::Argument, Role::Items),
        (None, Some(from)) => (from, Role::Items, Role::Tuples),
        (None, None) => return,
    };
    let mut position = 0u8;
    for argument in arguments {
        match argument.keyword {
            Keyword::Positional => {
                if position >= from {
                    sent.push(Sent { role, value: argument.value });
                }
                position = position.saturating_add(1);
            }
            Keyword::Star if position >= from => sent.push(Sent { role: star, value: argument.value }),
            Keyword::Named(name) if sends.rest.is_some() => {
                let listed = sends.function.as_ref().and_then(|it| it.name.as_deref());
                if listed != Some(facts.text(name)) {
                    sent.push(Sent { role, value: argument.value });
                }
            }
            Keyword::Star | Keyword::Named(_) | Keyword::DoubleStar => {}
        }
    }
}

fn start_named(word: &str) -> Option<Start> {
    match word {
        "fork" => Some(Start::Fork),
        "spawn" => Some(Start::Spawn),
        "forkserver" => Some(Start::Forkserver),
        _ => None,
    }
}

/// Whether a file can come by a pool of processes at all.
fn imports_processes(facts: &FileFacts) -> bool {
    facts.imports.iter().any(|it| {
        let name = facts.text(*it);
        let package = name.split('.').next().unwrap_or(name);
        matches!(
            package,
            "multiprocessing" | "joblib" | "loky" | "billiard" | "torch" | "dask" | "distributed" | "pebble"
        ) || package == "multiprocess"
            || name.starts_with("concurrent")
    })
}
