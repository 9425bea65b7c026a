//! Where actors start: hand-offs, thread classes, frameworks, tasks, and the callers of shared objects.

use raddle_facts::models::{LockKind, Often, Runner, Waiter};
use raddle_facts::{ActKind, Display, FunctionId, Keyword, Usage, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Actors, Family, Many, PARAMETERS, Root};
use crate::Program;
use crate::calls::Target;
use crate::locks::LockKey;
use crate::spawns::Spawn;
use crate::threads::Reached;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::Val;

/// What a hand-off hands over.
#[derive(Default)]
pub(crate) struct Handed {
    /// The callable.
    pub(crate) callable: Option<ValueId>,
    /// What it will be given, by position.
    pub(crate) given: Vec<ValueId>,
    /// Whether it runs once for each element of something.
    each: bool,
}

impl Program {
    pub(super) fn actor_roots(&self) -> Vec<Root> {
        let mut roots: Vec<Root> = self
            .spawns()
            .iter()
            .filter(|it| matches!(it.to, Runner::Thread | Runner::ThreadPool))
            .filter(|it| !self.function(it.callee).is_async)
            .map(|it| self.spawned_root(it))
            .collect();
        roots.extend(self.sibling_roots());
        let code = self.thread_code();
        for function in &code.order {
            if let Some(Reached::Class(class)) = code.reached.get(function) {
                roots.push(Root {
                    function: *function,
                    runner: Runner::Thread,
                    many: Many::One,
                    from: None,
                    family: Family::Class(*class),
                    shared: 1,
                    lent: false,
                    kept: Vec::new(),
                    window: None,
                });
            }
        }
        let coroutines = self.coroutine_names();
        let per_unit: Vec<Vec<Root>> =
            (0..self.own).into_par_iter().map(|at| self.roots_of(UnitId(at as u32), &coroutines)).collect();
        roots.extend(per_unit.into_iter().flatten());
        self.several_from_one(&mut roots);
        roots
    }

    fn spawned_root(&self, spawn: &Spawn) -> Root {
        let facts = &self.unit(spawn.function.unit).facts;
        let handed = self.handed_values(spawn);
        let bound = self.is_bound(spawn.callee);
        let base = self.receiver_of(spawn.function, handed.callable);
        let in_loop = facts.acts[spawn.act as usize].in_loop;
        let mut shared = 0;
        let mut family = Family::Function(spawn.function);
        if let Some(base) = base.filter(|it| bound && self.is_one_object(spawn.function, in_loop, *it, 0)) {
            shared |= 1;
            let is_self = facts.value(base) == Value::Parameter(spawn.function.function, 0);
            if let Some(class) = self.class_of(spawn.function).filter(|_| is_self) {
                family = Family::Class(class);
            }
        }
        for (at, value) in handed.given.iter().enumerate() {
            let place = at as u16 + u16::from(bound);
            if place < PARAMETERS && self.is_one_object(spawn.function, in_loop, *value, 0) {
                shared |= 1 << place;
                // `Thread(target=watch, args=(self.jobs,))`: the methods of the object come to it too.
                if let Some(class) =
                    self.class_of(spawn.function).filter(|_| !bound && self.is_own_part(spawn.function, *value))
                {
                    family = Family::Class(class);
                }
            }
        }
        let kept = match base.filter(|_| bound && shared & 1 == 0) {
            Some(base) => {
                let makers = self.makers(spawn.function, base, 0);
                self.kept_by_all(spawn.function, in_loop, &makers)
            }
            None => Vec::new(),
        };
        Root {
            function: spawn.callee,
            runner: spawn.to,
            many: self.how_many(spawn, handed.each),
            from: Some((spawn.function, spawn.act)),
            family,
            shared,
            lent: self.is_lent(spawn),
            kept,
            window: None,
        }
    }

    /// `self` or an attribute of it.
    fn is_own_part(&self, function: FunctionRef, value: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        match facts.value(value) {
            Value::Attribute(base, _) => self.is_self(function, base),
            _ => self.is_self(function, value),
        }
    }

    /// `await to_thread(self.work)`, `await sync_to_async(self.work)()`.
    fn is_lent(&self, spawn: &Spawn) -> bool {
        let act = &self.unit(spawn.function.unit).facts.acts[spawn.act as usize];
        act.awaited || spawn.by.ends_with("sync_to_async")
    }

    fn how_many(&self, spawn: &Spawn, each: bool) -> Many {
        let act = &self.unit(spawn.function.unit).facts.acts[spawn.act as usize];
        if self.is_single_worker(spawn) {
            Many::One
        } else if each || act.in_loop && !act.awaited {
            Many::Same
        } else if spawn.to == Runner::ThreadPool && !act.awaited && !self.starts_once(spawn.function) {
            Many::Repeated
        } else {
            Many::One
        }
    }

    pub(crate) fn handed_values(&self, spawn: &Spawn) -> Handed {
        let facts = &self.unit(spawn.function.unit).facts;
        let mut handed = Handed::default();
        let ActKind::Call(call) = facts.acts[spawn.act as usize].kind else { return handed };
        let Value::Call(callee, arguments) = facts.value(call) else { return handed };
        let name = facts.called_name(callee).unwrap_or("");
        handed.each = matches!(name, "map" | "imap" | "imap_unordered" | "starmap" | "map_async" | "starmap_async");
        let arguments = facts.arguments(arguments);
        let Some(at) = arguments.iter().position(|it| self.is_callee(spawn, it.value)) else { return handed };
        handed.callable = Some(arguments[at].value);
        if let Value::Call(_, inner) = facts.value(arguments[at].value) {
            let inner = facts.arguments(inner);
            handed
                .given
                .extend(inner.iter().skip(1).take_while(|it| it.keyword == Keyword::Positional).map(|it| it.value));
            handed.callable = inner.first().map(|it| it.value);
            return handed;
        }
        if handed.each {
            return handed;
        }
        let packed = arguments
            .iter()
            .find(|it| matches!(it.keyword, Keyword::Named(name) if facts.text(name) == "args"))
            .map(|it| facts.value(it.value));
        let second = || arguments.get(at + 1).filter(|it| it.keyword == Keyword::Positional);
        let packed = packed.or_else(|| match name {
            "Timer" | "start_new_thread" | "apply" | "apply_async" => second().map(|it| facts.value(it.value)),
            _ => None,
        });
        match packed {
            Some(Value::Display(Display::Tuple | Display::List, list)) => handed.given.extend(facts.list(list)),
            Some(_) => {}
            None => handed.given.extend(
                arguments[at + 1..].iter().take_while(|it| it.keyword == Keyword::Positional).map(|it| it.value),
            ),
        }
        handed
    }

    /// Whether an argument is the callable of a hand-off.
    fn is_callee(&self, spawn: &Spawn, value: ValueId) -> bool {
        let is = |val: &Val| matches!(val, Val::Function(it) | Val::Bound(it, _) if *it == spawn.callee);
        self.evaluate(ValueRef { unit: spawn.function.unit, value }).known.iter().any(|val| match val {
            Val::Partial(inner, _) => is(inner),
            other => is(other),
        })
    }

    /// Whether a value is the same object for every actor that the call starts.
    pub(super) fn is_one_object(&self, function: FunctionRef, in_loop: bool, value: ValueId, depth: u8) -> bool {
        let facts = &self.unit(function.unit).facts;
        if depth > 4 {
            return false;
        }
        match facts.value(value) {
            Value::Parameter(..) | Value::Name(..) | Value::ImportFrom(..) | Value::Class(_) => true,
            Value::Attribute(base, _) | Value::Declared(_, base) | Value::Narrowed(base, _) => {
                self.is_one_object(function, in_loop, base, depth + 1)
            }
            Value::Call(..) | Value::Display(..) => {
                let makes = |kind: ActKind| match kind {
                    ActKind::Call(call) => call == value,
                    ActKind::Write(_, written) => written == value || facts.value(written).is_declared_as(value),
                    _ => false,
                };
                let made = facts.acts_of(function.function).iter().find(|act| makes(act.kind));
                !in_loop || made.is_some_and(|act| !act.in_loop)
            }
            _ => false,
        }
    }

    /// Whether the pool has only one worker.
    fn is_single_worker(&self, spawn: &Spawn) -> bool {
        let unit = spawn.function.unit;
        let facts = &self.unit(unit).facts;
        let ActKind::Call(call) = facts.acts[spawn.act as usize].kind else { return false };
        let Value::Call(callee, arguments) = facts.value(call) else { return false };
        let Value::Attribute(base, method) = facts.value(callee) else { return false };
        let pool = match (facts.text(method), facts.arguments(arguments).first()) {
            ("run_in_executor", Some(first)) => first.value,
            _ => base,
        };
        let pool = match facts.value(pool) {
            Value::Entered(inner) => inner,
            _ => pool,
        };
        let Some((made, arguments)) = self.made_by(ValueRef { unit, value: pool }) else { return false };
        self.argument_at(made.unit, arguments, Some("max_workers"), Some(0))
            .is_some_and(|it| self.unit(made.unit).facts.value(it) == Value::One)
    }

    /// `main`, `start`, `__init__`, the module: what runs once.
    fn starts_once(&self, function: FunctionRef) -> bool {
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        function.function == FunctionId::MODULE
            || matches!(name, "main" | "__init__" | "run" | "start" | "setup" | "__enter__")
            || self.is_test(function)
    }

    /// Whether a threading server of the standard library calls a method, in a thread for each request.
    fn is_handler(&self, function: FunctionRef) -> bool {
        let Some(class) = self.class_of(function) else { return false };
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        if !(name == "handle" || name.starts_with("do_")) {
            return false;
        }
        let handles = self.ancestors(class).iter().filter_map(|it| self.outside_name(it)).any(|name| {
            matches!(
                &*name,
                "socketserver.BaseRequestHandler"
                    | "socketserver.StreamRequestHandler"
                    | "socketserver.DatagramRequestHandler"
                    | "http.server.BaseHTTPRequestHandler"
                    | "http.server.SimpleHTTPRequestHandler"
            )
        });
        let threading = ["ThreadingHTTPServer", "ThreadingTCPServer", "ThreadingUDPServer", "ThreadingMixIn"];
        handles && self.own_units().any(|(_, unit)| threading.iter().any(|it| unit.facts.symbols.find(it).is_some()))
    }

    /// Names of coroutine functions: a call by another name makes no task.
    fn coroutine_names(&self) -> FxHashSet<&str> {
        let mut names = FxHashSet::default();
        for (unit, it) in self.own_units() {
            let functions = self.functions_of(unit).map(|it| self.function(it));
            names.extend(functions.filter(|it| it.is_async).map(|function| it.facts.text(function.name)));
        }
        names
    }

    fn roots_of(&self, unit: UnitId, coroutines: &FxHashSet<&str>) -> Vec<Root> {
        let facts = &self.unit(unit).facts;
        let mut roots = Vec::new();
        for function in self.functions_of(unit) {
            let it = self.function(function);
            if !it.decorators.is_empty()
                && let Some(mark) = &self.decoration(function).entry
                && mark.often == Often::EachTime
                && !self.is_test(function)
            {
                let runner = if it.is_async { Runner::EventLoop } else { mark.plain };
                if matches!(runner, Runner::EventLoop | Runner::Thread | Runner::ThreadPool) {
                    roots.push(Root { runner, ..framework_root(function) });
                }
            }
            if self.is_handler(function) {
                roots.push(Root { runner: Runner::Thread, ..framework_root(function) });
            }
            let (start, _) = it.acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                if act.awaited || !matches!(act.usage, Usage::Argument | Usage::Element | Usage::Bound) {
                    continue;
                }
                // A name that was bound to a coroutine function is looked up all the same.
                let named = match facts.value(call) {
                    Value::Call(callee, _) => match facts.value(callee) {
                        Value::Attribute(..) => facts.called_name(callee).is_some_and(|it| coroutines.contains(it)),
                        _ => true,
                    },
                    _ => false,
                };
                if !named {
                    continue;
                }
                for target in self.targets(function, act) {
                    if let Target::Coroutine(callee) = target {
                        roots.push(self.task_root(function, start + at as u32, call, callee));
                    }
                }
            }
        }
        roots
    }

    /// A coroutine that is not awaited where it is made becomes a task, as far as anyone can tell.
    fn task_root(&self, function: FunctionRef, act: u32, call: ValueId, callee: FunctionRef) -> Root {
        let facts = &self.unit(function.unit).facts;
        let in_loop = facts.acts[act as usize].in_loop;
        let mut shared = 0;
        let count = self.function(callee).parameters.len().min(usize::from(PARAMETERS)) as u16;
        for place in 0..count {
            if self.given(callee, place, function, call).is_some_and(|it| self.is_one_object(function, in_loop, it, 0))
            {
                shared |= 1 << place;
            }
        }
        let class = self.class_of(function).filter(|_| shared & 1 == 1 && self.class_of(callee).is_some());
        Root {
            function: callee,
            runner: Runner::EventLoop,
            many: if in_loop { Many::Same } else { Many::One },
            from: Some((function, act)),
            family: class.map_or(Family::Function(function), Family::Class),
            shared,
            lent: false,
            kept: Vec::new(),
            window: None,
        }
    }

    /// Those who call the public methods of an object that a thread holds too, or that has a lock of its own: nobody
    /// gives a lock to what one thread uses.
    pub(super) fn caller_roots(&self, actors: &Actors) -> Vec<Root> {
        let mut classes: Vec<(ClassRef, Many)> = actors
            .roots
            .iter()
            .filter(|it| matches!(it.runner, Runner::Thread | Runner::ThreadPool) && !it.lent)
            .filter(|it| it.shared & 1 == 1 || it.shared != 0 && matches!(it.family, Family::Class(_)))
            .filter_map(|it| match it.family {
                Family::Class(class) => Some(class),
                Family::Function(_) | Family::Framework => self.class_of(it.function),
            })
            .map(|class| (class, Many::One))
            .collect();
        let owners: Vec<Vec<ClassRef>> =
            (0..self.own).into_par_iter().map(|at| self.lock_owners(UnitId(at as u32))).collect();
        classes.extend(owners.into_iter().flatten().map(|class| (class, Many::Same)));
        classes.sort_unstable();
        classes.reverse();
        classes.dedup_by_key(|(class, _)| *class);
        classes.reverse();
        classes.into_iter().flat_map(|(class, many)| self.callers_of(class, many, actors)).collect()
    }

    /// Classes with a lock of threads that at least two of their methods take.
    fn lock_owners(&self, unit: UnitId) -> Vec<ClassRef> {
        let mut takers: Vec<(ClassRef, FunctionRef)> = Vec::new();
        for function in self.functions_of(unit) {
            let Some(class) = self.class_of(function) else { continue };
            let takes = self.held_at(function).taken.iter().any(|taken| {
                let own = matches!(taken.lock.key, LockKey::Member(owner, _) if owner == class);
                own && taken.lock.info.is_some_and(|it| it.waiter == Waiter::Thread && excludes(it.kind))
            });
            if takes && !self.is_alone(function) {
                takers.push((class, function));
            }
        }
        let mut owners: Vec<ClassRef> = takers.iter().map(|(class, _)| *class).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.retain(|class| takers.iter().filter(|(it, _)| it == class).count() > 1);
        // An object of an event loop has a lock for what it hands to threads, not for itself.
        let on_loop: Vec<ClassRef> = self
            .functions_of(unit)
            .filter(|it| self.function(*it).is_async)
            .filter_map(|it| self.class_of(it))
            .collect();
        owners.retain(|class| !on_loop.contains(class));
        owners
    }

    fn callers_of(&self, class: ClassRef, many: Many, actors: &Actors) -> Vec<Root> {
        let facts = &self.unit(class.unit).facts;
        let mut roots = Vec::new();
        for (name, value) in &facts.scope(facts.class(class.class).scope).bindings {
            let Value::Function(function) = facts.value(*value) else { continue };
            let function = FunctionRef { unit: class.unit, function };
            let is_run = actors.roots.iter().any(|it| it.function == function);
            if facts.text(*name).starts_with('_') || is_run || self.function(function).is_async {
                continue;
            }
            // A public helper of the thread itself is not called by others for being public.
            if actors.visits.contains_key(&function) && !self.is_called_outside(function, class) {
                continue;
            }
            roots.push(Root {
                function,
                runner: Runner::Caller,
                many,
                from: None,
                family: Family::Class(class),
                shared: 1,
                lent: false,
                kept: Vec::new(),
                window: None,
            });
        }
        roots
    }
}

/// What a framework runs, several at once.
fn framework_root(function: FunctionRef) -> Root {
    Root {
        function,
        runner: Runner::Thread,
        many: Many::Repeated,
        from: None,
        family: Family::Framework,
        shared: 0,
        lent: false,
        kept: Vec::new(),
        window: None,
    }
}

/// Locks that keep all others out.
fn excludes(kind: LockKind) -> bool {
    matches!(kind, LockKind::Mutex | LockKind::Condition)
}

impl Program {
    /// Two starts of one function in one place make two actors of it.
    fn several_from_one(&self, roots: &mut [Root]) {
        let starts: Vec<(FunctionRef, Option<(FunctionRef, u32)>)> =
            roots.iter().map(|it| (it.function, it.from)).collect();
        for (at, root) in roots.iter_mut().enumerate() {
            let Some((starter, act)) = root.from else { continue };
            if root.many != Many::One || self.replaces(starter, act) {
                continue;
            }
            let same = starts.iter().enumerate().any(|(other, (function, from))| {
                other != at
                    && *function == root.function
                    && from.is_some_and(|(place, act)| place == starter && !self.replaces(place, act))
            });
            if same {
                root.many = Many::Same;
            }
        }
    }

    /// Whether what is started takes the place of what an attribute kept before: there is one at a time.
    fn replaces(&self, starter: FunctionRef, act: u32) -> bool {
        let facts = &self.unit(starter.unit).facts;
        let span = facts.acts[act as usize].span;
        let acts = facts.acts_of(starter.function);
        acts.iter().any(|it| {
            let ActKind::Write(place, value) = it.kind else { return false };
            let around = |call: &raddle_facts::Act| {
                call.kind == ActKind::Call(value) && call.span.start <= span.start && span.end <= call.span.end
            };
            matches!(facts.value(place), Value::Attribute(..)) && acts.iter().any(around)
        })
    }
}
