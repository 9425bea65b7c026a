//! Which handlers a cancellation gets caught by.

use raddle_facts::flow::Handler;
use raddle_facts::{ActKind, FunctionId, Value, ValueId};

use crate::Program;
use crate::cancel::Named;
use crate::unit::{UnitId, ValueRef};
use crate::val::Val;

/// By which word a handler catches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caught {
    /// `except:`.
    Bare,
    /// `except BaseException`.
    Base,
    /// By its own name.
    Cancelled,
}

/// Tuples nested deeper than this are not looked into.
const DEEPEST: u32 = 6;

impl Program {
    /// By which word a handler catches a cancellation, if it does.
    #[must_use]
    pub fn caught(&self, unit: UnitId, handler: &Handler) -> Option<Caught> {
        match handler.class {
            None => Some(Caught::Bare),
            Some(class) => self.caught_by_value(unit, class, 0),
        }
    }

    pub(crate) fn caught_by_value(&self, unit: UnitId, class: ValueId, depth: u32) -> Option<Caught> {
        if depth > DEEPEST {
            return None;
        }
        let facts = &self.unit(unit).facts;
        match facts.value(class) {
            Value::Display(_, list) => {
                let entries = facts.list(list).iter();
                return entries.filter_map(|it| self.caught_by_value(unit, *it, depth + 1)).max();
            }
            Value::Operator(left, right) => {
                let left = self.caught_by_value(unit, left, depth + 1);
                return left.max(self.caught_by_value(unit, right, depth + 1));
            }
            Value::Call(callee, _) if facts.called_name(callee) == Some("get_cancelled_exc_class") => {
                return Some(Caught::Cancelled);
            }
            _ => {}
        }
        let found =
            self.evaluate(ValueRef { unit, value: class }).known.iter().filter_map(|it| self.caught_by(it)).max();
        if found.is_some() {
            return found;
        }
        let origin = self.origin(ValueRef { unit, value: class });
        if origin.value == class && origin.unit == unit {
            return None;
        }
        self.caught_by_value(origin.unit, origin.value, depth + 1)
    }

    /// The variable of the project that holds the classes, if they are not written out where they are caught.
    pub(super) fn named_classes(&self, unit: UnitId, class: ValueId) -> Option<Named> {
        let origin = self.origin(ValueRef { unit, value: class });
        let facts = &self.unit(origin.unit).facts;
        let is_list = matches!(facts.value(origin.value), Value::Display(..) | Value::Operator(..));
        if !is_list || origin.value == class && origin.unit == unit || !self.is_own(origin.unit) {
            return None;
        }
        self.caught_by_value(origin.unit, origin.value, 0)?;
        facts.acts_of(FunctionId::MODULE).iter().find_map(|act| match act.kind {
            ActKind::Write(place, value) if value == origin.value => {
                let name = facts.last_name(place)?.to_owned();
                Some(Named { unit: origin.unit, at: act.span, name })
            }
            _ => None,
        })
    }

    fn caught_by(&self, val: &Val) -> Option<Caught> {
        match val {
            Val::Class(class) => named(&self.class_name(*class)),
            Val::Outside(name, _) => named(name),
            Val::Tuple(entries) => {
                entries.iter().flat_map(|it| it.known.iter()).filter_map(|it| self.caught_by(it)).max()
            }
            Val::Container(_, entries) => entries.known.iter().filter_map(|it| self.caught_by(it)).max(),
            _ => None,
        }
    }
}

/// Since Python 3.8 `asyncio.CancelledError` is a `BaseException`, and another class than that of `concurrent.futures`.
fn named(name: &str) -> Option<Caught> {
    let last = name.rsplit('.').next().unwrap_or(name);
    match last {
        "BaseException" if name == last || name.starts_with("builtins.") => Some(Caught::Base),
        "CancelledError" if name.starts_with("asyncio.") => Some(Caught::Cancelled),
        "Cancelled" if name.starts_with("trio.") => Some(Caught::Cancelled),
        _ => None,
    }
}
