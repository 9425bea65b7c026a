//! Where a cancellation that arrives at an `await` is caught and not passed on.
//!
//! asyncio throws `CancelledError` into the coroutine at the `await` it waits at; trio and anyio do the same with their
//! own class. The handler that gets it is walked way by way: what falls through, returns, leaves the loop, goes round
//! it again or raises something else has swallowed it.

mod changes;
mod classes;
mod errors_only;
mod own;
mod undone;
mod ways;

use raddle_facts::flow::{Block, Handler};
use raddle_facts::{ActKind, BlockId, FileFacts, Flow, HeldId, Value};
use raddle_vocabulary::Span;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::Program;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::Val;

pub use changes::{Change, Changed, RELEASES};
pub use classes::Caught;
pub use errors_only::{ErrorsOnly, Remedy};
pub use undone::Undone;

/// What becomes of the cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// A loop goes round again.
    GoesOn,
    /// What stands after the block runs.
    Continues,
    /// The function returns.
    Returns,
    /// The loop is left.
    Breaks,
    /// Another exception is raised.
    Converts,
}

/// What catches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A handler.
    Handler(Caught),
    /// `contextlib.suppress`.
    Suppress,
    /// A context manager of the project, and where it catches.
    Manager(FunctionRef, Span),
    /// `return`, `break` or `continue` in `finally`.
    Finally,
}

/// Why it may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Excuse {
    /// Another way through the handler passes it on.
    SomeWay,
    /// The exception, or that it came, is kept for later.
    Kept,
    /// The handler cancels something itself.
    PassedOn,
    /// It happens while something else is being cleaned up.
    Cleanup,
}

/// A cancellation that is swallowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swallow {
    /// Where it is caught.
    pub at: Span,
    /// By what.
    pub by: By,
    /// What becomes of it.
    pub ending: Ending,
    /// The first `await` it can arrive at.
    pub awaits: Span,
    /// Why it may be meant.
    pub excuse: Option<Excuse>,
    /// The variable that names the classes, where one does.
    pub named: Option<Named>,
}

/// A variable of a module that holds classes to catch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The module.
    pub unit: UnitId,
    /// Where it is assigned.
    pub at: Span,
    /// Its name.
    pub name: String,
}

/// How the project uses its coroutines, by the last name they are called by.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    awaited: FxHashSet<Box<str>>,
    started: FxHashSet<Box<str>>,
}

impl Uses {
    /// Whether a coroutine of this name is started as a task and awaited nowhere.
    #[must_use]
    pub fn only_started(&self, name: &str) -> bool {
        self.started.contains(name) && !self.awaited.contains(name)
    }
}

/// Calls that make a task of a coroutine, or run it as the whole program.
const STARTERS: &[&str] = &[
    "create_task",
    "ensure_future",
    "start_soon",
    "run",
    "run_until_complete",
    "run_coroutine_threadsafe",
    "spawn",
    "create_background_task",
];

#[derive(Clone, Copy, Default)]
struct Around {
    in_loop: bool,
    cleanup: bool,
    leaves: bool,
}

impl Program {
    /// How the project uses its coroutines.
    #[must_use]
    pub fn coroutine_uses(&self) -> Uses {
        let mut uses = Uses::default();
        for (_, unit) in self.own_units() {
            let facts = &unit.facts;
            for act in &facts.acts {
                let (ActKind::Call(call) | ActKind::Await(call)) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                let Some(name) = facts.called_name(callee) else { continue };
                if matches!(act.kind, ActKind::Await(_)) {
                    uses.awaited.insert(name.into());
                } else if STARTERS.contains(&name) {
                    for argument in facts.arguments(arguments) {
                        if let Value::Call(inner, _) = facts.value(argument.value) {
                            uses.started.extend(facts.called_name(inner).map(Into::into));
                        }
                    }
                }
            }
        }
        uses
    }

    /// Where the project's coroutines swallow a cancellation.
    #[must_use]
    pub fn all_swallowed(&self) -> Vec<(FunctionRef, Swallow)> {
        let units: Vec<_> = self.own_units().map(|(unit, _)| unit).collect();
        let found: Vec<Vec<(FunctionRef, Swallow)>> = units
            .into_par_iter()
            .map(|unit| {
                let functions = self.functions_of(unit);
                functions.flat_map(|it| self.swallowed(it).into_iter().map(move |swallow| (it, swallow))).collect()
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    /// Where a coroutine swallows a cancellation.
    #[must_use]
    pub fn swallowed(&self, function: FunctionRef) -> Vec<Swallow> {
        let facts = &self.unit(function.unit).facts;
        let it = facts.function(function.function);
        if !it.is_async || self.counts_cancellations(function) {
            return Vec::new();
        }
        let mut search = Search { program: self, facts, function, found: Vec::new(), depth: 0 };
        search.block(it.body, Around::default());
        search.found.sort_by_key(|it| (it.at, it.ending));
        search.found.dedup_by_key(|it| it.at);
        search.found
    }

    /// Whether a function asks how often it was cancelled: it knows what it does.
    fn counts_cancellations(&self, function: FunctionRef) -> bool {
        let facts = &self.unit(function.unit).facts;
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => {
                    facts.called_name(callee).is_some_and(|name| matches!(name, "uncancel" | "cancelling"))
                }
                _ => false,
            },
            _ => false,
        })
    }
}

struct Search<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    found: Vec<Swallow>,
    depth: u32,
}

/// Blocks nested deeper than this are not looked into.
const DEEPEST: u32 = 100;

impl Search<'_> {
    fn block(&mut self, block: BlockId, around: Around) {
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        let Block { start, end } = self.facts.blocks[block.0 as usize];
        for at in start..end {
            let rest = &self.facts.flow[at as usize + 1..end as usize];
            let leaves = rest.iter().any(|it| matches!(it, Flow::Return { .. } | Flow::Break(_) | Flow::Raise { .. }));
            let around = Around { leaves: around.leaves || leaves, ..around };
            self.step(&self.facts.flow[at as usize], around);
        }
        self.depth -= 1;
    }

    fn step(&mut self, flow: &Flow, around: Around) {
        match *flow {
            Flow::Branch { then, orelse, .. } => {
                self.block(then, around);
                self.block(orelse, around);
            }
            Flow::Loop { body, orelse, .. } => {
                self.block(body, Around { in_loop: true, leaves: false, ..around });
                self.block(orelse, around);
            }
            Flow::Try { body, handlers, orelse, finally, .. } => {
                let handlers = &self.facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
                self.handlers(body, handlers, around);
                self.finally(body, finally, around);
                self.block(body, around);
                for handler in handlers {
                    self.block(handler.body, Around { cleanup: true, ..around });
                }
                self.block(orelse, around);
                self.block(finally, Around { cleanup: true, ..around });
            }
            Flow::With { held, body, .. } => {
                self.with(held, body, around);
                self.block(body, around);
            }
            Flow::Match { cases, .. } => {
                for at in cases.0..cases.0 + cases.1 {
                    self.block(self.facts.cases[at as usize], around);
                }
            }
            Flow::Acts { .. }
            | Flow::Return { .. }
            | Flow::Raise { .. }
            | Flow::Break(_)
            | Flow::Continue(_)
            | Flow::Unreachable => {}
        }
    }

    fn handlers(&mut self, body: BlockId, handlers: &[Handler], around: Around) {
        let caught =
            handlers.iter().find_map(|handler| Some((handler, self.program.caught(self.function.unit, handler)?)));
        let Some((handler, caught)) = caught else { return };
        let Some(awaits) = self.arrives(body) else { return };
        let ways = self.program.ways(self.function, handler);
        let Some(ending) = ways.ending else { return };
        let ending = match ending {
            Ending::Continues if around.in_loop && !around.leaves => Ending::GoesOn,
            ending => ending,
        };
        let excuse = ways.excuse.or(around.cleanup.then_some(Excuse::Cleanup));
        let named = handler.class.and_then(|class| self.program.named_classes(self.function.unit, class));
        self.found.push(Swallow { at: handler.head, by: By::Handler(caught), ending, awaits, excuse, named });
    }

    fn finally(&mut self, body: BlockId, finally: BlockId, around: Around) {
        if finally == BlockId::EMPTY {
            return;
        }
        let Some((at, ending)) = self.program.leaves_finally(self.function, finally) else { return };
        let Some(awaits) = self.arrives(body) else { return };
        let excuse = around.cleanup.then_some(Excuse::Cleanup);
        self.found.push(Swallow { at, by: By::Finally, ending, awaits, excuse, named: None });
    }

    fn with(&mut self, held: HeldId, body: BlockId, around: Around) {
        let held = self.facts.held[held.0 as usize];
        let Some(by) = self.manager(ValueRef { unit: self.function.unit, value: held.manager }) else { return };
        let Some(awaits) = self.arrives(body) else { return };
        let ending = if around.in_loop && !around.leaves { Ending::GoesOn } else { Ending::Continues };
        let excuse = around.cleanup.then_some(Excuse::Cleanup);
        let named = match (&by, self.facts.value(held.manager)) {
            (By::Suppress, Value::Call(_, arguments)) => {
                let mut classes = self.facts.arguments(arguments).iter().map(|it| it.value);
                classes.find_map(|it| self.program.named_classes(self.function.unit, it))
            }
            _ => None,
        };
        self.found.push(Swallow { at: held.span, by, ending, awaits, excuse, named });
    }

    /// The first `await` of a block from which a cancellation leaves it, unless it is the end of a task that the
    /// function has cancelled itself.
    fn arrives(&self, body: BlockId) -> Option<Span> {
        let awaits = self.program.escapes(self.function, body)?;
        (!self.program.awaits_what_it_cancelled(self.function, &awaits))
            .then(|| self.facts.acts[awaits[0] as usize].span)
    }

    /// Whether a context manager swallows a cancellation.
    fn manager(&self, at: ValueRef) -> Option<By> {
        let Value::Call(callee, arguments) = self.facts.value(at.value) else { return self.own_manager(at) };
        let callee = ValueRef { unit: at.unit, value: callee };
        if self.facts.called_name(callee.value) == Some("suppress")
            && self.program.known_names(callee).iter().any(|it| &**it == "contextlib.suppress")
        {
            let arguments = self.facts.arguments(arguments);
            let swallows = arguments.iter().any(|it| self.program.caught_by_value(at.unit, it.value, 0).is_some());
            return swallows.then_some(By::Suppress);
        }
        self.own_manager(at)
    }

    fn own_manager(&self, at: ValueRef) -> Option<By> {
        for val in &self.program.evaluate(at).known {
            let found = match val {
                Val::Manager(function) if self.program.is_own(function.unit) => {
                    self.program.swallows_at_yield(*function).map(|span| (*function, span))
                }
                Val::Instance(class, _) if self.program.is_own(class.unit) => self.program.swallowing_exit(*class),
                _ => None,
            };
            if let Some((function, span)) = found {
                return Some(By::Manager(function, span));
            }
        }
        None
    }
}
