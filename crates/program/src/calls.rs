//! What an act leads to: functions of the project that run, library calls that block, callables that change hands.

mod callbacks;
mod exempt;
mod implicit;

use std::sync::Arc;

use raddle_facts::models::{Argument as Condition, Blocking, Is, Runner};
use raddle_facts::{Act, ActKind, ArgumentRange, Keyword, Value, ValueId};

use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Because, Literal, Val, Vals};

/// How an act leads to a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Via {
    /// It is called.
    Call,
    /// Its class is instantiated.
    Construct,
    /// A `with` block enters or leaves.
    Enter,
    /// It is iterated over.
    Iterate,
    /// An attribute is read.
    Property,
    /// A value is indexed.
    Index,
    /// It is handed to this function, which calls it.
    Callback(Arc<str>),
    /// It overrides this method.
    Override(Arc<str>),
}

/// How well a callee is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sure {
    /// It is the only reading.
    Only,
    /// It is one of this many.
    OneOf(u8),
    /// The value may also be something unknown.
    Perhaps,
    /// It is one of the known overrides of an abstract method.
    Override,
}

/// What an act leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A function of the project runs before the act is done.
    Run {
        /// The function.
        callee: FunctionRef,
        /// How.
        via: Via,
        /// How well it is known.
        sure: Sure,
    },
    /// A library call keeps the thread waiting.
    Block {
        /// Its name.
        path: Arc<str>,
        /// Why.
        blocking: Arc<Blocking>,
        /// How.
        via: Via,
        /// How well it is known.
        sure: Sure,
    },
    /// A function is handed to another actor.
    Hand {
        /// The function.
        callee: FunctionRef,
        /// Who will run it.
        to: Runner,
        /// The call that takes it.
        by: Arc<str>,
    },
    /// A coroutine of the project is made.
    Coroutine(FunctionRef),
    /// A function that nobody here knows: a parameter, a library without model.
    Opaque(Because),
}

/// The act whose targets are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) function: FunctionRef,
    pub(crate) act: &'a Act,
    pub(crate) arguments: ArgumentRange,
}

const NO_ARGUMENTS: ArgumentRange = ArgumentRange { start: 0, len: 0 };

/// More overrides than this are "anything".
const MOST_OVERRIDES: usize = 4;

impl Program {
    /// What an act of a function leads to.
    #[must_use]
    pub fn targets(&self, function: FunctionRef, act: &Act) -> Vec<Target> {
        let facts = &self.unit(function.unit).facts;
        let mut acc = Vec::new();
        match act.kind {
            ActKind::Call(call) => {
                let Value::Call(callee, arguments) = facts.value(call) else { return acc };
                let place = Place { function, act, arguments };
                let callees = self.evaluate(ValueRef { unit: function.unit, value: callee });
                let sure = sureness(&callees);
                // What is awaited is the coroutine function, where there is one among the readings.
                let only_async = act.awaited && callees.known.iter().any(|val| self.is_coroutine_function(val));
                for val in callees.known.iter().filter(|val| !only_async || self.is_coroutine_function(val)) {
                    self.call_targets(val, place, Via::Call, sure, &mut acc);
                }
                if callees.is_empty() {
                    acc.push(Target::Opaque(callees.unknown.unwrap_or(Because::Expression)));
                }
                if arguments.len > 0 {
                    self.callback_targets(&callees, place, &mut acc);
                    self.consumed_generators(&callees, place, &mut acc);
                }
            }
            ActKind::Enter(manager) => self.enter_targets(function, act, manager, &mut acc),
            ActKind::Iterate(iterable) => self.iterate_targets(function, act, iterable, &mut acc),
            ActKind::Load(attribute) => self.load_targets(function, attribute, &mut acc),
            ActKind::Index(value) => self.index_targets(function, value, &mut acc),
            ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) | ActKind::Await(_) | ActKind::Yield | ActKind::Spin => {}
            // A property that is read again, or written, runs what the first reading ran.
            ActKind::Again(_) | ActKind::Read(_) | ActKind::Write(..) | ActKind::Update(..) | ActKind::Delete(_) => {}
        }
        acc
    }

    fn is_coroutine_function(&self, val: &Val) -> bool {
        match val {
            Val::Function(function) | Val::Bound(function, _) => self.function(*function).is_async,
            _ => false,
        }
    }

    pub(crate) fn call_targets(&self, val: &Val, place: Place<'_>, via: Via, sure: Sure, acc: &mut Vec<Target>) {
        match val {
            Val::Function(function) => self.function_targets(*function, None, place, via, sure, acc),
            Val::Bound(function, receiver) => {
                self.function_targets(*function, Some(*receiver), place, via, sure, acc);
            }
            Val::Class(class) => self.construct_targets(*class, place, sure, acc),
            Val::Outside(path, stub) => {
                let is_async = stub.is_some_and(|stub| self.function(stub).is_async);
                if !is_async {
                    self.block(path, place, via, sure, acc);
                }
            }
            Val::OutsideInstance(class) => {
                self.block(&format!("{class}.__call__").into(), place, via, sure, acc);
            }
            Val::Instance(class, _) if self.is_own(class.unit) => {
                self.method_targets(*class, "__call__", place, via, sure, acc);
            }
            Val::Gives(path, _) => self.block(path, place, via, sure, acc),
            Val::Partial(inner, _) => {
                let place = Place { arguments: NO_ARGUMENTS, ..place };
                self.call_targets(inner, place, via, sure, acc);
            }
            Val::Parameter(..) => acc.push(Target::Opaque(Because::Parameter)),
            _ => {}
        }
    }

    fn function_targets(
        &self,
        function: FunctionRef,
        receiver: Option<ClassRef>,
        place: Place<'_>,
        via: Via,
        sure: Sure,
        acc: &mut Vec<Target>,
    ) {
        if !self.is_own(function.unit) {
            if !self.function(function).is_async {
                self.block(&self.function_name(function), place, via, sure, acc);
            }
            return;
        }
        let decoration = self.decoration(function);
        if let Some(to) = decoration.handed_to {
            acc.push(Target::Hand { callee: function, to, by: "its decorator".into() });
            return;
        }
        if decoration.is_manager || decoration.is_overload {
            return;
        }
        let mut runs_inner = true;
        for wrapper in &decoration.wrappers {
            runs_inner &= wrapper.inner.now;
            self.run(wrapper.function, via.clone(), sure, acc);
            for to in &wrapper.inner.elsewhere {
                acc.push(Target::Hand { callee: function, to: *to, by: self.short_name(wrapper.function).into() });
            }
            if self.function(wrapper.function).is_async {
                return;
            }
        }
        if !runs_inner {
            return;
        }
        let it = self.function(function);
        if it.is_abstract || decoration.is_abstract {
            self.override_targets(function, receiver, acc);
        } else {
            self.run(function, via, sure, acc);
        }
    }

    /// The body runs now, unless calling only makes a coroutine or generator.
    fn run(&self, callee: FunctionRef, via: Via, sure: Sure, acc: &mut Vec<Target>) {
        let it = self.function(callee);
        let starts = !it.is_async && (!it.is_generator || matches!(via, Via::Iterate | Via::Enter));
        if starts {
            acc.push(Target::Run { callee, via, sure });
        } else if it.is_async {
            acc.push(Target::Coroutine(callee));
        }
    }

    fn override_targets(&self, method: FunctionRef, receiver: Option<ClassRef>, acc: &mut Vec<Target>) {
        let Some(class) = receiver.or(self.class_of(method)) else { return };
        let base: Arc<str> = self.short_name(method).into();
        let found = self.overrides(method, class);
        if found.len() > MOST_OVERRIDES {
            acc.push(Target::Opaque(Because::Structural));
            return;
        }
        for callee in found.iter().copied() {
            self.run(callee, Via::Override(base.clone()), Sure::Override, acc);
        }
    }

    fn construct_targets(&self, class: ClassRef, place: Place<'_>, sure: Sure, acc: &mut Vec<Target>) {
        if !self.is_own(class.unit) {
            self.block(&self.class_name(class), place, Via::Construct, sure, acc);
            return;
        }
        let mut initialised = false;
        for ancestor in self.ancestors(class).iter() {
            match ancestor {
                Ancestor::Class(base) if self.is_own(base.unit) => {
                    let facts = &self.unit(base.unit).facts;
                    let scope = facts.class(base.class).scope;
                    for name in ["__new__", "__init__", "__post_init__"] {
                        if initialised && name != "__post_init__" {
                            continue;
                        }
                        for (_, value) in facts.bindings(scope, name) {
                            if let Value::Function(function) = facts.value(*value) {
                                let callee = FunctionRef { unit: base.unit, function };
                                self.run(callee, Via::Construct, sure, acc);
                            }
                        }
                    }
                    initialised |= !facts.bindings(scope, "__init__").is_empty();
                }
                Ancestor::Class(base) if !initialised => {
                    self.block(&self.class_name(*base), place, Via::Construct, sure, acc);
                    initialised = true;
                }
                Ancestor::Outside(base) if !initialised => {
                    self.block(base, place, Via::Construct, sure, acc);
                    initialised = true;
                }
                _ => {}
            }
        }
    }

    /// The methods of a class with this name that run when the language calls it.
    pub(crate) fn method_targets(
        &self,
        class: ClassRef,
        name: &str,
        place: Place<'_>,
        via: Via,
        sure: Sure,
        acc: &mut Vec<Target>,
    ) {
        let mut evaluation = crate::evaluate::Evaluation::new(self);
        let Ok(method) = evaluation.attribute(class.unit, &Val::Instance(class, None), name) else { return };
        for val in &method.known {
            match val {
                Val::Bound(function, receiver) => {
                    self.function_targets(*function, Some(*receiver), place, via.clone(), sure, acc);
                }
                Val::Outside(path, _) => self.block(path, place, via.clone(), sure, acc),
                _ => {}
            }
        }
    }

    /// A library call blocks if a model says so and its arguments do not say otherwise.
    pub(crate) fn block(&self, path: &Arc<str>, place: Place<'_>, via: Via, sure: Sure, acc: &mut Vec<Target>) {
        if place.act.awaited || self.is_exempt(path, place) {
            return;
        }
        for blocking in self.models.blocking(path) {
            let exempt = blocking.unless.iter().any(|it| self.holds(it, place));
            if !exempt && blocking.only_if.iter().all(|it| self.holds(it, place)) {
                acc.push(Target::Block { path: path.clone(), blocking: blocking.clone(), via, sure });
                return;
            }
        }
    }

    fn holds(&self, condition: &Condition, place: Place<'_>) -> bool {
        let unit = place.function.unit;
        let Some(value) = self.argument(unit, place.arguments, condition) else {
            return condition.is == Is::Absent;
        };
        let literal = |wanted: &[Literal]| {
            let vals = self.evaluate(ValueRef { unit, value });
            vals.unknown.is_none()
                && !vals.is_empty()
                && vals.known.iter().all(|val| matches!(val, Val::Literal(it) if wanted.contains(it)))
        };
        match condition.is {
            Is::True => literal(&[Literal::True]),
            Is::False => literal(&[Literal::False]),
            Is::Zero => literal(&[Literal::Zero]),
            Is::None => literal(&[Literal::None]),
            Is::Text => literal(&[Literal::Text, Literal::Bytes]),
            Is::Present => true,
            Is::Absent => false,
            Is::InMemory => self.evaluate(ValueRef { unit, value }).known.iter().any(|val| match val {
                Val::Instance(class, _) => self.ancestors(*class).iter().any(|ancestor| match ancestor {
                    Ancestor::Class(class) => is_in_memory(&self.class_name(*class)),
                    Ancestor::Outside(name) => is_in_memory(name),
                    Ancestor::Unknown => false,
                }),
                Val::OutsideInstance(class) => is_in_memory(class),
                _ => false,
            }),
        }
    }

    fn argument(&self, unit: UnitId, arguments: ArgumentRange, condition: &Condition) -> Option<ValueId> {
        let facts = &self.unit(unit).facts;
        let mut position = 0;
        for argument in facts.arguments(arguments) {
            match argument.keyword {
                Keyword::Positional => {
                    if condition.position == Some(position) {
                        return Some(argument.value);
                    }
                    position += 1;
                }
                Keyword::Named(name) => {
                    if condition.name.as_deref() == Some(facts.text(name)) {
                        return Some(argument.value);
                    }
                }
                Keyword::Star | Keyword::DoubleStar => {}
            }
        }
        None
    }
}

fn is_in_memory(class: &str) -> bool {
    matches!(class, "io.StringIO" | "io.BytesIO" | "_io.StringIO" | "_io.BytesIO")
}

pub(crate) fn sureness(vals: &Vals) -> Sure {
    match (vals.known.len(), vals.unknown) {
        (1, None) => Sure::Only,
        (_, Some(_)) => Sure::Perhaps,
        (several, None) => Sure::OneOf(u8::try_from(several).unwrap_or(u8::MAX)),
    }
}
