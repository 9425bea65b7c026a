//! What a function does with a callable it is given: run it, hand it on, or keep it.

use std::sync::Arc;

use raddle_facts::models::{Handing, Runner};
use raddle_facts::{ActKind, Argument, FileFacts, Keyword, Value, ValueId};

use crate::Program;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// What becomes of a callable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// It is called before the function it was given to is done.
    pub now: bool,
    /// Somebody else runs it.
    pub elsewhere: Vec<Runner>,
}

impl Uses {
    fn add(&mut self, runner: Runner) {
        match runner {
            Runner::Caller => self.now = true,
            other if !self.elsewhere.contains(&other) => self.elsewhere.push(other),
            _ => {}
        }
    }

    fn merge(&mut self, other: &Uses) {
        self.now |= other.now;
        other.elsewhere.iter().for_each(|it| self.add(*it));
    }
}

/// Helpers that pass a callable on are followed this far.
const DEEPEST: u32 = 5;

impl Program {
    /// What a function does with what its parameter is given.
    #[must_use]
    pub fn uses(&self, function: FunctionRef, place: u16) -> Arc<Uses> {
        self.uses_at(function, place, 0)
    }

    fn uses_at(&self, function: FunctionRef, place: u16, depth: u32) -> Arc<Uses> {
        if let Some(known) = self.memo.uses.get(&(function, place)) {
            return known.clone();
        }
        let mut uses = Uses::default();
        if depth < DEEPEST && self.is_own(function.unit) {
            self.scan(function, function, place, depth, &mut uses);
        }
        let uses = Arc::new(uses);
        if depth == 0 {
            self.memo.uses.insert((function, place), uses.clone());
        }
        uses
    }

    /// What a nested function does with a parameter of the function around it.
    #[must_use]
    pub fn uses_within(&self, nested: FunctionRef, owner: FunctionRef, place: u16) -> Uses {
        let mut uses = Uses::default();
        if self.function(owner).parameters.len() > place as usize {
            self.scan(nested, owner, place, 1, &mut uses);
        }
        uses
    }

    fn scan(&self, body: FunctionRef, owner: FunctionRef, place: u16, depth: u32, uses: &mut Uses) {
        let facts = &self.unit(body.unit).facts;
        let wanted = Wanted { facts, owner, place };
        for act in facts.acts_of(body.function) {
            match act.kind {
                ActKind::Call(call) => {
                    let Value::Call(callee, arguments) = facts.value(call) else { continue };
                    if wanted.is(callee, 0) {
                        uses.now = true;
                    }
                    let arguments = facts.arguments(arguments);
                    if arguments.iter().any(|it| wanted.is(it.value, 0)) {
                        self.passed_on(body, callee, arguments, &wanted, depth, uses);
                    }
                }
                ActKind::Iterate(value) | ActKind::Enter(value) if wanted.is(value, 0) => uses.now = true,
                _ => {}
            }
        }
        if depth >= DEEPEST {
            return;
        }
        for nested in self.functions_of(body.unit).filter(|it| self.enclosing_function(*it) == Some(body)) {
            let mut inner = Uses::default();
            self.scan(nested, owner, place, depth + 1, &mut inner);
            if inner == Uses::default() {
                continue;
            }
            inner.elsewhere.iter().for_each(|it| uses.add(*it));
            if inner.now {
                uses.merge(&self.fate_of_nested(body, nested, depth));
            }
        }
    }

    /// What a function does with a function defined in it.
    fn fate_of_nested(&self, body: FunctionRef, nested: FunctionRef, depth: u32) -> Uses {
        let facts = &self.unit(body.unit).facts;
        let wanted = NestedWanted { facts, nested };
        let mut uses = Uses::default();
        for act in facts.acts_of(body.function) {
            let ActKind::Call(call) = act.kind else { continue };
            let Value::Call(callee, arguments) = facts.value(call) else { continue };
            if wanted.is(callee) {
                uses.now = true;
            }
            let arguments = facts.arguments(arguments);
            if arguments.iter().any(|it| wanted.is(it.value)) {
                self.passed_on(body, callee, arguments, &wanted, depth, &mut uses);
            }
        }
        uses
    }

    fn passed_on(
        &self,
        body: FunctionRef,
        callee: ValueId,
        arguments: &[Argument],
        wanted: &dyn Looks,
        depth: u32,
        uses: &mut Uses,
    ) {
        let callees = self.evaluate(ValueRef { unit: body.unit, value: callee });
        for val in &callees.known {
            let (path, target) = match val {
                Val::Outside(path, _) => (Some(path.clone()), None),
                Val::Function(function) | Val::Bound(function, _) if self.is_own(function.unit) => {
                    (None, Some((*function, matches!(val, Val::Bound(..)))))
                }
                Val::Function(function) | Val::Bound(function, _) => (Some(self.function_name(*function)), None),
                Val::Class(class) if !self.is_own(class.unit) => (Some(self.class_name(*class)), None),
                _ => (None, None),
            };
            if let Some(path) = path {
                if matches!(&*path, "functools.partial") {
                    // The partial object is what counts, and it stands in another call's arguments.
                    continue;
                }
                for handing in self.models.hands_over(&path) {
                    if let Some(at) = callable_argument(wanted.facts(), arguments, handing)
                        && wanted.looks(at)
                    {
                        uses.add(handing.to);
                    }
                }
            }
            if let Some((function, bound)) = target {
                for (place, value) in self.parameters_of(function, bound, wanted.facts(), arguments) {
                    if wanted.looks(value) {
                        let inner = self.uses_at(function, place, depth + 1);
                        uses.merge(&inner);
                    }
                }
            }
        }
    }

    /// Which argument goes to which parameter of a function.
    pub(crate) fn parameters_of(
        &self,
        function: FunctionRef,
        bound: bool,
        facts: &FileFacts,
        arguments: &[Argument],
    ) -> Vec<(u16, ValueId)> {
        let target = self.unit(function.unit);
        let parameters = &self.function(function).parameters;
        let mut at = usize::from(bound);
        let mut pairs = Vec::new();
        for argument in arguments {
            match argument.keyword {
                Keyword::Positional => {
                    let Some(parameter) = parameters.get(at) else { continue };
                    if matches!(parameter.kind, raddle_facts::ParameterKind::Plain) {
                        pairs.push((at as u16, argument.value));
                        at += 1;
                    }
                }
                Keyword::Named(name) => {
                    let name = facts.text(name);
                    if let Some(at) = parameters.iter().position(|it| target.facts.text(it.name) == name) {
                        pairs.push((at as u16, argument.value));
                    }
                }
                Keyword::Star | Keyword::DoubleStar => break,
            }
        }
        pairs
    }
}

/// The argument that a model says is the callable.
pub(crate) fn callable_argument(facts: &FileFacts, arguments: &[Argument], handing: &Handing) -> Option<ValueId> {
    if let Some(name) = &handing.name {
        for argument in arguments {
            if let Keyword::Named(sym) = argument.keyword
                && facts.text(sym) == &**name
            {
                return Some(argument.value);
            }
        }
    }
    let position = handing.position? as usize;
    let mut positional = arguments.iter().take_while(|it| it.keyword != Keyword::Star);
    positional.by_ref().filter(|it| it.keyword == Keyword::Positional).nth(position).map(|it| it.value)
}

/// Recognises the value that is followed.
trait Looks {
    fn facts(&self) -> &FileFacts;
    fn looks(&self, value: ValueId) -> bool;
}

/// The parameter that is looked for.
pub(crate) struct Wanted<'a> {
    pub(crate) facts: &'a FileFacts,
    pub(crate) owner: FunctionRef,
    pub(crate) place: u16,
}

impl Wanted<'_> {
    /// Whether a value is the parameter, or a partial or alias of it.
    pub(crate) fn is(&self, value: ValueId, depth: u32) -> bool {
        if depth > 4 {
            return false;
        }
        match self.facts.value(value) {
            Value::Parameter(function, place) => function == self.owner.function && place == self.place,
            Value::Name(_, name) => {
                self.facts.function(self.owner.function).parameters[self.place as usize].name == name
            }
            Value::Union(list) => self.facts.list(list).iter().any(|it| self.is(*it, depth + 1)),
            Value::Narrowed(value, _) => self.is(value, depth + 1),
            // `partial(function, …)`, `wraps(function)(…)`.
            Value::Call(callee, arguments) => {
                let named = match self.facts.value(callee) {
                    Value::Name(_, name) | Value::ImportFrom(_, name) | Value::Attribute(_, name) => {
                        self.facts.text(name)
                    }
                    _ => "",
                };
                let first = self.facts.arguments(arguments).first();
                named == "partial" && first.is_some_and(|it| self.is(it.value, depth + 1))
            }
            _ => false,
        }
    }
}

impl Looks for Wanted<'_> {
    fn facts(&self) -> &FileFacts {
        self.facts
    }

    fn looks(&self, value: ValueId) -> bool {
        self.is(value, 0)
    }
}

struct NestedWanted<'a> {
    facts: &'a FileFacts,
    nested: FunctionRef,
}

impl NestedWanted<'_> {
    fn is(&self, value: ValueId) -> bool {
        match self.facts.value(value) {
            Value::Function(function) => function == self.nested.function,
            Value::Union(list) => self.facts.list(list).iter().any(|it| self.is(*it)),
            Value::Name(_, name) => self.facts.function(self.nested.function).name == name,
            _ => false,
        }
    }
}

impl Looks for NestedWanted<'_> {
    fn facts(&self) -> &FileFacts {
        self.facts
    }

    fn looks(&self, value: ValueId) -> bool {
        self.is(value)
    }
}
