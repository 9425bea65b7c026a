//! Calls that no call says: `__repr__` by a logger, `__hash__` by a container, `Handler.emit` by what it logs itself.

use raddle_facts::{FileFacts, Keyword, Value, ValueId};

use super::held::called_method;
use crate::Program;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// Methods of loggers, and functions of `logging`, that make a record.
const LOGS: &[&str] = &["debug", "info", "warning", "warn", "error", "exception", "critical", "log"];

impl Program {
    /// The methods of the project that an act runs without naming them, each with the object it runs on.
    pub(super) fn hidden_calls(&self, function: FunctionRef, value: ValueId) -> Vec<(FunctionRef, ValueId)> {
        let facts = &self.unit(function.unit).facts;
        let mut found = Vec::new();
        match facts.value(value) {
            Value::Call(callee, arguments) => {
                let Some(name) = facts.called_name(callee) else { return found };
                let logs = LOGS.contains(&name) && self.is_logging(function, callee);
                let methods: &[&str] = match name {
                    "repr" => &["__repr__"],
                    "str" | "print" | "format" => &["__str__", "__repr__"],
                    "hash" => &["__hash__"],
                    "add" | "discard" | "remove" if called_method(facts, value).is_some() => &["__hash__", "__eq__"],
                    _ if logs => &["__str__", "__repr__"],
                    _ => return found,
                };
                for argument in facts.arguments(arguments).iter().filter(|it| it.keyword == Keyword::Positional) {
                    found.extend(self.method_on(function, argument.value, methods));
                }
                if logs {
                    found.extend(self.own_handler(function, facts));
                }
            }
            Value::Subscript(_, index) => found.extend(self.method_on(function, index, &["__hash__"])),
            _ => {}
        }
        found
    }

    /// The first of these methods that the object of a variable has.
    fn method_on(&self, function: FunctionRef, value: ValueId, names: &[&str]) -> Option<(FunctionRef, ValueId)> {
        let facts = &self.unit(function.unit).facts;
        if !matches!(facts.value(value), Value::Parameter(..) | Value::Name(..)) {
            return None;
        }
        match &self.evaluate(ValueRef { unit: function.unit, value }).known[..] {
            [Val::Instance(class, _)] if self.is_own(class.unit) => {
                self.own_method(*class, names).map(|method| (method, value))
            }
            _ => None,
        }
    }

    fn is_logging(&self, function: FunctionRef, callee: ValueId) -> bool {
        let names = self.known_names(ValueRef { unit: function.unit, value: callee });
        names.iter().any(|it| it.starts_with("logging."))
    }

    /// What a handler logs comes back to it, unless its logger is kept away from it.
    fn own_handler(&self, function: FunctionRef, facts: &FileFacts) -> Option<(FunctionRef, ValueId)> {
        let class = self.class_of(function)?;
        if !self.inherits_from(class, &["logging.Handler".to_owned()]) {
            return None;
        }
        let own = facts.values.iter().position(|it| *it == Value::Parameter(function.function, 0))?;
        let emit = self.own_method(class, &["emit"])?;
        Some((emit, ValueId(u32::try_from(own).ok()?)))
    }
}
