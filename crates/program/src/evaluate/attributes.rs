//! Attributes: of instances along the classes they inherit from, of classes, modules and libraries.

use std::sync::Arc;

use raddle_facts::ScopeId;

use super::{Answered, Evaluation, Exhausted};
use crate::members::Ancestor;
use crate::memo::Key;
use crate::unit::{ClassRef, FunctionRef, Origin, UnitId};
use crate::val::{Because, Val, Vals};

/// Whether a method is looked up on an instance or on the class itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Instance,
    Class,
}

impl Evaluation<'_> {
    /// An attribute of everything a value can be.
    pub(crate) fn attributes(&mut self, unit: UnitId, base: &Vals, name: &str) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: base.unknown };
        for val in &base.known {
            all.extend(&self.attribute(unit, val, name)?);
        }
        Ok(all)
    }

    /// An attribute of one value.
    pub(crate) fn attribute(&mut self, unit: UnitId, base: &Val, name: &str) -> Answered {
        match base {
            Val::Instance(class, Some(arguments))
                if matches!(name, "get" | "pop" | "popleft" | "setdefault" | "values") =>
            {
                let held = arguments.last().cloned().unwrap_or_default();
                let dotted = format!("{}.{name}", self.program.class_name(*class));
                if held.is_empty() || !dotted.starts_with("builtins.") && !dotted.starts_with("collections.") {
                    return self.member_of(*class, name, On::Instance);
                }
                let gives = match name {
                    "values" => Val::Container(raddle_facts::Display::List, Arc::new(held)).into(),
                    _ => held,
                };
                Ok(Val::Gives(dotted.into(), Arc::new(gives)).into())
            }
            Val::Instance(class, _) => self.member_of(*class, name, On::Instance),
            Val::Class(class) => self.member_of(*class, name, On::Class),
            Val::Super(class) => self.inherited(*class, name),
            Val::Module(module) => self.module_attribute(*module, name),
            Val::Namespace(package) => {
                let full = format!("{package}.{name}");
                if let Some(found) = self.program.modules.find(unit, &full) {
                    return Ok(Val::Module(found).into());
                }
                if self.program.modules.is_namespace(&full) {
                    return Ok(Val::Namespace(full.into()).into());
                }
                if self.program.modules.is_own(package) || self.program.modules.is_namespace(package) {
                    return Ok(Vals::unknown(Because::Name));
                }
                Ok(self.outside(&full))
            }
            Val::Outside(path, stub) => match self.program.models.returns(path).cloned() {
                Some(class) => {
                    let instance = self.instance_of(&class);
                    self.attribute(unit, &instance, name)
                }
                None if stub.is_some() => Ok(Vals::unknown(Because::Attribute)),
                None => Ok(self.outside(&format!("{path}.{name}"))),
            },
            Val::OutsideInstance(class) => Ok(self.outside_attribute(class, name)),
            Val::Bound(..) | Val::Function(_) | Val::Partial(..) => Ok(Vals::unknown(Because::Attribute)),
            Val::Container(..) | Val::Tuple(_) | Val::Literal(_) => Ok(self.builtin_attribute(base, name)),
            Val::Coroutine(_)
            | Val::Generator(_)
            | Val::Manager(_)
            | Val::Awaitable(_)
            | Val::ManagerOf(_)
            | Val::Gives(..)
            | Val::TypeVariable(..) => Ok(Vals::unknown(Because::Attribute)),
            Val::Parameter(..) => Ok(Vals::unknown(Because::Parameter)),
        }
    }

    fn module_attribute(&mut self, module: UnitId, name: &str) -> Answered {
        let it = self.program.unit(module);
        let library = it.origin == Origin::Library;
        let symbol = self.symbol(module, name)?;
        if symbol.is_empty() && symbol.unknown == Some(Because::Name) {
            if let Some(submodule) = self.submodule(module, name) {
                return Ok(submodule);
            }
            if library {
                return Ok(self.outside(&format!("{}.{name}", it.module)));
            }
            return Ok(symbol);
        }
        if library {
            let dotted = format!("{}.{name}", it.module);
            return Ok(self.modelled(&dotted, symbol));
        }
        Ok(symbol)
    }

    /// A library's symbol under the name that models know it by, if they do.
    pub(crate) fn modelled(&self, dotted: &str, symbol: Vals) -> Vals {
        let models = &self.program.models;
        let canonical = models.canonical(dotted);
        if !models.mentions(&canonical) {
            return symbol;
        }
        let functions: Vec<FunctionRef> = symbol
            .known
            .iter()
            .filter_map(|val| match val {
                Val::Function(function) | Val::Outside(_, Some(function)) => Some(*function),
                _ => None,
            })
            .collect();
        if functions.is_empty() && !symbol.is_empty() {
            return symbol;
        }
        Val::Outside(canonical.into_owned().into(), functions.first().copied()).into()
    }

    /// Something of a library that has no stub.
    pub(crate) fn outside(&self, dotted: &str) -> Vals {
        Val::Outside(self.program.models.canonical(dotted).into_owned().into(), None).into()
    }

    fn outside_attribute(&mut self, class: &Arc<str>, name: &str) -> Vals {
        let models = &self.program.models;
        let mut queue = vec![class.clone()];
        let mut at = 0;
        while at < queue.len() && at < 16 {
            let dotted = format!("{}.{name}", queue[at]);
            let canonical = models.canonical(&dotted);
            if models.mentions(&canonical) {
                return Val::Outside(canonical.into_owned().into(), None).into();
            }
            for base in models.bases(&queue[at]) {
                if !queue.contains(base) {
                    queue.push(base.clone());
                }
            }
            at += 1;
        }
        for class in &queue {
            if let Some(target) = models.returns(&format!("{class}.__getattr__")) {
                return self.instance_of(target).into();
            }
        }
        self.outside(&format!("{class}.{name}"))
    }

    /// An instance of the class with this dotted name, from a stub where there is one.
    pub(crate) fn instance_of(&mut self, dotted: &str) -> Val {
        match self.class_named(dotted) {
            Some(class) => Val::Instance(class, None),
            None => Val::OutsideInstance(dotted.into()),
        }
    }

    fn class_named(&mut self, dotted: &str) -> Option<ClassRef> {
        let (module, name) = dotted.rsplit_once('.')?;
        let unit = self.program.modules.library(module)?;
        let symbol = self.symbol(unit, name).ok()?;
        symbol.known.iter().find_map(|val| match val {
            Val::Class(class) => Some(*class),
            _ => None,
        })
    }

    fn builtin_attribute(&mut self, base: &Val, name: &str) -> Vals {
        use raddle_facts::Display;

        use crate::val::Literal;
        let class = match base {
            Val::Container(Display::List, _) => "list",
            Val::Container(Display::Dict, _) => "dict",
            Val::Container(Display::Set, _) => "set",
            Val::Tuple(_) => "tuple",
            Val::Literal(Literal::Text) => "str",
            Val::Literal(Literal::Bytes) => "bytes",
            _ => return Vals::unknown(Because::Attribute),
        };
        // `.values()`, `.get(…)` and the rest lead to what the display holds.
        if let Val::Container(_, held) = base
            && matches!(name, "get" | "pop" | "popleft" | "setdefault" | "values" | "copy" | "items" | "popitem")
        {
            let gives = match name {
                "values" => Val::Container(Display::List, held.clone()).into(),
                "copy" => base.clone().into(),
                "items" | "popitem" => Vals::unknown(Because::Expression),
                _ => (**held).clone(),
            };
            return Val::Gives(format!("builtins.{class}.{name}").into(), Arc::new(gives)).into();
        }
        Val::Outside(format!("builtins.{class}.{name}").into(), None).into()
    }

    fn member_of(&mut self, class: ClassRef, name: &str, on: On) -> Answered {
        let key = match on {
            On::Instance => Key::Member(class, name.into()),
            On::Class => Key::Member(class, format!("{name}@class").into()),
        };
        let vals = self.ask(key, |this| {
            let ancestors = this.ancestors(class)?;
            this.member_in(&ancestors, class, name, on)
        })?;
        Ok((*vals).clone())
    }

    fn inherited(&mut self, class: ClassRef, name: &str) -> Answered {
        let ancestors = self.ancestors(class)?;
        self.member_in(&ancestors[1..], class, name, On::Instance)
    }

    fn member_in(&mut self, ancestors: &[Ancestor], receiver: ClassRef, name: &str, on: On) -> Answered {
        let program = self.program;
        for ancestor in ancestors {
            match ancestor {
                Ancestor::Class(class) => {
                    if let Some(found) = self.member_here(*class, receiver, name, on)? {
                        return Ok(found);
                    }
                }
                Ancestor::Outside(base) => {
                    let dotted = format!("{base}.{name}");
                    let canonical = program.models.canonical(&dotted);
                    if program.models.mentions(&canonical) {
                        return Ok(Val::Outside(canonical.into_owned().into(), None).into());
                    }
                }
                Ancestor::Unknown => {}
            }
        }
        let outside = ancestors.iter().find_map(|it| match it {
            Ancestor::Outside(base) => Some(base),
            _ => None,
        });
        match outside {
            Some(base) => Ok(self.outside_attribute(&base.clone(), name)),
            None => Ok(Vals::unknown(Because::Attribute)),
        }
    }

    /// The member that this very class defines.
    fn member_here(
        &mut self,
        class: ClassRef,
        receiver: ClassRef,
        name: &str,
        on: On,
    ) -> Result<Option<Vals>, Exhausted> {
        let program = self.program;
        let unit = program.unit(class.unit);
        let facts = &unit.facts;
        let scope: ScopeId = facts.class(class.class).scope;
        let in_body = facts.bindings(scope, name);
        let assigned = facts.attributes(class.class, name);
        if unit.origin == Origin::Library {
            let dotted = format!("{}.{name}", program.class_name(class));
            let canonical = program.models.canonical(&dotted).into_owned();
            if program.models.mentions(&canonical) {
                let function = in_body.iter().find_map(|(_, value)| match facts.value(*value) {
                    raddle_facts::Value::Function(function) => Some(FunctionRef { unit: class.unit, function }),
                    _ => None,
                });
                if in_body.is_empty() || function.is_some() {
                    return Ok(Some(Val::Outside(canonical.into(), function).into()));
                }
            }
        }
        if in_body.is_empty() && assigned.is_empty() {
            return Ok(None);
        }
        let body = self.bindings(class.unit, in_body)?;
        let is_method = body.known.iter().any(|val| matches!(val, Val::Function(_) | Val::Class(_)));
        let mut all = Vals::nothing();
        if is_method {
            for val in &body.known {
                all.extend(&self.bound(val, receiver, on)?);
            }
            all.unknown = body.unknown;
            return Ok(Some(all));
        }
        all.extend(&body);
        let declared =
            in_body.iter().any(|(_, value)| matches!(facts.value(*value), raddle_facts::Value::Declared(..)));
        if !assigned.is_empty() && (!declared || body.is_empty()) {
            all.extend(&self.bindings(class.unit, assigned)?);
        }
        if all.known.len() > 1 {
            all.known.retain(|val| *val != Val::Literal(crate::val::Literal::None));
        }
        Ok(Some(all))
    }

    fn bound(&mut self, member: &Val, receiver: ClassRef, on: On) -> Answered {
        let Val::Function(function) = member else { return Ok(member.clone().into()) };
        let decoration = self.program.decoration(*function);
        if decoration.is_setter {
            return Ok(Vals::nothing());
        }
        if decoration.is_static {
            return Ok(member.clone().into());
        }
        if decoration.is_property && on == On::Instance {
            let returned = self.returned(*function)?;
            return Ok(self.with_self(&returned, receiver));
        }
        if decoration.is_class || on == On::Instance {
            return Ok(Val::Bound(*function, receiver).into());
        }
        Ok(member.clone().into())
    }
}
