//! Exceptions that do not come back from another process.
//!
//! An exception is rebuilt by calling its class with `args` (`BaseException.__reduce__`), and `args` is what was given to
//! `super().__init__`. A class whose `__init__` wants something else fails there.

use raddle_facts::{ActKind, Keyword, ParameterKind, Value};
use raddle_vocabulary::Confidence;

use crate::Program;
use crate::calls::Target;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// Calls are followed this far from what a process runs.
const FARTHEST: usize = 4;
/// So many functions are looked at.
const MOST: usize = 60;

impl Program {
    /// An exception of the project that a function raises and that cannot be rebuilt from its `args`.
    #[must_use]
    pub fn raises_unpicklable(&self, function: FunctionRef) -> Option<(ClassRef, Confidence)> {
        let mut queue = vec![(function, 0)];
        let mut at = 0;
        while at < queue.len() && at < MOST {
            let (function, depth) = queue[at];
            at += 1;
            let facts = &self.unit(function.unit).facts;
            for act in facts.acts_of(function.function) {
                let ActKind::Call(call) = act.kind else { continue };
                if act.usage == raddle_facts::flow::Usage::Raised
                    && let Value::Call(callee, _) = facts.value(call)
                {
                    let callees = self.evaluate(ValueRef { unit: function.unit, value: callee });
                    if let [Val::Class(class)] = callees.known[..]
                        && self.cannot_be_rebuilt(class)
                    {
                        let confidence = if depth == 0 { Confidence::Certain } else { Confidence::Likely };
                        return Some((class, confidence));
                    }
                }
                if depth >= FARTHEST {
                    continue;
                }
                for target in self.targets(function, act) {
                    if let Target::Run { callee, .. } = target
                        && !queue.iter().any(|(it, _)| *it == callee)
                    {
                        queue.push((callee, depth + 1));
                    }
                }
            }
        }
        None
    }

    /// Whether an exception's `__init__` cannot take what it passed on as `args`.
    #[must_use]
    pub fn cannot_be_rebuilt(&self, class: ClassRef) -> bool {
        if !self.is_own(class.unit) {
            return false;
        }
        let ancestors = self.ancestors(class);
        let is_exception =
            ancestors.iter().filter_map(|it| self.outside_name(it)).any(|name| &*name == "builtins.BaseException");
        let own = ancestors.iter().filter_map(|it| match it {
            Ancestor::Class(class) if self.is_own(class.unit) => Some(*class),
            _ => None,
        });
        let says = ["__reduce__", "__reduce_ex__", "__getnewargs__", "__new__", "__getstate__"];
        for base in own.clone() {
            let facts = &self.unit(base.unit).facts;
            let scope = facts.class(base.class).scope;
            if says.iter().any(|it| !facts.bindings(scope, it).is_empty())
                || !facts.attributes(base.class, "args").is_empty()
            {
                return false;
            }
        }
        if !is_exception || ancestors.contains(&Ancestor::Unknown) {
            return false;
        }
        own.clone()
            .find_map(|base| {
                let facts = &self.unit(base.unit).facts;
                facts.bindings(facts.class(base.class).scope, "__init__").iter().find_map(|(_, value)| {
                    match facts.value(*value) {
                        Value::Function(function) => Some(FunctionRef { unit: base.unit, function }),
                        _ => None,
                    }
                })
            })
            .is_some_and(|init| self.wants_more_than_args(init, own.count()))
    }

    /// Whether `__init__` reads an attribute of a parameter in whose place something else was passed on: built again, it
    /// gets that instead.
    fn reads_what_it_did_not_pass(&self, init: FunctionRef, passed: &[raddle_facts::Argument]) -> bool {
        let facts = &self.unit(init.unit).facts;
        passed.iter().enumerate().any(|(at, argument)| {
            let place = at as u16 + 1;
            let parameter = Value::Parameter(init.function, place);
            // Text and numbers have attributes too, but not those that are read of an object.
            facts.value(argument.value) != parameter
                && facts.acts_of(init.function).iter().any(|act| match act.kind {
                    ActKind::Load(value) | ActKind::Again(value) => {
                        matches!(facts.value(value), Value::Attribute(base, _) if facts.value(base) == parameter)
                    }
                    _ => false,
                })
        })
    }

    fn wants_more_than_args(&self, init: FunctionRef, classes: usize) -> bool {
        let facts = &self.unit(init.unit).facts;
        let parameters = &self.function(init).parameters;
        let own = &parameters[1.min(parameters.len())..];
        if own.iter().any(|it| it.kind == ParameterKind::Keyword && it.default.is_none()) {
            return true;
        }
        if own.iter().any(|it| it.kind == ParameterKind::Star) {
            return false;
        }
        let plain = own.iter().filter(|it| it.kind == ParameterKind::Plain).count();
        let required = own.iter().filter(|it| it.kind == ParameterKind::Plain && it.default.is_none()).count();
        let mut passed = None;
        for act in facts.acts_of(init.function) {
            let ActKind::Call(call) = act.kind else { continue };
            let Value::Call(callee, arguments) = facts.value(call) else { continue };
            let Value::Attribute(base, name) = facts.value(callee) else { continue };
            if facts.text(name) != "__init__" {
                continue;
            }
            // `Base.__init__(self, …)` and a base of the project may do anything with what they get.
            if !matches!(facts.value(base), Value::Super(..)) || classes > 1 {
                return false;
            }
            let arguments = facts.arguments(arguments);
            if arguments.iter().any(|it| it.keyword != Keyword::Positional) {
                return false;
            }
            if self.reads_what_it_did_not_pass(init, arguments) {
                return true;
            }
            passed = Some(arguments.len());
        }
        // Without a call of `super().__init__`, `args` is everything that was given by position.
        passed.is_some_and(|passed| passed < required || passed > plain)
    }
}
