//! Which handlers a cancellation gets caught by.

use raddle_facts::flow::Handler;
use raddle_facts::{Value, ValueId};

use crate::Program;
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
