//! Annotations: which instances a type expression names.

use std::sync::Arc;

use raddle_facts::{Display, ScopeId, ScopeKind, Value, ValueId};

use crate::evaluate::{Evaluation, Exhausted};
use crate::memo::Key;
use crate::unit::{ClassRef, UnitId, ValueRef};
use crate::val::{Because, Val, Vals};

type Answered = Result<Vals, Exhausted>;

/// The type variable that stands for `Self`.
pub(crate) const SELF: Val = Val::TypeVariable(UnitId(u32::MAX), u32::MAX);

impl Evaluation<'_> {
    /// The instances an annotation names.
    pub(crate) fn annotation(&mut self, at: ValueRef) -> Answered {
        let vals = self.ask(Key::Annotation(at), |this| this.annotated(at))?;
        Ok((*vals).clone())
    }

    fn annotated(&mut self, at: ValueRef) -> Answered {
        let facts = &self.program.unit(at.unit).facts;
        let inner = |value| ValueRef { unit: at.unit, value };
        match facts.value(at.value) {
            Value::Union(list) => {
                let mut all = Vals::nothing();
                for value in facts.list(list) {
                    all.extend(&self.annotation(inner(*value))?);
                }
                Ok(all)
            }
            // `A | B` in an alias, outside an annotation.
            Value::Operator(left, right) => {
                let mut all = self.annotation(inner(left))?;
                all.extend(&self.annotation(inner(right))?);
                Ok(all)
            }
            Value::None => Ok(Vals::nothing()),
            Value::Subscript(base, index) => self.generic(at.unit, base, index),
            Value::Name(..) | Value::Attribute(..) | Value::Import(_) | Value::ImportFrom(..) => self.named(at),
            Value::Class(class) => Ok(self.instance(ClassRef { unit: at.unit, class })),
            // A type alias that is itself declared: `Alias: TypeAlias = …`.
            Value::Declared(_, value) if value != ValueId::UNKNOWN => self.annotation(inner(value)),
            Value::Call(..) => {
                let vals = self.value(at)?;
                Ok(self.instances(&vals))
            }
            _ => Ok(Vals::unknown(Because::Annotation)),
        }
    }

    fn instance(&self, class: ClassRef) -> Vals {
        match &*self.program.class_name(class) {
            "builtins.object" => Vals::unknown(Because::Annotation),
            _ => Val::Instance(class, None).into(),
        }
    }

    /// What a name in an annotation stands for: a class, or an alias for another annotation.
    fn named(&mut self, at: ValueRef) -> Answered {
        if let Some(special) = self.special_name(at, 0) {
            return Ok(match special.as_str() {
                "Self" => SELF.into(),
                "Any" | "Callable" | "object" => Vals::unknown(Because::Annotation),
                "Text" | "AnyStr" | "LiteralString" => Val::Literal(crate::val::Literal::Text).into(),
                "List" | "Dict" | "Set" | "FrozenSet" | "Tuple" | "Deque" | "DefaultDict" | "OrderedDict" | "Type" => {
                    Vals::unknown(Because::Annotation)
                }
                _ => Vals::unknown(Because::Structural),
            });
        }
        if let Some(alias) = self.alias_of(at, 0)
            && alias != at
        {
            return self.annotation(alias);
        }
        let vals = self.value(at)?;
        Ok(self.instances(&vals))
    }

    fn instances(&mut self, vals: &Vals) -> Vals {
        let mut all = Vals { known: Default::default(), unknown: vals.unknown };
        for val in &vals.known {
            match val {
                Val::Class(class) => all.extend(&self.instance(*class)),
                Val::Outside(name, None) => {
                    let name = name.clone();
                    all.push(self.instance_of(&name));
                }
                Val::TypeVariable(..) => all.push(val.clone()),
                // `T = TypeVar("T")`, `UserId = NewType("UserId", …)`.
                Val::Instance(class, _) if &*self.program.class_name(*class) == "typing.TypeVar" => {
                    all.unknown = Some(Because::Annotation);
                }
                _ => all.unknown = Some(Because::Annotation),
            }
        }
        all
    }

    /// The value a name is bound to, if that binding is a type expression of its own.
    fn alias_of(&mut self, at: ValueRef, depth: u32) -> Option<ValueRef> {
        if depth > 8 {
            return None;
        }
        let target = self.binding_of(at)?;
        let facts = &self.program.unit(target.unit).facts;
        match facts.value(target.value) {
            Value::Subscript(..) | Value::Union(_) | Value::Operator(..) => Some(target),
            Value::Declared(_, value) if value != ValueId::UNKNOWN && self.special_alias(target) => {
                Some(ValueRef { unit: target.unit, value })
            }
            Value::Name(..) | Value::Attribute(..) | Value::ImportFrom(..) => {
                Some(self.alias_of(target, depth + 1).unwrap_or(target))
            }
            Value::Call(callee, _) => {
                let callee = ValueRef { unit: target.unit, value: callee };
                (self.special_name(callee, 0).as_deref() == Some("TypeVar")).then_some(target)?;
                None
            }
            _ => None,
        }
    }

    fn special_alias(&mut self, at: ValueRef) -> bool {
        let facts = &self.program.unit(at.unit).facts;
        let Value::Declared(annotation, _) = facts.value(at.value) else { return false };
        self.special_name(ValueRef { unit: at.unit, value: annotation }, 0).as_deref() == Some("TypeAlias")
    }

    /// The one binding behind a name, an imported name or a module's attribute.
    fn binding_of(&mut self, at: ValueRef) -> Option<ValueRef> {
        let program = self.program;
        let unit = program.unit(at.unit);
        let facts = &unit.facts;
        match facts.value(at.value) {
            Value::Name(scope, sym) => {
                let mut next = Some(scope);
                let mut innermost = true;
                while let Some(id) = next {
                    let it = facts.scope(id);
                    let skip = matches!(it.kind, ScopeKind::Class(_)) && !innermost;
                    let bindings = raddle_facts::file::equal_range(&it.bindings, sym);
                    if !skip && let Some((_, value)) = bindings.first() {
                        return Some(ValueRef { unit: at.unit, value: *value });
                    }
                    innermost = false;
                    next = it.parent;
                }
                None
            }
            Value::ImportFrom(module, name) => {
                let module = unit.absolute(facts.text(module));
                let found = program.modules.find(at.unit, &module)?;
                self.module_binding(found, facts.text(name))
            }
            Value::Attribute(base, name) => {
                let base = self.value(ValueRef { unit: at.unit, value: base }).ok()?;
                let [Val::Module(module)] = base.known[..] else { return None };
                self.module_binding(module, facts.text(name))
            }
            _ => None,
        }
    }

    fn module_binding(&self, module: UnitId, name: &str) -> Option<ValueRef> {
        let facts = &self.program.unit(module).facts;
        let (_, value) = facts.bindings(ScopeId::MODULE, name).first()?;
        Some(ValueRef { unit: module, value: *value })
    }

    /// The name of a special form of `typing`, however it is imported.
    fn special_name(&mut self, at: ValueRef, depth: u32) -> Option<String> {
        if depth > 6 {
            return None;
        }
        let program = self.program;
        let unit = program.unit(at.unit);
        let facts = &unit.facts;
        let special = |module: &str| matches!(module, "typing" | "typing_extensions" | "collections.abc" | "_typeshed");
        match facts.value(at.value) {
            Value::ImportFrom(module, name) if special(facts.text(module)) => {
                let name = facts.text(name);
                is_special(name).then(|| name.to_owned())
            }
            Value::Attribute(base, name) => {
                let is_typing = match facts.value(base) {
                    Value::Import(module) => special(facts.text(module)),
                    Value::Name(..) => match self.binding_of(ValueRef { unit: at.unit, value: base }) {
                        Some(found) => {
                            let facts = &program.unit(found.unit).facts;
                            matches!(facts.value(found.value), Value::Import(module) if special(facts.text(module)))
                        }
                        None => false,
                    },
                    _ => false,
                };
                let name = facts.text(name);
                (is_typing && is_special(name)).then(|| name.to_owned())
            }
            Value::Name(_, sym) => {
                if special(&unit.module) && is_special(facts.text(sym)) {
                    return Some(facts.text(sym).to_owned());
                }
                let found = self.binding_of(at)?;
                if found == at { None } else { self.special_name(found, depth + 1) }
            }
            _ => None,
        }
    }

    fn generic(&mut self, unit: UnitId, base: ValueId, index: ValueId) -> Answered {
        let facts = &self.program.unit(unit).facts;
        let inner = |value| ValueRef { unit, value };
        let entries: Vec<ValueId> = match facts.value(index) {
            Value::Display(Display::Tuple, list) => facts.list(list).to_vec(),
            _ => vec![index],
        };
        if let Some(special) = self.special_name(inner(base), 0) {
            return self.special_form(unit, &special, &entries);
        }
        let bases = self.annotation(inner(base))?;
        let mut all = Vals { known: Default::default(), unknown: bases.unknown };
        for val in &bases.known {
            match val {
                Val::Instance(class, _) => {
                    let name = self.program.class_name(*class);
                    if &*name == "builtins.type" {
                        let of = self.annotation(inner(entries[0]))?;
                        all.extend(&classes_of(&of));
                        continue;
                    }
                    let mut arguments = Vec::with_capacity(entries.len());
                    for entry in &entries {
                        arguments.push(self.annotation(inner(*entry))?);
                    }
                    all.push(Val::Instance(*class, Some(arguments.into())));
                }
                other => all.push(other.clone()),
            }
        }
        Ok(all)
    }

    fn special_form(&mut self, unit: UnitId, name: &str, entries: &[ValueId]) -> Answered {
        let inner = |value| ValueRef { unit, value };
        let first = entries.first().copied().unwrap_or(ValueId::UNKNOWN);
        match name {
            "Optional" | "Annotated" | "ClassVar" | "Final" | "Required" | "NotRequired" | "ReadOnly" | "TypeGuard"
            | "TypeIs" | "Unpack" | "InitVar" => self.annotation(inner(first)),
            "Union" => {
                let mut all = Vals::nothing();
                for entry in entries {
                    all.extend(&self.annotation(inner(*entry))?);
                }
                Ok(all)
            }
            "Type" => {
                let of = self.annotation(inner(first))?;
                Ok(classes_of(&of))
            }
            "List" | "Set" | "FrozenSet" | "Deque" => {
                let held = self.annotation(inner(first))?;
                Ok(Val::Container(Display::List, Arc::new(held)).into())
            }
            "Tuple" => {
                let mut parts = Vec::new();
                for entry in entries.iter().take(8) {
                    parts.push(self.annotation(inner(*entry))?);
                }
                Ok(Val::Tuple(parts.into()).into())
            }
            "Dict" | "DefaultDict" | "OrderedDict" => {
                let held = self.annotation(inner(entries.last().copied().unwrap_or(ValueId::UNKNOWN)))?;
                Ok(Val::Container(Display::Dict, Arc::new(held)).into())
            }
            "Literal" | "LiteralString" => Ok(Val::Literal(crate::val::Literal::Text).into()),
            _ => Ok(Vals::unknown(Because::Structural)),
        }
    }

    /// Puts the receiver where a method says `Self`, or gives back a type variable that its first parameter carries.
    pub(crate) fn with_self(&self, vals: &Vals, receiver: ClassRef) -> Vals {
        if vals.known.iter().all(|val| !matches!(val, Val::TypeVariable(..))) {
            return vals.clone();
        }
        let mut all = Vals { known: Default::default(), unknown: vals.unknown };
        for val in &vals.known {
            match val {
                Val::TypeVariable(..) => all.push(Val::Instance(receiver, None)),
                other => all.push(other.clone()),
            }
        }
        all
    }
}

fn classes_of(instances: &Vals) -> Vals {
    let mut all = Vals { known: Default::default(), unknown: instances.unknown };
    for val in &instances.known {
        match val {
            Val::Instance(class, _) => all.push(Val::Class(*class)),
            Val::OutsideInstance(name) => all.push(Val::Outside(name.clone(), None)),
            _ => all.unknown = Some(Because::Annotation),
        }
    }
    all
}

fn is_special(name: &str) -> bool {
    matches!(
        name,
        "Any"
            | "Optional"
            | "Union"
            | "Annotated"
            | "ClassVar"
            | "Final"
            | "Required"
            | "NotRequired"
            | "ReadOnly"
            | "TypeGuard"
            | "TypeIs"
            | "Unpack"
            | "Callable"
            | "Literal"
            | "LiteralString"
            | "Self"
            | "Type"
            | "List"
            | "Dict"
            | "Set"
            | "FrozenSet"
            | "Tuple"
            | "Deque"
            | "DefaultDict"
            | "OrderedDict"
            | "Text"
            | "AnyStr"
            | "TypeAlias"
            | "TypeVar"
            | "ParamSpec"
            | "Concatenate"
            | "NoReturn"
            | "Never"
            | "Protocol"
            | "Generic"
            | "NewType"
    )
}
