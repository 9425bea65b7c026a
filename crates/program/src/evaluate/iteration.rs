//! What comes out of a value: by iterating, entering, awaiting, unpacking or indexing it.

use std::sync::Arc;

use raddle_facts::{Display, Value, ValueId};

use super::{Answered, Evaluation};
use crate::members::Ancestor;
use crate::unit::{ClassRef, UnitId, ValueRef};
use crate::val::{Because, Literal, Val, Vals};

impl Evaluation<'_> {
    /// What iterating gives.
    pub(crate) fn elements(&mut self, iterable: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: iterable.unknown };
        for val in &iterable.known {
            let part = match val {
                Val::Container(Display::Dict, _) => Vals::unknown(Because::Expression),
                Val::Container(_, held) => (**held).clone(),
                Val::Tuple(entries) => {
                    let mut all = Vals::nothing();
                    entries.iter().for_each(|it| all.extend(it));
                    all
                }
                Val::Generator(function) => self.yielded(*function)?,
                Val::Instance(class, arguments) => self.instance_elements(*class, arguments.as_deref())?,
                Val::OutsideInstance(class) => self.outside_element(class, &["__iter__", "__next__"]),
                Val::Outside(path, _) => match self.program.models.returns(path).cloned() {
                    Some(class) => self.outside_element(&class, &["__iter__", "__next__"]),
                    None => Vals::unknown(Because::Library),
                },
                Val::Literal(Literal::Text) => val.clone().into(),
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    fn outside_element(&mut self, class: &str, dunders: &[&str]) -> Vals {
        let target = dunders.iter().find_map(|dunder| self.program.models.returns(&format!("{class}.{dunder}")));
        match target.cloned() {
            Some(target) => self.instance_of(&target).into(),
            None => Vals::unknown(Because::Library),
        }
    }

    fn instance_elements(&mut self, class: ClassRef, arguments: Option<&[Vals]>) -> Answered {
        if !self.program.is_own(class.unit) {
            if let Some(arguments) = arguments {
                // `dict[K, V]` and mappings give keys, everything else its first argument.
                return Ok(arguments.first().cloned().unwrap_or(Vals::unknown(Because::Annotation)));
            }
            let iterator = self.call_method(class, "__iter__")?;
            return match &iterator.known[..] {
                [Val::Instance(inner, Some(arguments))] if *inner != class => {
                    Ok(arguments.first().cloned().unwrap_or(Vals::unknown(Because::Annotation)))
                }
                _ => self.call_method(class, "__next__"),
            };
        }
        let iterator = self.call_method(class, "__iter__")?;
        let mut all = Vals { known: Default::default(), unknown: iterator.unknown };
        for val in &iterator.known {
            match val {
                Val::Instance(inner, _) if *inner == class => all.extend(&self.call_method(class, "__next__")?),
                other => all.extend(&self.elements(&other.clone().into())?),
            }
        }
        Ok(all)
    }

    /// What `async for` gives.
    pub(crate) fn async_elements(&mut self, iterable: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: iterable.unknown };
        for val in &iterable.known {
            let part = match val {
                Val::Generator(function) => self.yielded(*function)?,
                Val::Instance(_, Some(arguments)) => {
                    arguments.first().cloned().unwrap_or(Vals::unknown(Because::Annotation))
                }
                Val::Instance(class, None) => {
                    let next = self.call_method(*class, "__anext__")?;
                    self.awaited(&next)?
                }
                Val::OutsideInstance(class) => self.outside_element(class, &["__aiter__", "__anext__"]),
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    /// What awaiting gives.
    pub(crate) fn awaited(&mut self, value: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: value.unknown };
        for val in &value.known {
            let part = match val {
                Val::Coroutine(function) => self.returned(*function)?,
                Val::Awaitable(inner) => (**inner).clone(),
                Val::OutsideInstance(_) => val.clone().into(),
                Val::Instance(_, Some(arguments)) => {
                    // `Coroutine[Any, Any, T]`, `Future[T]`, `Awaitable[T]`.
                    arguments.last().cloned().unwrap_or(Vals::unknown(Because::Annotation))
                }
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    /// What `with … as` binds.
    pub(crate) fn entered(&mut self, manager: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: manager.unknown };
        for val in &manager.known {
            let part = match val {
                Val::Manager(function) => self.yielded(*function)?,
                Val::ManagerOf(inner) => (**inner).clone(),
                Val::Instance(class, _) => {
                    let entered = self.call_method(*class, "__enter__")?;
                    self.or_itself(entered, val, *class, "__enter__")
                }
                Val::OutsideInstance(class) => match self.program.models.returns(&format!("{class}.__enter__")) {
                    Some(target) => {
                        let target = target.clone();
                        self.instance_of(&target).into()
                    }
                    None => val.clone().into(),
                },
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    /// Most managers give themselves; one that cannot be entered this way is not what is meant.
    fn or_itself(&self, entered: Vals, manager: &Val, class: ClassRef, method: &str) -> Vals {
        if !entered.is_empty() {
            return entered;
        }
        let known = self.program.ancestors(class).iter().all(|it| match it {
            Ancestor::Class(class) => {
                let facts = &self.program.unit(class.unit).facts;
                facts.bindings(facts.class(class.class).scope, method).is_empty()
            }
            Ancestor::Outside(_) | Ancestor::Unknown => false,
        });
        if known { Vals::unknown(Because::Attribute) } else { manager.clone().into() }
    }

    /// What `async with … as` binds.
    pub(crate) fn async_entered(&mut self, manager: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: manager.unknown };
        for val in &manager.known {
            let part = match val {
                Val::Manager(function) => self.yielded(*function)?,
                Val::ManagerOf(inner) => (**inner).clone(),
                Val::Instance(class, _) => {
                    let entered = self.call_method(*class, "__aenter__")?;
                    let entered = self.awaited(&entered)?;
                    self.or_itself(entered, val, *class, "__aenter__")
                }
                Val::OutsideInstance(class) => match self.program.models.returns(&format!("{class}.__aenter__")) {
                    Some(target) => {
                        let target = target.clone();
                        self.instance_of(&target).into()
                    }
                    None => val.clone().into(),
                },
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    pub(crate) fn unpacked(&mut self, value: &Vals, place: u16) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: value.unknown };
        for val in &value.known {
            match val {
                Val::Tuple(entries) => match entries.get(place as usize) {
                    Some(entry) => all.extend(entry),
                    None => all.unknown = Some(Because::Expression),
                },
                Val::Instance(class, Some(arguments)) if &*self.program.class_name(*class) == "builtins.tuple" => {
                    let entry = arguments.get(place as usize).or(arguments.first());
                    all.extend(&entry.cloned().unwrap_or(Vals::unknown(Because::Annotation)));
                }
                other => all.extend(&self.elements(&other.clone().into())?),
            }
        }
        Ok(all)
    }

    pub(crate) fn subscript(&mut self, unit: UnitId, base: ValueId, index: ValueId) -> Answered {
        let facts = &self.program.unit(unit).facts;
        let zero = matches!(facts.value(index), Value::Zero);
        let base = self.value(ValueRef { unit, value: base })?;
        let mut all = Vals { known: Default::default(), unknown: base.unknown };
        for val in &base.known {
            let part = match val {
                // `Queue[int]` in a value is still the class.
                Val::Class(_) | Val::Outside(_, None) => val.clone().into(),
                Val::Tuple(entries) if zero => entries.first().cloned().unwrap_or_default(),
                Val::Container(Display::Dict, held) => (**held).clone(),
                Val::Tuple(_) | Val::Container(..) => self.elements(&val.clone().into())?,
                Val::Instance(class, Some(arguments)) if !self.program.is_own(class.unit) => {
                    arguments.last().cloned().unwrap_or(Vals::unknown(Because::Annotation))
                }
                Val::Instance(class, _) => self.call_method(*class, "__getitem__")?,
                Val::OutsideInstance(class) => self.outside_element(&class.clone(), &["__getitem__"]),
                Val::Literal(Literal::Text) => val.clone().into(),
                _ => Vals::unknown(Because::Expression),
            };
            all.extend(&part);
        }
        Ok(all)
    }

    /// What calling a method of a class without arguments gives.
    pub(crate) fn call_method(&mut self, class: ClassRef, name: &str) -> Answered {
        let method = self.attribute(class.unit, &Val::Instance(class, None), name)?;
        let mut all = Vals { known: Default::default(), unknown: method.unknown };
        for callee in &method.known {
            all.extend(&self.result(callee, None)?);
        }
        Ok(all)
    }

    /// A list, set or tuple made from an iterable.
    pub(crate) fn collected(&mut self, display: Display, iterable: &Vals) -> Answered {
        let held = self.elements(iterable)?;
        Ok(Val::Container(display, Arc::new(held)).into())
    }
}
