//! Who runs where: what enters the event loop, and everything that runs on it from there.

use std::sync::Arc;

use raddle_facts::models::{Often, Runner};
use raddle_facts::{ActKind, GuardId, Keyword, Value};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Program;
use crate::calls::{Sure, Target, Via};
use crate::members::Ancestor;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::{Because, Val};

/// How the event loop comes to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// It is a coroutine function.
    Coroutine,
    /// It was registered with this call.
    Callback(Arc<str>),
    /// This framework calls it.
    Framework(Arc<str>),
}

/// A function that the event loop runs of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The function.
    pub function: FunctionRef,
    /// How.
    pub kind: EntryKind,
    /// How often.
    pub often: Often,
}

/// A call that stays on the event loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Who calls.
    pub caller: FunctionRef,
    /// The act, in the pool of the caller's file.
    pub act: u32,
    /// What is called.
    pub callee: FunctionRef,
    /// How.
    pub via: Via,
    /// How well it is known.
    pub sure: Sure,
}

/// A library call on the event loop that keeps its thread waiting.
#[derive(Debug, Clone, PartialEq)]
pub struct Sink {
    /// Who calls.
    pub function: FunctionRef,
    /// The act, in the pool of the caller's file.
    pub act: u32,
    /// What is called.
    pub path: Arc<str>,
    /// Why it blocks.
    pub blocking: Arc<raddle_facts::models::Blocking>,
    /// How.
    pub via: Via,
    /// How well it is known.
    pub sure: Sure,
}

/// Everything that runs on an event loop.
#[derive(Debug, Default)]
pub struct LoopCode {
    /// Where the loop enters, in order.
    pub entries: Vec<Entry>,
    /// The same by function.
    pub entry_of: FxHashMap<FunctionRef, usize>,
    /// Calls among functions on the loop.
    pub edges: Vec<Edge>,
    /// Blocking calls on the loop.
    pub sinks: Vec<Sink>,
    /// Coroutines that start the loop (`asyncio.run(main())`).
    pub roots: FxHashSet<FunctionRef>,
    /// Functions that a function on the loop also hands to a thread or process: it knows that they take long.
    pub also_elsewhere: FxHashSet<(FunctionRef, FunctionRef)>,
    /// Coroutines that only command-line commands lead to: nothing else waits for their loop.
    pub commands: FxHashSet<FunctionRef>,
    /// Coroutines that only start-up and shut-down lead to.
    pub once: FxHashSet<FunctionRef>,
    /// Number of functions on the loop.
    pub functions: usize,
    /// Rounds until nothing new was found.
    pub rounds: usize,
    /// Calls whose callee is not known, by reason.
    pub unknown: std::collections::BTreeMap<Because, u64>,
}

/// What one function leads to.
struct Leads {
    edges: Vec<Edge>,
    sinks: Vec<Sink>,
    callbacks: Vec<(FunctionRef, Arc<str>)>,
    elsewhere: Vec<FunctionRef>,
    /// Coroutines that are made, each with the one that awaits it; one that nobody does stands for itself.
    coroutines: Vec<(FunctionRef, FunctionRef)>,
    unknown: Vec<Because>,
}

/// Where event loops enter in one file.
struct Seeds {
    entries: Vec<Entry>,
    /// What starts a loop.
    roots: Vec<FunctionRef>,
    /// What is registered as a command of the command line.
    commands: Vec<FunctionRef>,
    /// Helpers that run a loop for the coroutine function they are given, and as which parameter.
    runners: Vec<(FunctionRef, u16)>,
}

impl Program {
    /// Follows the event loop through the project.
    #[must_use]
    pub fn loop_code(&self) -> LoopCode {
        let mut code = LoopCode::default();
        let mut frontier = Vec::new();
        let mut registered = FxHashSet::default();
        for entry in self.seeds(&mut code.roots, &mut registered) {
            code.enter(entry, &mut frontier);
        }
        let mut makers: FxHashMap<FunctionRef, FxHashSet<FunctionRef>> = FxHashMap::default();
        let mut seen: FxHashSet<FunctionRef> = frontier.iter().copied().collect();
        while !frontier.is_empty() {
            code.rounds += 1;
            let leads: Vec<Leads> = frontier.par_iter().map(|function| self.leads(*function)).collect();
            let asked = std::mem::take(&mut frontier);
            for (at, lead) in leads.into_iter().enumerate() {
                let function = asked[at];
                for (callee, awaiter) in lead.coroutines {
                    makers.entry(callee).or_default().insert(awaiter);
                }
                code.also_elsewhere.extend(lead.elsewhere.into_iter().map(|callee| (function, callee)));
                for because in lead.unknown {
                    *code.unknown.entry(because).or_default() += 1;
                }
                for edge in lead.edges {
                    if seen.insert(edge.callee) {
                        frontier.push(edge.callee);
                    }
                    code.edges.push(edge);
                }
                code.sinks.extend(lead.sinks);
                for (function, by) in lead.callbacks {
                    let entry = Entry { function, kind: EntryKind::Callback(by), often: Often::EachTime };
                    if self.runs_when_called(function) && seen.insert(function) {
                        code.enter(entry, &mut frontier);
                    }
                }
            }
            frontier.sort_unstable();
        }
        code.functions = seen.len();
        let is_command = |function: FunctionRef| {
            let decoration = self.decoration(function);
            registered.contains(&function)
                || decoration.entry.as_ref().is_some_and(|it| it.plain == Runner::Caller && it.often == Often::Once)
        };
        let (commands, once): (Vec<&Entry>, Vec<&Entry>) =
            code.entries.iter().filter(|it| it.often == Often::Once).partition(|it| is_command(it.function));
        let commands = only_through(commands.into_iter().map(|it| it.function).collect(), &code, &makers);
        let once = only_through(once.into_iter().map(|it| it.function).collect(), &code, &makers);
        (code.commands, code.once) = (commands, once);
        code
    }

    fn runs_when_called(&self, function: FunctionRef) -> bool {
        let it = self.function(function);
        !it.is_async && !it.is_generator
    }

    fn leads(&self, function: FunctionRef) -> Leads {
        let facts = &self.unit(function.unit).facts;
        let (start, _) = facts.function(function.function).acts;
        let mut leads = Leads {
            edges: Vec::new(),
            sinks: Vec::new(),
            callbacks: Vec::new(),
            elsewhere: Vec::new(),
            coroutines: Vec::new(),
            unknown: Vec::new(),
        };
        for (at, act) in facts.acts_of(function.function).iter().enumerate() {
            let at = start + at as u32;
            for target in self.targets(function, act) {
                match target {
                    Target::Run { callee, .. } if self.is_twin(function, at, callee) => {}
                    Target::Run { callee, via, sure } => {
                        leads.edges.push(Edge { caller: function, act: at, callee, via, sure });
                    }
                    Target::Block { path, blocking, via, sure } => {
                        leads.sinks.push(Sink { function, act: at, path, blocking, via, sure });
                    }
                    Target::Hand { callee, to: Runner::EventLoop, by } => leads.callbacks.push((callee, by)),
                    Target::Hand { callee, .. } => leads.elsewhere.push(callee),
                    // What is not awaited on the spot may become a task, and go on beside the one that made it.
                    Target::Coroutine(callee) if act.awaited => leads.coroutines.push((callee, function)),
                    Target::Coroutine(callee) => leads.coroutines.push((callee, callee)),
                    Target::Opaque(because) => leads.unknown.push(because),
                }
            }
        }
        leads
    }

    /// Where event loops enter, in order of files and functions; what starts a loop, and what is a command.
    fn seeds(&self, roots: &mut FxHashSet<FunctionRef>, commands: &mut FxHashSet<FunctionRef>) -> Vec<Entry> {
        let per_unit: Vec<Seeds> = (0..self.own).into_par_iter().map(|at| self.seeds_of(UnitId(at as u32))).collect();
        let mut entries = Vec::new();
        let mut runners = Vec::new();
        for seeds in per_unit {
            entries.extend(seeds.entries);
            roots.extend(seeds.roots);
            commands.extend(seeds.commands);
            runners.extend(seeds.runners);
        }
        roots.extend(self.roots_through(&runners));
        entries
    }

    fn seeds_of(&self, unit: UnitId) -> Seeds {
        let facts = &self.unit(unit).facts;
        let mut entries = Vec::new();
        let mut roots = Vec::new();
        let mut runners = Vec::new();
        let mut once = Vec::new();
        for function in self.functions_of(unit) {
            let it = self.function(function);
            if it.is_async {
                let often = match self.decoration(function).entry.as_ref() {
                    Some(mark) => mark.often,
                    None => Often::EachTime,
                };
                entries.push(Entry { function, kind: EntryKind::Coroutine, often });
            } else if !it.decorators.is_empty()
                && let Some(mark) = &self.decoration(function).entry
                && mark.plain == Runner::EventLoop
            {
                let kind = EntryKind::Framework(mark.framework.clone());
                entries.push(Entry { function, kind, often: mark.often });
            }
            for act in facts.acts_of(function.function) {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                let Some(name) = facts.called_name(callee) else { continue };
                if matches!(name, "run" | "run_until_complete" | "run_sync") {
                    self.root_of(unit, callee, facts.arguments(arguments), &mut roots, &mut runners);
                }
                if self.models.may_register(name) {
                    self.once_of(unit, callee, facts.arguments(arguments), &mut once);
                    for target in self.targets(function, act) {
                        if let Target::Hand { callee, to: Runner::EventLoop, by } = target
                            && self.runs_when_called(callee)
                        {
                            let kind = EntryKind::Callback(by);
                            entries.push(Entry { function: callee, kind, often: Often::EachTime });
                        }
                    }
                }
            }
        }
        self.framework_methods(unit, &mut entries);
        for entry in entries.iter_mut().filter(|it| once.iter().any(|(function, _)| *function == it.function)) {
            entry.often = Often::Once;
        }
        let commands = once.into_iter().filter(|(_, by)| *by == Runner::Caller).map(|(function, _)| function).collect();
        Seeds { entries, roots, commands, runners }
    }

    /// `FastAPI(lifespan=lifespan)`: what is registered runs once, when the program starts or stops.
    fn once_of(
        &self,
        unit: UnitId,
        callee: raddle_facts::ValueId,
        arguments: &[raddle_facts::Argument],
        once: &mut Vec<(FunctionRef, Runner)>,
    ) {
        let facts = &self.unit(unit).facts;
        for val in &self.evaluate(ValueRef { unit, value: callee }).known {
            let path = match val {
                Val::Outside(path, _) => path.clone(),
                Val::Class(class) => self.class_name(*class),
                _ => continue,
            };
            let Some(entry) = self.models.entry_call(&path).filter(|it| it.often == Often::Once) else { continue };
            let handing = raddle_facts::models::Handing {
                name: entry.name.as_deref().map(Into::into),
                position: entry.position,
                to: entry.plain,
            };
            let Some(value) = crate::handing::callable_argument(facts, arguments, &handing) else { continue };
            for val in &self.evaluate(ValueRef { unit, value }).known {
                if let Val::Function(function) | Val::Bound(function, _) = val {
                    once.push((*function, entry.plain));
                }
            }
        }
    }

    /// `asyncio.run(main())`.
    fn root_of(
        &self,
        unit: UnitId,
        callee: raddle_facts::ValueId,
        arguments: &[raddle_facts::Argument],
        roots: &mut Vec<FunctionRef>,
        runners: &mut Vec<(FunctionRef, u16)>,
    ) {
        let starts = self.evaluate(ValueRef { unit, value: callee }).known.iter().any(|val| {
            let name = match val {
                Val::Function(function) | Val::Bound(function, _) => self.function_name(*function),
                Val::Outside(path, _) => path.clone(),
                _ => return false,
            };
            matches!(
                &*name,
                "asyncio.run"
                    | "asyncio.runners.run"
                    | "asyncio.AbstractEventLoop.run_until_complete"
                    | "asyncio.Runner.run"
                    | "uvloop.run"
                    | "trio.run"
                    | "anyio.run"
                    | "asyncio.BaseEventLoop.run_until_complete"
            )
        });
        if !starts {
            return;
        }
        let facts = &self.unit(unit).facts;
        for argument in arguments.iter().filter(|it| it.keyword == Keyword::Positional).take(1) {
            if let Value::Call(made, _) = facts.value(argument.value)
                && let Value::Parameter(function, place) = facts.value(made)
            {
                runners.push((FunctionRef { unit, function }, place));
            }
            for val in &self.evaluate(ValueRef { unit, value: argument.value }).known {
                if let Val::Coroutine(function) | Val::Function(function) = val {
                    roots.push(*function);
                }
            }
        }
    }

    /// The coroutine functions that the project gives to a helper of its own which runs a loop for them.
    fn roots_through(&self, runners: &[(FunctionRef, u16)]) -> Vec<FunctionRef> {
        let mut roots = Vec::new();
        for (runner, place) in runners {
            let name = self.unit(runner.unit).facts.text(self.function(*runner).name);
            for (unit, it) in self.own_units().filter(|(_, it)| it.facts.symbols.find(name).is_some()) {
                let calls = it.facts.acts.iter().filter_map(|act| match act.kind {
                    ActKind::Call(call) => Some(it.facts.value(call)),
                    _ => None,
                });
                for call in calls {
                    let Value::Call(callee, arguments) = call else { continue };
                    if it.facts.called_name(callee) != Some(name) {
                        continue;
                    }
                    let runs = self
                        .evaluate(ValueRef { unit, value: callee })
                        .known
                        .iter()
                        .any(|val| matches!(val, Val::Function(it) | Val::Bound(it, _) if it == runner));
                    let bound = self.function(*runner).class.is_some();
                    let given = self.parameters_of(*runner, bound, &it.facts, it.facts.arguments(arguments));
                    for (_, value) in given.iter().filter(|(at, _)| runs && at == place) {
                        let vals = self.evaluate(ValueRef { unit, value: *value });
                        roots.extend(vals.known.iter().filter_map(|val| match val {
                            Val::Function(it) if self.function(*it).is_async => Some(*it),
                            _ => None,
                        }));
                    }
                }
            }
        }
        roots
    }

    fn framework_methods(&self, unit: UnitId, entries: &mut Vec<Entry>) {
        let facts = &self.unit(unit).facts;
        for class in self.classes_of(unit) {
            if facts.class(class.class).bases.is_empty() {
                continue;
            }
            let names: Vec<Arc<str>> = self
                .ancestors(class)
                .iter()
                .filter_map(|ancestor| match ancestor {
                    Ancestor::Class(base) if !self.is_own(base.unit) => Some(self.class_name(*base)),
                    Ancestor::Outside(name) => Some(name.clone()),
                    Ancestor::Class(base) => Some(self.class_name(*base)),
                    Ancestor::Unknown => None,
                })
                .flat_map(|name| std::iter::once(name.clone()).chain(self.models.all_bases(&name)))
                .collect();
            for entry in self.models.entry_bases().filter(|it| it.plain == Runner::EventLoop) {
                if !entry.base.iter().any(|base| names.iter().any(|name| **name == **base)) {
                    continue;
                }
                for (sym, value) in &facts.scope(facts.class(class.class).scope).bindings {
                    let Value::Function(function) = facts.value(*value) else { continue };
                    let function = FunctionRef { unit, function };
                    let matches = entry.methods.iter().any(|pattern| fits(facts.text(*sym), pattern));
                    let runs = self.decoration(function).wrappers.iter().all(|it| it.inner.now);
                    if matches && runs && self.runs_when_called(function) {
                        let kind = EntryKind::Framework(entry.framework.as_str().into());
                        entries.push(Entry { function, kind, often: entry.often });
                    }
                }
            }
        }
    }

    /// Whether only tests run the function.
    #[must_use]
    pub fn is_test(&self, function: FunctionRef) -> bool {
        let path = &*self.unit(function.unit).path;
        let mut parts = path.rsplit('/');
        let file = parts.next().unwrap_or(path);
        file.starts_with("test_")
            || file.ends_with("_test.py")
            || file == "conftest.py"
            || parts.any(|folder| matches!(folder, "tests" | "test" | "testing"))
    }

    /// The conditions an act of a unit stands under.
    #[must_use]
    pub fn guard_of(&self, unit: UnitId, act: u32) -> GuardId {
        self.unit(unit).facts.acts[act as usize].guard
    }
}

impl LoopCode {
    fn enter(&mut self, entry: Entry, frontier: &mut Vec<FunctionRef>) {
        if self.entry_of.contains_key(&entry.function) {
            return;
        }
        self.entry_of.insert(entry.function, self.entries.len());
        frontier.push(entry.function);
        self.entries.push(entry);
    }
}

/// The functions to which nothing but these leads, with these.
fn only_through(
    mut through: FxHashSet<FunctionRef>,
    code: &LoopCode,
    makers: &FxHashMap<FunctionRef, FxHashSet<FunctionRef>>,
) -> FxHashSet<FunctionRef> {
    if through.is_empty() {
        return through;
    }
    // Plain helpers between an entry and a coroutine belong to whoever calls them.
    let mut callers = makers.clone();
    for edge in code.edges.iter().filter(|edge| !code.entry_of.contains_key(&edge.callee)) {
        callers.entry(edge.callee).or_default().insert(edge.caller);
    }
    loop {
        let more: Vec<FunctionRef> = callers
            .iter()
            .filter(|(callee, from)| !through.contains(callee) && from.iter().all(|it| through.contains(it)))
            .map(|(callee, _)| *callee)
            .collect();
        if more.is_empty() {
            return through;
        }
        through.extend(more);
    }
}

/// `on_*` matches by prefix, `*` anything, other names themselves.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix) && !(prefix.is_empty() && name.starts_with('_')),
        None => name == pattern,
    }
}
