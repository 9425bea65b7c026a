//! Places that several actors come to, and what each function does with them.
//!
//! A [`Place`] is where a value lives: a module's global, an attribute by the class that defines it, a variable that inner
//! functions share. [`touches`] says what one function does with places, and which of its writes rest on an earlier look
//! at the same place: the [`touches::Gap`] between the two is where another actor does harm. [`races`] brings gaps and
//! writes of actors together that may overlap ([`crate::actors`]).

pub mod accesses;
pub mod declared;
pub mod escaping;
pub mod given;
pub mod guarding;
pub mod interrupting;
pub mod processes;
pub mod races;
pub mod split;
pub mod too_early;
pub mod touches;

use std::sync::Arc;

use raddle_facts::{ScopeId, ScopeKind, Sym, Value, ValueId};

use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, UnitId};
use crate::val::Val;

/// Where a value lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A module's global.
    Global(UnitId, Arc<str>),
    /// An attribute of a class or of its instances, by the class that defines it.
    Member(ClassRef, Arc<str>),
    /// A variable of a function, as the functions in it see it.
    Closure(FunctionRef, Arc<str>),
    /// An object that a function makes, by the expression that makes it, and the name it gives it before it hands it over.
    Made(FunctionRef, ValueId, Arc<str>),
}

/// A place, and the object it belongs to where there may be several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The place.
    pub place: Place,
    /// The expression of the object in the function at hand; nothing where there is only one.
    pub object: Option<ValueId>,
}

impl Program {
    /// The place that an expression of a function reads or writes; nothing for what only the function itself can see.
    #[must_use]
    pub fn spot_at(&self, function: FunctionRef, value: ValueId) -> Option<Spot> {
        self.spot_deep(function, value, 0)
    }

    fn spot_deep(&self, function: FunctionRef, value: ValueId, depth: u8) -> Option<Spot> {
        let facts = &self.unit(function.unit).facts;
        match facts.value(value) {
            Value::Name(scope, sym) => {
                let place = self.place_named(function.unit, scope, sym)?;
                let own = matches!(&place, Place::Closure(owner, _) if *owner == function);
                (!own).then_some(Spot { place, object: None })
            }
            Value::ImportFrom(module, name) => {
                let module = self.unit(function.unit).absolute(facts.text(module));
                let found = self.modules.find(function.unit, &module)?;
                let name = facts.text(name);
                self.is_variable(found, name).then(|| Spot { place: Place::Global(found, name.into()), object: None })
            }
            Value::Attribute(base, sym) => self.member_spot(function, base, facts.text(sym)),
            Value::Declared(_, inner) | Value::Narrowed(inner, _) => self.spot_deep(function, inner, depth),
            Value::Parameter(owner, place) if owner == function.function => {
                self.spot_given(function, place, value, depth)
            }
            it if given::makes_object(it) => self.spot_made(function, value),
            Value::Union(list) => {
                let mut values = facts.list(list).iter().filter(|it| facts.value(**it) != Value::None);
                let only = values.next()?;
                if values.next().is_some() {
                    return None;
                }
                self.spot_deep(function, *only, depth)
            }
            _ => None,
        }
    }

    /// The place that a name means, seen from a scope.
    #[must_use]
    pub fn place_named(&self, unit: UnitId, scope: ScopeId, sym: Sym) -> Option<Place> {
        let facts = &self.unit(unit).facts;
        let name = facts.text(sym);
        let mut at = Some(scope);
        while let Some(id) = at {
            let it = facts.scope(id);
            match it.kind {
                ScopeKind::Module => {
                    return self.is_variable(unit, name).then(|| Place::Global(unit, name.into()));
                }
                ScopeKind::Function(owner) if !facts.bindings(id, name).is_empty() => {
                    return Some(Place::Closure(FunctionRef { unit, function: owner }, name.into()));
                }
                ScopeKind::Class(_) | ScopeKind::Function(_) => {}
            }
            at = it.parent;
        }
        None
    }

    /// Whether a module binds a name to something that is not only a function, a class or an import.
    fn is_variable(&self, unit: UnitId, name: &str) -> bool {
        let facts = &self.unit(unit).facts;
        self.is_own(unit)
            && facts.bindings(ScopeId::MODULE, name).iter().any(|(_, value)| {
                !matches!(
                    facts.value(*value),
                    Value::Function(_) | Value::Class(_) | Value::Import(_) | Value::ImportFrom(..)
                )
            })
    }

    fn member_spot(&self, function: FunctionRef, base: ValueId, name: &str) -> Option<Spot> {
        if let Some(class) = self.class_of_object(function, base) {
            let (owner, _) = self.defines(class, name)?;
            return Some(Spot { place: Place::Member(owner, name.into()), object: None });
        }
        let vals = self.evaluate_given(function, base, 0);
        let [val] = &vals.known[..] else { return None };
        match val {
            Val::Instance(class, _) if self.is_own(class.unit) && !self.is_confining(*class) => {
                let (owner, of_class) = self.defines(*class, name)?;
                let object = (!of_class).then_some(base);
                Some(Spot { place: Place::Member(owner, name.into()), object })
            }
            Val::Class(class) if self.is_own(class.unit) => {
                let (owner, _) = self.defines(*class, name)?;
                Some(Spot { place: Place::Member(owner, name.into()), object: None })
            }
            Val::Module(unit) => {
                self.is_variable(*unit, name).then(|| Spot { place: Place::Global(*unit, name.into()), object: None })
            }
            _ => None,
        }
    }

    /// The class that `type(self)` and `self.__class__` are.
    fn class_of_object(&self, function: FunctionRef, value: ValueId) -> Option<ClassRef> {
        let facts = &self.unit(function.unit).facts;
        let object = match facts.value(value) {
            Value::Attribute(object, name) if facts.text(name) == "__class__" => object,
            Value::Call(callee, arguments) if facts.called_name(callee) == Some("type") => {
                let [only] = facts.arguments(arguments) else { return None };
                only.value
            }
            _ => return None,
        };
        let vals = self.evaluate_given(function, object, 0);
        match &vals.known[..] {
            [Val::Instance(class, _)] if self.is_own(class.unit) => Some(*class),
            _ => None,
        }
    }

    /// The class of the project that first binds an attribute, and whether only its body does, so that all instances
    /// share it.
    fn defines(&self, class: ClassRef, name: &str) -> Option<(ClassRef, bool)> {
        let mut found = None;
        for ancestor in self.ancestors(class).iter() {
            let Ancestor::Class(at) = ancestor else { continue };
            if !self.is_own(at.unit) {
                continue;
            }
            let facts = &self.unit(at.unit).facts;
            let in_body = facts.bindings(facts.class(at.class).scope, name);
            if in_body.iter().any(|(_, value)| matches!(facts.value(*value), Value::Function(_) | Value::Class(_))) {
                return None;
            }
            if !facts.attributes(at.class, name).is_empty() {
                found = Some((*at, false));
            } else if !in_body.is_empty() {
                // An annotation alone, a number or a name is a default that instances replace; a container is shared.
                let shared = in_body
                    .iter()
                    .any(|(_, value)| matches!(facts.value(*value), Value::Display(..) | Value::Call(..)));
                found = found.or(Some((*at, shared)));
            }
        }
        found
    }

    /// Whether each actor has its own of what instances of a class hold: a thread-local, a context variable.
    pub(crate) fn is_confining(&self, class: ClassRef) -> bool {
        self.ancestors(class).iter().any(|it| {
            let name = match it {
                Ancestor::Class(class) => self.class_name(*class),
                Ancestor::Outside(name) => name.clone(),
                Ancestor::Unknown => return false,
            };
            crate::actors::is_confining(&name)
        })
    }
}
