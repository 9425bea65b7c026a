//! What a coroutine changes and takes back itself: counters, flags, entries, handles and tasks.

use raddle_facts::{Act, ActKind, FileFacts, Flow, FunctionId, Usage, Value, ValueId};

use crate::Program;
use crate::locks::LockKey;
use crate::unit::{FunctionRef, ValueRef};

/// What kind of thing is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// `self.n += 1`, and `self.n -= 1` later.
    Counter,
    /// `self.busy = True`, and `self.busy = False` later.
    Flag,
    /// Something is added to a container or map, and taken out later.
    Entry,
    /// Something is opened or acquired, and given back later.
    Handle,
    /// A task is started, and cancelled later.
    Task,
    /// The caller's own thing is added to a container, from which only another method takes it.
    Registration,
}

/// A change, and the acts that take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Of which kind.
    pub change: Change,
    /// What is changed: a place, a container, or the variable of a handle or task.
    pub subject: ValueId,
    /// The act that changes it.
    pub made: u32,
    /// The acts that take it back.
    pub undos: Vec<u32>,
    /// The acts that end it otherwise: a task that is awaited ends with its waiter.
    pub ends: Vec<u32>,
}

/// Methods that end what a handle stands for.
pub const RELEASES: &[&str] = &[
    "close",
    "aclose",
    "release",
    "disconnect",
    "terminate",
    "kill",
    "unlock",
    "shutdown",
    "quit",
    "logout",
    "dispose",
    "unsubscribe",
    "close_connection",
];
/// Functions that take a handle back.
const TAKERS: &[&str] = &[
    "release",
    "putconn",
    "put_conn",
    "put_connection",
    "return_connection",
    "release_connection",
    "checkin",
    "release_conn",
];
/// Calls and methods that keep what they are given, so that it has another owner.
const KEEPERS: &[&str] = &[
    "append",
    "add",
    "put",
    "put_nowait",
    "insert",
    "push",
    "callback",
    "enter_context",
    "enter_async_context",
    "push_async_callback",
    "push_async_exit",
    "setdefault",
    "closing",
    "aclosing",
    "addAsyncCleanup",
    "addCleanup",
    "finalize",
    "register",
    "partial",
];
/// Methods that add an entry, with those that take it out again.
const ADDERS: &[(&str, &[&str])] = &[
    ("append", &["remove"]),
    ("appendleft", &["remove"]),
    ("add", &["remove", "discard"]),
    ("subscribe", &["unsubscribe"]),
    ("register", &["unregister"]),
    ("add_listener", &["remove_listener"]),
    ("add_reader", &["remove_reader"]),
    ("add_writer", &["remove_writer"]),
    ("add_signal_handler", &["remove_signal_handler"]),
];
/// Words in the names of what is registered to be called.
const CALLED_BACK: &[&str] = &["callback", "handler", "listener", "subscriber", "observer", "hook", "func", "cb"];
/// Calls that start a task or a timer.
const STARTERS: &[&str] = &["create_task", "ensure_future", "create_background_task"];
const TIMERS: &[&str] = &["call_later", "call_at"];

/// The kind of a change, what is changed, and how to tell the act that takes it back.
type Begun<'p> = (Change, ValueId, Box<dyn Fn(&Act) -> bool + 'p>);

impl Program {
    /// What a function changes and takes back, in the order of the changes.
    #[must_use]
    pub fn changes(&self, function: FunctionRef) -> Vec<Changed> {
        let facts = &self.unit(function.unit).facts;
        let (start, end) = facts.function(function.function).acts;
        let acts = start..end;
        let mut all = Vec::new();
        for at in acts {
            let act = &facts.acts[at as usize];
            let Some((change, subject, is_undo)) = self.begins(function, act) else { continue };
            let undos: Vec<u32> = (at + 1..end).filter(|it| is_undo(&facts.acts[*it as usize])).collect();
            if undos.is_empty() {
                if change == Change::Entry && self.is_taken_out_elsewhere(function, act) {
                    let ends = Vec::new();
                    all.push(Changed { change: Change::Registration, subject, made: at, undos, ends });
                }
                continue;
            }
            let (mut made, mut ends) = (at, Vec::new());
            if let ActKind::Write(_, value) = act.kind {
                match change {
                    Change::Task => ends = (at + 1..end).filter(|it| ends_task(facts, *it, value)).collect(),
                    Change::Handle => made = opened(facts, (at, end), value),
                    Change::Counter | Change::Flag | Change::Entry | Change::Registration => {}
                }
            }
            all.push(Changed { change, subject, made, undos, ends });
        }
        all
    }

    /// What an act begins, and how to tell the act that takes it back.
    fn begins<'p>(&'p self, function: FunctionRef, act: &Act) -> Option<Begun<'p>> {
        let facts: &FileFacts = &self.unit(function.unit).facts;
        match act.kind {
            ActKind::Update(place, by) if self.is_kept(function, place) => {
                let subtracts = act.subtracts;
                let is_undo = move |it: &Act| it.kind == ActKind::Update(place, by) && it.subtracts != subtracts;
                Some((Change::Counter, place, Box::new(is_undo)))
            }
            ActKind::Write(place, value)
                if facts.value(value) == Value::True
                    && matches!(facts.value(place), Value::Attribute(..))
                    && self.is_asked(function, place) =>
            {
                let is_undo = move |it: &Act| match it.kind {
                    ActKind::Write(other, value) => {
                        other == place && matches!(facts.value(value), Value::False | Value::None)
                    }
                    _ => false,
                };
                Some((Change::Flag, place, Box::new(is_undo)))
            }
            ActKind::Write(place, _) if matches!(facts.value(place), Value::Subscript(..)) => {
                self.begins_item(function, place)
            }
            ActKind::Write(place, value) => self.begins_handle(function, place, value),
            ActKind::Call(call) => self.begins_entry(function, call),
            ActKind::Await(call) if act.usage == Usage::Discarded => self.begins_hold(function, call),
            _ => None,
        }
    }

    /// `self.waiting[key] = value`, and `del` or `pop` of it later.
    fn begins_item<'p>(&'p self, function: FunctionRef, place: ValueId) -> Option<Begun<'p>> {
        let facts: &FileFacts = &self.unit(function.unit).facts;
        let Value::Subscript(base, key) = facts.value(place) else { return None };
        if !self.is_kept(function, base) || key == ValueId::UNKNOWN {
            return None;
        }
        let is_undo = move |it: &Act| match it.kind {
            ActKind::Delete(other) => other == place,
            ActKind::Call(call) => called(facts, call)
                .is_some_and(|(on, name, given)| on == base && name == "pop" && given.first() == Some(&key)),
            _ => false,
        };
        Some((Change::Entry, base, Box::new(is_undo)))
    }

    /// `self.waiters.append(waiter)`, and `remove` of it later.
    fn begins_entry<'p>(&'p self, function: FunctionRef, call: ValueId) -> Option<Begun<'p>> {
        let facts: &FileFacts = &self.unit(function.unit).facts;
        let (base, name, given) = called(facts, call)?;
        let (_, undos) = ADDERS.iter().find(|(it, _)| *it == name)?;
        let entry = *given.first()?;
        if !self.is_kept(function, base) || entry == ValueId::UNKNOWN {
            return None;
        }
        let is_undo = move |it: &Act| {
            let ActKind::Call(call) = it.kind else { return false };
            called(facts, call)
                .is_some_and(|(on, name, given)| on == base && undos.contains(&name) && given.first() == Some(&entry))
        };
        Some((Change::Entry, base, Box::new(is_undo)))
    }

    /// `await limit.acquire()`, and `limit.release()` later. Locks that are known by their place have a rule of their own.
    fn begins_hold<'p>(&'p self, function: FunctionRef, call: ValueId) -> Option<Begun<'p>> {
        let facts: &FileFacts = &self.unit(function.unit).facts;
        let (base, "acquire", _) = called(facts, call)? else { return None };
        let known = self.lock_at(function, base).filter(|it| !matches!(it.key, LockKey::Parameter(..)));
        if known.is_some() {
            return None;
        }
        let is_undo = move |it: &Act| {
            let ActKind::Call(call) = it.kind else { return false };
            called(facts, call).is_some_and(|(on, name, _)| is_it(facts, on, base) && name == "release")
        };
        Some((Change::Handle, base, Box::new(is_undo)))
    }

    /// `connection = await pool.acquire()`, and `release` of it later.
    fn begins_handle<'p>(&'p self, function: FunctionRef, place: ValueId, value: ValueId) -> Option<Begun<'p>> {
        let facts: &FileFacts = &self.unit(function.unit).facts;
        let Value::Name(scope, name) = facts.value(place) else { return None };
        if scope != facts.function(function.function).scope {
            return None;
        }
        let made_by = facts.called_name(maker(facts, value)?)?;
        // What a connection gives ends with the connection.
        if matches!(made_by, "execute" | "executemany" | "executescript" | "execute_fetchall" | "cursor" | "prepare") {
            return None;
        }
        let change = if STARTERS.contains(&made_by) { Change::Task } else { Change::Handle };
        let is_timer = TIMERS.contains(&made_by);
        if self.is_given_away(function, value) || self.is_captured(function, name) {
            return None;
        }
        let is_undo = move |it: &Act| {
            let ActKind::Call(call) = it.kind else { return false };
            let Value::Call(callee, arguments) = facts.value(call) else { return false };
            if let Value::Attribute(base, name) = facts.value(callee)
                && is_it(facts, base, value)
            {
                let name = facts.text(name);
                return match change {
                    Change::Task => name == "cancel",
                    _ => RELEASES.contains(&name) || is_timer && name == "cancel",
                };
            }
            change == Change::Handle
                && facts.called_name(callee).is_some_and(|name| TAKERS.contains(&name))
                && facts.arguments(arguments).iter().any(|it| is_it(facts, it.value, value))
        };
        Some((change, place, Box::new(is_undo)))
    }

    /// Whether what a call adds is the caller's, and another function of the file takes the like of it out again.
    fn is_taken_out_elsewhere(&self, function: FunctionRef, act: &Act) -> bool {
        let facts = &self.unit(function.unit).facts;
        let ActKind::Call(call) = act.kind else { return false };
        let Some((base, name, given)) = called(facts, call) else { return false };
        let (Value::Attribute(_, container), Some(Value::Parameter(owner, place))) =
            (facts.value(base), given.first().map(|it| facts.value(*it)))
        else {
            return false;
        };
        let Some((_, undos)) = ADDERS.iter().find(|(it, _)| *it == name) else { return false };
        let Some(entry) = facts.function(owner).parameters.get(place as usize).map(|it| it.name) else { return false };
        let text = facts.text(entry);
        if !text.starts_with("on_") && !CALLED_BACK.iter().any(|it| text.contains(it)) {
            return false;
        }
        facts.acts.iter().any(|it| {
            let ActKind::Call(call) = it.kind else { return false };
            called(facts, call).is_some_and(|(base, name, given)| {
                undos.contains(&name)
                    && matches!(facts.value(base), Value::Attribute(_, it) if it == container)
                    && given.first().is_some_and(|it| is_named(facts, *it, entry))
            })
        })
    }

    /// Whether a place outlives the call of the function: an attribute, or a variable of the module.
    fn is_kept(&self, function: FunctionRef, place: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        match facts.value(place) {
            Value::Attribute(base, _) => match facts.value(base) {
                Value::Parameter(..) | Value::Name(..) | Value::Class(_) => true,
                Value::Attribute(..) => self.is_kept(function, base),
                _ => false,
            },
            Value::Subscript(base, _) => self.is_kept(function, base),
            Value::Name(scope, _) => scope != facts.function(function.function).scope,
            Value::Display(..) | Value::Call(..) => {
                // A variable of the module stands for what is assigned to it.
                let module = facts.acts_of(FunctionId::MODULE);
                function.function != FunctionId::MODULE
                    && module.iter().any(|act| matches!(act.kind, ActKind::Write(_, value) if value == place))
            }
            _ => false,
        }
    }

    /// Whether a condition of the file asks the attribute.
    fn is_asked(&self, function: FunctionRef, place: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let Value::Attribute(_, name) = facts.value(place) else { return false };
        facts.flow.iter().any(|it| match *it {
            Flow::Branch { test, .. } => asks(facts, test, name, 0),
            _ => false,
        })
    }

    /// Whether what a variable holds gets another owner.
    fn is_given_away(&self, function: FunctionRef, value: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Enter(it) | ActKind::AsyncEnter(it) => is_it(facts, it, value),
            ActKind::Write(place, it) => is_it(facts, it, value) && !matches!(facts.value(place), Value::Name(..)),
            ActKind::Call(call) => {
                let Value::Call(callee, arguments) = facts.value(call) else { return false };
                let keeps = facts.called_name(callee).is_some_and(|name| {
                    KEEPERS.contains(&name) || name.trim_start_matches('_').starts_with(char::is_uppercase)
                });
                keeps && facts.arguments(arguments).iter().any(|it| mentions(facts, it.value, value, 0))
            }
            _ => false,
        })
    }

    /// Whether a function or lambda inside reads a variable.
    fn is_captured(&self, function: FunctionRef, name: raddle_facts::Sym) -> bool {
        let facts = &self.unit(function.unit).facts;
        let is_name = |value: ValueId| matches!(facts.value(value), Value::Name(_, it) if it == name);
        self.functions_of(function.unit).filter(|it| self.enclosing_function(*it) == Some(function)).any(|inner| {
            facts.acts_of(inner.function).iter().any(|act| match act.kind {
                ActKind::Read(value) | ActKind::Load(value) | ActKind::Await(value) => {
                    is_name(value) || matches!(facts.value(value), Value::Attribute(base, _) if is_name(base))
                }
                ActKind::Call(call) => match facts.value(call) {
                    Value::Call(callee, arguments) => {
                        matches!(facts.value(callee), Value::Attribute(base, _) if is_name(base))
                            || facts.arguments(arguments).iter().any(|it| is_name(it.value))
                    }
                    _ => false,
                },
                _ => false,
            })
        })
    }

    /// Whether the function is a context manager of `contextlib`, which throws into it at its `yield`.
    pub(super) fn is_thrown_into(&self, function: FunctionRef) -> bool {
        let it = self.function(function);
        it.is_generator
            && it.decorators.iter().any(|decorator| {
                let names = self.known_names(ValueRef { unit: function.unit, value: *decorator });
                names.iter().any(|it| it.ends_with("asynccontextmanager"))
            })
    }
}

/// Whether a value is a parameter or variable of this name.
fn is_named(facts: &FileFacts, value: ValueId, name: raddle_facts::Sym) -> bool {
    match facts.value(value) {
        Value::Name(_, it) => it == name,
        Value::Parameter(owner, place) => {
            facts.function(owner).parameters.get(place as usize).is_some_and(|it| it.name == name)
        }
        _ => false,
    }
}

/// Whether an act waits for a task, which is cancelled with its waiter, or takes its result.
fn ends_task(facts: &FileFacts, at: u32, task: ValueId) -> bool {
    let call = match facts.acts[at as usize].kind {
        ActKind::Await(awaited) if is_it(facts, awaited, task) => return true,
        ActKind::Await(call) | ActKind::Call(call) => call,
        _ => return false,
    };
    let Value::Call(callee, arguments) = facts.value(call) else { return false };
    match facts.value(callee) {
        Value::Attribute(base, name) if is_it(facts, base, task) => matches!(facts.text(name), "result" | "exception"),
        _ => {
            facts.called_name(callee).is_some_and(|name| matches!(name, "wait_for" | "gather"))
                && facts.arguments(arguments).iter().any(|it| mentions(facts, it.value, task, 0))
        }
    }
}

/// The act after which there is something to give back: an object that is made by a plain call is often opened by the
/// first method of it that is awaited.
fn opened(facts: &FileFacts, (made, end): (u32, u32), value: ValueId) -> u32 {
    if !matches!(facts.value(value), Value::Call(..)) {
        return made;
    }
    let opens = (made + 1..end).find(|at| match facts.acts[*at as usize].kind {
        ActKind::Await(call) => called(facts, call).is_some_and(|(base, _, _)| is_it(facts, base, value)),
        _ => false,
    });
    opens.unwrap_or(made)
}

/// The receiver, name and positional arguments of a method's call.
fn called(facts: &FileFacts, call: ValueId) -> Option<(ValueId, &str, Vec<ValueId>)> {
    let Value::Call(callee, arguments) = facts.value(call) else { return None };
    let Value::Attribute(base, name) = facts.value(callee) else { return None };
    Some((base, facts.text(name), facts.arguments(arguments).iter().map(|it| it.value).collect()))
}

/// What is called to make a value: through `await` and unpacking.
fn maker(facts: &FileFacts, value: ValueId) -> Option<ValueId> {
    match facts.value(value) {
        Value::Call(callee, _) => Some(callee),
        Value::Await(inner) | Value::Unpacked(inner, _) | Value::Declared(_, inner) => maker(facts, inner),
        _ => None,
    }
}

/// Whether a value is this one, on some way.
pub(super) fn is_it(facts: &FileFacts, value: ValueId, wanted: ValueId) -> bool {
    value == wanted
        || match facts.value(value) {
            Value::Union(list) => facts.list(list).iter().any(|it| is_it(facts, *it, wanted)),
            Value::Narrowed(inner, _) | Value::Declared(_, inner) => is_it(facts, inner, wanted),
            _ => false,
        }
}

/// Values nested deeper than this are not looked into.
const DEEPEST: u32 = 8;

fn mentions(facts: &FileFacts, value: ValueId, wanted: ValueId, depth: u32) -> bool {
    if is_it(facts, value, wanted) {
        return true;
    }
    if depth > DEEPEST {
        return false;
    }
    match facts.value(value) {
        Value::Attribute(base, _) => mentions(facts, base, wanted, depth + 1),
        Value::Display(_, list) => facts.list(list).iter().any(|it| mentions(facts, *it, wanted, depth + 1)),
        _ => false,
    }
}

/// Whether a condition asks for an attribute of this name.
fn asks(facts: &FileFacts, test: ValueId, name: raddle_facts::Sym, depth: u32) -> bool {
    if depth > DEEPEST {
        return false;
    }
    match facts.value(test) {
        Value::Attribute(_, it) => it == name,
        Value::Test(_, list) => facts.list(list).iter().any(|it| asks(facts, *it, name, depth + 1)),
        _ => false,
    }
}
