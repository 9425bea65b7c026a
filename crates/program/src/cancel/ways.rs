//! The ways through a handler, a `finally` block and the body of a context manager.

use raddle_facts::flow::{Catch, Domain, Exits, Handler, interpret, interpret_block};
use raddle_facts::{Act, ActKind, BlockId, FileFacts, Flow, Held, Test, Value, ValueId};
use raddle_vocabulary::Span;

use super::{Ending, Excuse};
use crate::Program;
use crate::calls::Target;
use crate::endless::WaysOut;
use crate::unit::{ClassRef, FunctionRef};

/// What may be going on: nothing was cancelled yet.
const CALM: u8 = 1;
/// A cancellation is in hand.
const CAUGHT: u8 = 2;
/// Another exception is.
const OTHER: u8 = 4;
/// Nobody gets here with a cancellation.
const GONE: u8 = 8;

/// What the ways through a handler come to.
pub(super) struct Ways {
    pub(super) ending: Option<Ending>,
    pub(super) excuse: Option<Excuse>,
}

struct Walk<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    /// Whether a `yield` is where it arrives.
    at_yield: bool,
    /// The class of what is handled under a name.
    handled: Option<ValueId>,
    arrived: Vec<u32>,
    reraised: bool,
    kept: bool,
    cancels: bool,
    caught_at: Option<Span>,
    left: Option<Span>,
}

impl<'p> Walk<'p> {
    fn new(program: &'p Program, function: FunctionRef) -> Walk<'p> {
        Walk {
            program,
            facts: &program.unit(function.unit).facts,
            function,
            at_yield: false,
            handled: None,
            arrived: Vec::new(),
            reraised: false,
            kept: false,
            cancels: false,
            caught_at: None,
            left: None,
        }
    }

    fn is_handled(&self, value: ValueId) -> bool {
        match self.facts.value(value) {
            Value::Annotated(class) => self.handled == Some(class),
            Value::Narrowed(inner, _) | Value::Attribute(inner, _) => self.handled.is_some() && self.is_handled(inner),
            _ => false,
        }
    }

    fn is_cancellation(&self, value: ValueId) -> bool {
        let class = match self.facts.value(value) {
            Value::Call(callee, _) => callee,
            _ => value,
        };
        self.is_handled(class) || self.program.caught_by_value(self.function.unit, class, 0).is_some()
    }

    fn call(&mut self, state: &mut u8, act: &Act, call: ValueId) {
        let Value::Call(callee, arguments) = self.facts.value(call) else { return };
        let name = self.facts.called_name(callee).unwrap_or_default();
        if *state & CAUGHT == 0 {
            return;
        }
        if name.contains("reraise") || name.contains("raise_") || matches!(name, "exit" | "_exit" | "abort" | "skip") {
            self.reraised = true;
            *state = GONE;
            return;
        }
        // `throw(*sys.exc_info())` hands the exception to another stack.
        self.kept |= matches!(name, "exc_info" | "throw");
        if matches!(name, "cancel" | "shield") {
            self.cancels = true;
        }
        let hands_on =
            KEEPERS.contains(&name) && self.facts.arguments(arguments).iter().any(|it| self.is_handled(it.value));
        self.kept |= hands_on || name == "set_exception";
        for target in self.program.targets(self.function, act) {
            if let Target::Run { callee, .. } = target
                && self.program.never_returns(callee)
            {
                self.reraised = true;
                *state = GONE;
            }
        }
    }

    /// What `isinstance(error, class)` says of a cancellation, where it says something.
    fn asks_class(&self, test: ValueId) -> Option<bool> {
        match self.facts.value(test) {
            Value::Test(Test::Not, list) => self.asks_class(*self.facts.list(list).first()?).map(|it| !it),
            Value::Test(Test::And, list) => {
                let no = self.facts.list(list).iter().any(|it| self.asks_class(*it) == Some(false));
                no.then_some(false)
            }
            Value::Call(callee, arguments) if self.facts.called_name(callee) == Some("isinstance") => {
                let [error, class] = self.facts.arguments(arguments) else { return None };
                if !self.is_handled(error.value) {
                    return None;
                }
                Some(self.program.caught_by_value(self.function.unit, class.value, 0).is_some())
            }
            _ => None,
        }
    }
}

/// Calls that keep an exception for somebody else.
const KEEPERS: &[&str] =
    &["append", "add", "put", "put_nowait", "send", "send_nowait", "throw", "set_exception", "set_result", "fail"];

impl Domain for Walk<'_> {
    type State = u8;

    fn act(&mut self, state: &mut u8, _at: u32, act: &Act) {
        match act.kind {
            ActKind::Call(call) => self.call(state, act, call),
            ActKind::Write(_, value) if *state & CAUGHT != 0 => {
                self.kept |= self.is_handled(value) || matches!(self.facts.value(value), Value::True);
            }
            _ => {}
        }
    }

    fn join(&mut self, state: &mut u8, other: &u8) {
        *state |= *other;
    }

    fn raises(&mut self, _state: &u8, at: u32, act: &Act) -> bool {
        let arrives = match act.kind {
            ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) => !self.at_yield,
            ActKind::Yield => self.at_yield,
            _ => false,
        };
        if arrives && !self.arrived.contains(&at) {
            self.arrived.push(at);
        }
        arrives
    }

    fn catches(&mut self, state: &u8, handler: &Handler) -> Catch {
        if state & (CALM | CAUGHT) == 0 {
            return Catch::Nothing;
        }
        match self.program.caught(self.function.unit, handler) {
            Some(_) => Catch::All,
            None => Catch::Nothing,
        }
    }

    fn handle(&mut self, state: &mut u8, handler: &Handler) {
        *state = CAUGHT;
        self.handled = named(handler).or(self.handled);
        self.caught_at.get_or_insert(handler.head);
    }

    fn test(&mut self, state: &mut u8, test: ValueId, holds: bool) {
        if *state & CAUGHT != 0 && self.asks_class(test).is_some_and(|it| it != holds) {
            *state = GONE;
        }
    }

    fn leave(&mut self, state: &mut u8, held: &Held) {
        let manager = match self.facts.value(held.manager) {
            Value::Call(callee, _) => callee,
            _ => held.manager,
        };
        if *state & CAUGHT != 0 && self.facts.called_name(manager).is_some_and(|it| it.contains("reraise")) {
            self.reraised = true;
            *state = GONE;
        }
    }

    fn exit(&mut self, state: &mut u8, flow: &Flow) {
        match *flow {
            Flow::Raise { value, .. } => {
                let same = match value {
                    None => *state & CAUGHT != 0,
                    Some(value) => self.is_cancellation(value),
                };
                self.reraised |= same && *state & CAUGHT != 0;
                *state = if same { CAUGHT } else { OTHER | (*state & GONE) };
            }
            Flow::Return { value, span } => {
                self.kept |= self.is_handled(value);
                self.left.get_or_insert(span);
            }
            Flow::Break(span) | Flow::Continue(span) => {
                self.left.get_or_insert(span);
            }
            _ => {}
        }
    }
}

/// What a handler that names the exception catches.
fn named(handler: &Handler) -> Option<ValueId> {
    handler.name.and(handler.class)
}

fn with_cancellation(state: Option<u8>) -> bool {
    state.is_some_and(|it| it & CAUGHT != 0)
}

impl Program {
    /// The `await`s of a block from which a cancellation gets out of it.
    #[must_use]
    pub fn escapes(&self, function: FunctionRef, body: BlockId) -> Option<Vec<u32>> {
        let mut walk = Walk::new(self, function);
        let exits = interpret_block(walk.facts, body, &mut walk, CALM);
        let out = exits.raised.is_some_and(|it| it & (CALM | CAUGHT) != 0);
        (out && !walk.arrived.is_empty()).then(|| std::mem::take(&mut walk.arrived))
    }

    /// The ways through a handler that has caught a cancellation.
    pub(super) fn ways(&self, function: FunctionRef, handler: &Handler) -> Ways {
        let mut walk = Walk::new(self, function);
        walk.handled = named(handler);
        let exits: Exits<u8> = interpret_block(walk.facts, handler.body, &mut walk, CAUGHT);
        let ending = if with_cancellation(exits.continued) {
            Some(Ending::GoesOn)
        } else if with_cancellation(exits.fall) {
            Some(Ending::Continues)
        } else if with_cancellation(exits.returned) {
            Some(Ending::Returns)
        } else if with_cancellation(exits.broke) {
            Some(Ending::Breaks)
        } else if exits.raised.is_some_and(|it| it & OTHER != 0) && !walk.reraised {
            Some(Ending::Converts)
        } else {
            None
        };
        let excuse = if walk.reraised {
            Some(Excuse::SomeWay)
        } else if walk.kept {
            Some(Excuse::Kept)
        } else if walk.cancels {
            Some(Excuse::PassedOn)
        } else {
            None
        };
        Ways { ending, excuse }
    }

    /// Where a `finally` block leaves by itself, on each way through it.
    pub(super) fn leaves_finally(&self, function: FunctionRef, finally: BlockId) -> Option<(Span, Ending)> {
        let mut walk = Walk::new(self, function);
        let exits = interpret_block(walk.facts, finally, &mut walk, CAUGHT);
        let ending = if exits.continued.is_some() {
            Ending::GoesOn
        } else if exits.returned.is_some() {
            Ending::Returns
        } else if exits.broke.is_some() {
            Ending::Breaks
        } else {
            return None;
        };
        Some((walk.left?, ending))
    }

    /// Where a `@contextmanager` function catches what is thrown in at its `yield`, and goes on.
    pub(super) fn swallows_at_yield(&self, function: FunctionRef) -> Option<Span> {
        let mut walk = Walk::new(self, function);
        walk.at_yield = true;
        let exits = interpret(walk.facts, function.function, &mut walk, CALM);
        let swallows = with_cancellation(exits.fall) || with_cancellation(exits.returned);
        walk.caught_at.filter(|_| swallows && !walk.reraised && !walk.kept)
    }

    /// The `__exit__` or `__aexit__` of a class that always returns true.
    pub(super) fn swallowing_exit(&self, class: ClassRef) -> Option<(FunctionRef, Span)> {
        let facts = &self.unit(class.unit).facts;
        let scope = facts.class(class.class).scope;
        for name in ["__aexit__", "__exit__"] {
            for (_, bound) in facts.bindings(scope, name) {
                let Value::Function(function) = facts.value(*bound) else { continue };
                let returned = &facts.function(function).returned;
                if !returned.is_empty() && returned.iter().all(|it| facts.value(*it) == Value::True) {
                    let mut walk = Walk::new(self, FunctionRef { unit: class.unit, function });
                    let exits = interpret(facts, function, &mut walk, CALM);
                    if exits.fall.is_none() {
                        let at = FunctionRef { unit: class.unit, function };
                        return Some((at, walk.left.unwrap_or(facts.function(function).name_span)));
                    }
                }
            }
        }
        None
    }

    /// Whether every way through a function raises.
    fn never_returns(&self, function: FunctionRef) -> bool {
        let it = self.function(function);
        if !self.is_own(function.unit) || it.is_generator || it.is_abstract || it.body == BlockId::EMPTY {
            return false;
        }
        let exits = interpret(&self.unit(function.unit).facts, function.function, &mut WaysOut, ());
        exits.fall.is_none() && exits.returned.is_none()
    }
}
