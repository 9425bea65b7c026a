//! What becomes of coroutines and tasks in the function that makes them.
//!
//! A coroutine that is thrown away, bound to a name that no way reads, overwritten, put into a list nobody gathers, or
//! used as if it were its result never runs. What is handed to anything unknown, returned or stored is somebody else's.

mod follow;
mod places;

use raddle_facts::{ActKind, FunctionId, Usage, ValueId};
use raddle_vocabulary::Span;
use rayon::prelude::*;

use crate::Program;
use crate::awaitable::{Kind, Made};
use crate::evaluate::Evaluation;
use crate::members::Ancestor;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::Val;

pub use places::Destination;

/// How it gets lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The call is a statement.
    Dropped,
    /// It is bound to this name, which nothing reads.
    Unused(String),
    /// It is bound to this name, and some way to the end does not await it.
    SomeWay(String),
    /// The name is bound anew before anything reads it.
    Overwritten(String),
    /// It is put into this container, which nothing reads.
    Contained(String),
    /// It is the element of a display that is a statement.
    DroppedDisplay,
    /// It stands in an f-string.
    Formatted,
    /// This attribute of it is used.
    Attribute(String),
    /// It is compared.
    Compared,
    /// It is indexed, iterated over or entered as if it were its result.
    UsedAsResult,
    /// Its truth is asked.
    Tested,
    /// It is handed to this function, which does not await it.
    Inert(String),
    /// An `async def` returns it in a dict, or as its own result.
    Returned,
    /// Only callbacks are added to it.
    CallbackOnly,
    /// The method that is called is plain, and this `async def` overrides it.
    Override(String),
    /// A plain `with` of an async context manager.
    PlainWith,
}

/// Something to await that gets lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The call that makes it.
    pub act: u32,
    /// The call in the source.
    pub span: Span,
    /// What it is.
    pub made: Made,
    /// How it gets lost.
    pub how: How,
    /// Where that shows, if not at the call.
    pub at: Option<Span>,
}

impl Program {
    /// Everything the project makes and loses, in the order of its functions.
    #[must_use]
    pub fn all_lost(&self) -> &[(FunctionRef, Lost)] {
        self.memo.shared.lost.get_or_init(|| {
            let units: Vec<_> = self.own_units().map(|(unit, _)| unit).collect();
            let found: Vec<Vec<(FunctionRef, Lost)>> = units
                .into_par_iter()
                .map(|unit| {
                    let functions = self.functions_of(unit);
                    functions.flat_map(|it| self.lost(it).into_iter().map(move |lost| (it, lost))).collect()
                })
                .collect();
            let mut found: Vec<_> = found.into_iter().flatten().collect();
            found.extend(self.calls_of_overridden());
            found
        })
    }

    /// What a function makes and loses.
    #[must_use]
    pub fn lost(&self, function: FunctionRef) -> Vec<Lost> {
        let facts = &self.unit(function.unit).facts;
        let (start, end) = facts.function(function.function).acts;
        let mut found = Vec::new();
        let mut followed = Vec::new();
        for at in start..end {
            let act = &facts.acts[at as usize];
            if let ActKind::Enter(manager) = act.kind
                && self.is_async_manager(function.unit, manager)
            {
                let made = Made { kind: Kind::Coroutine, function: None, perhaps: false };
                found.push(Lost { act: at, span: act.span, made, how: How::PlainWith, at: None });
            }
            let ActKind::Call(call) = act.kind else { continue };
            if act.awaited
                || matches!(act.usage, Usage::Awaited | Usage::Yielded | Usage::AsyncEntered | Usage::AsyncIterated)
            {
                continue;
            }
            let Some(made) = self.made(function.unit, call) else { continue };
            if made.perhaps && made.kind == Kind::Task && !self.is_written_inside(function, act) {
                continue;
            }
            let lost = |how| Lost { act: at, span: act.span, made: made.clone(), how, at: None };
            match self.destination(function, at) {
                Destination::Lost(how) if places::only_coroutines(&how, made.kind) => {}
                Destination::Lost(how) => found.push(lost(how)),
                Destination::Name(write) => followed.push((at, follow::Held::By(write), made)),
                Destination::Container(sym) => followed.push((at, follow::Held::In(sym), made)),
                Destination::Elsewhere => {}
            }
        }
        if function.function != FunctionId::MODULE && !followed.is_empty() {
            self.follow(function, &followed, &mut found);
        }
        found.sort_by(|a, b| (a.act, &a.how).cmp(&(b.act, &b.how)));
        found.dedup_by(|a, b| a.act == b.act && a.how == b.how);
        found
    }

    /// Whether a value can be entered by `async with` only.
    fn is_async_manager(&self, unit: UnitId, manager: ValueId) -> bool {
        let vals = self.evaluate(ValueRef { unit, value: manager });
        let [val @ Val::Instance(class, _)] = &vals.known[..] else { return false };
        let known = self.ancestors(*class).iter().all(|it| matches!(it, Ancestor::Class(_)));
        let has = |name: &str| Evaluation::new(self).attribute(class.unit, val, name).is_ok_and(|it| !it.is_empty());
        vals.unknown.is_none() && known && has("__aenter__") && !has("__enter__") && !has("__getattr__")
    }
}
