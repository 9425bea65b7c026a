//! Where a value was made: the expression that names and attributes lead back to.

use raddle_facts::{FileFacts, Keyword, ScopeId, ScopeKind, Sym, Value, ValueId};

use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, UnitId, ValueRef};
use crate::val::Val;

/// Names and attributes are followed this far.
const FARTHEST: u32 = 12;

impl Program {
    /// The expression a value comes from, as far as names and attributes have one binding each.
    #[must_use]
    pub fn origin(&self, at: ValueRef) -> ValueRef {
        let mut at = at;
        for _ in 0..FARTHEST {
            match self.one_step_back(at) {
                Some(before) if before != at => at = before,
                _ => return at,
            }
        }
        at
    }

    fn one_step_back(&self, at: ValueRef) -> Option<ValueRef> {
        let unit = self.unit(at.unit);
        let facts = &unit.facts;
        let here = |value| Some(ValueRef { unit: at.unit, value });
        match facts.value(at.value) {
            Value::Name(scope, name) => here(only(facts, bound_to(facts, scope, name))?),
            Value::Union(list) => here(only_value(facts, facts.list(list).iter().copied())?),
            Value::Declared(_, value) if value != ValueId::UNKNOWN => here(value),
            Value::Narrowed(value, _) | Value::Entered(value) | Value::AsyncEntered(value) => here(value),
            Value::ImportFrom(module, name) => {
                let from = self.modules.find(at.unit, &unit.absolute(facts.text(module)))?;
                if !self.is_own(from) {
                    return None;
                }
                self.module_binding(from, facts.text(name))
            }
            Value::Attribute(base, name) => self.attribute_origin(at.unit, base, facts.text(name)),
            _ => None,
        }
    }

    fn module_binding(&self, module: UnitId, name: &str) -> Option<ValueRef> {
        let facts = &self.unit(module).facts;
        let value = only(facts, facts.bindings(ScopeId::MODULE, name))?;
        Some(ValueRef { unit: module, value })
    }

    fn attribute_origin(&self, unit: UnitId, base: ValueId, name: &str) -> Option<ValueRef> {
        let vals = self.evaluate(ValueRef { unit, value: base });
        match &vals.known[..] {
            [Val::Module(module)] if self.is_own(*module) => self.module_binding(*module, name),
            [Val::Instance(class, _)] if self.is_own(class.unit) => self.assigned_once(*class, name),
            _ => None,
        }
    }

    /// The one value that methods or the body of a class give an attribute.
    fn assigned_once(&self, class: ClassRef, name: &str) -> Option<ValueRef> {
        for ancestor in self.ancestors(class).iter() {
            let Ancestor::Class(class) = ancestor else { continue };
            let facts = &self.unit(class.unit).facts;
            let assigned = facts.attributes(class.class, name);
            let in_body = facts.bindings(facts.class(class.class).scope, name);
            if assigned.is_empty() && in_body.is_empty() {
                continue;
            }
            let value = only_value(facts, assigned.iter().chain(in_body).map(|(_, value)| *value))?;
            return Some(ValueRef { unit: class.unit, value });
        }
        None
    }

    /// The callee and arguments of the call that made a value.
    #[must_use]
    pub fn made_by(&self, at: ValueRef) -> Option<(ValueRef, raddle_facts::ArgumentRange)> {
        let at = self.origin(at);
        match self.unit(at.unit).facts.value(at.value) {
            Value::Call(callee, arguments) => Some((ValueRef { unit: at.unit, value: callee }, arguments)),
            _ => None,
        }
    }

    /// The dotted names that a callable is known to models by.
    #[must_use]
    pub fn known_names(&self, at: ValueRef) -> Vec<std::sync::Arc<str>> {
        let mut names = Vec::new();
        for val in &self.evaluate(at).known {
            match val {
                Val::Outside(path, _) | Val::Gives(path, _) => names.push(path.clone()),
                Val::OutsideInstance(class) => names.push(format!("{class}.__call__").into()),
                Val::Function(function) | Val::Bound(function, _) if !self.is_own(function.unit) => {
                    names.push(self.function_name(*function));
                }
                Val::Class(class) => names.extend(self.ancestors(*class).iter().filter_map(|it| self.outside_name(it))),
                _ => {}
            }
        }
        names
    }

    /// The name of an ancestor that is a library's class.
    #[must_use]
    pub fn outside_name(&self, ancestor: &Ancestor) -> Option<std::sync::Arc<str>> {
        match ancestor {
            Ancestor::Class(class) if !self.is_own(class.unit) => Some(self.class_name(*class)),
            Ancestor::Outside(name) => Some(name.clone()),
            Ancestor::Class(_) | Ancestor::Unknown => None,
        }
    }

    /// The argument of a call with this name or position.
    #[must_use]
    pub fn argument_at(
        &self,
        unit: UnitId,
        arguments: raddle_facts::ArgumentRange,
        name: Option<&str>,
        position: Option<u8>,
    ) -> Option<ValueId> {
        let facts = &self.unit(unit).facts;
        let mut at = 0;
        let mut spread = false;
        for argument in facts.arguments(arguments) {
            match argument.keyword {
                Keyword::Positional => {
                    if !spread && position == Some(at) {
                        return Some(argument.value);
                    }
                    at += 1;
                }
                Keyword::Named(sym) if name == Some(facts.text(sym)) => return Some(argument.value),
                Keyword::Star => spread = true,
                Keyword::Named(_) | Keyword::DoubleStar => {}
            }
        }
        None
    }

    /// The one short word a value is, such as the name of a start method.
    #[must_use]
    pub fn word(&self, at: ValueRef) -> Option<&str> {
        let at = self.origin(at);
        let facts = &self.unit(at.unit).facts;
        match facts.value(at.value) {
            Value::Word(sym) => Some(facts.text(sym)),
            _ => None,
        }
    }
}

/// Everything that is bound to a name, seen from a scope.
fn bound_to(facts: &FileFacts, scope: ScopeId, name: Sym) -> &[(Sym, ValueId)] {
    let mut at = Some(scope);
    let mut innermost = true;
    while let Some(id) = at {
        let it = facts.scope(id);
        if innermost || !matches!(it.kind, ScopeKind::Class(_)) {
            let bindings = raddle_facts::file::equal_range(&it.bindings, name);
            if !bindings.is_empty() {
                return bindings;
            }
        }
        innermost = false;
        at = it.parent;
    }
    &[]
}

fn only(facts: &FileFacts, bindings: &[(Sym, ValueId)]) -> Option<ValueId> {
    only_value(facts, bindings.iter().map(|(_, value)| *value))
}

/// The only value of several that is not `None`.
fn only_value(facts: &FileFacts, values: impl Iterator<Item = ValueId>) -> Option<ValueId> {
    let mut found = None;
    for value in values {
        if facts.value(value) == Value::None {
            continue;
        }
        if found.is_some_and(|it| it != value) {
            return None;
        }
        found = Some(value);
    }
    found
}
