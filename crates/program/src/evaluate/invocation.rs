//! What calling a value gives.

use std::sync::Arc;

use raddle_facts::{ArgumentRange, Display, Keyword, ValueId};

use super::{Answered, Evaluation};
use crate::memo::Key;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Because, Literal, Val, Vals};

/// The call a result is asked for, to look at its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) unit: UnitId,
    pub(crate) arguments: ArgumentRange,
}

impl Evaluation<'_> {
    pub(crate) fn call(&mut self, unit: UnitId, callee: ValueId, arguments: ArgumentRange) -> Answered {
        let callees = self.value(ValueRef { unit, value: callee })?;
        let mut all = Vals { known: Default::default(), unknown: callees.unknown };
        for callee in &callees.known {
            all.extend(&self.result(callee, Some(Site { unit, arguments }))?);
        }
        Ok(all)
    }

    /// What calling one value gives.
    pub(crate) fn result(&mut self, callee: &Val, site: Option<Site>) -> Answered {
        match callee {
            Val::Class(class) => self.constructed(*class, site),
            Val::Function(function) => {
                if let Some(known) = self.known_call(&self.program.function_name(*function), site)? {
                    return Ok(known);
                }
                self.function_result(*function, None)
            }
            Val::Bound(function, receiver) => {
                if let Some(known) = self.known_call(&self.program.function_name(*function), site)? {
                    return Ok(known);
                }
                self.function_result(*function, Some(*receiver))
            }
            Val::Outside(path, stub) => {
                if let Some(known) = self.known_call(path, site)? {
                    return Ok(known);
                }
                match self.program.models.returns(path).cloned() {
                    Some(class) => Ok(self.instance_of(&class).into()),
                    None => match stub {
                        Some(stub) => {
                            let receiver = self.program.class_of(*stub);
                            self.function_result(*stub, receiver)
                        }
                        None => Ok(Val::OutsideInstance(path.clone()).into()),
                    },
                }
            }
            Val::OutsideInstance(class) => {
                let call = format!("{class}.__call__");
                match self.program.models.returns(&call).cloned() {
                    Some(target) => Ok(self.instance_of(&target).into()),
                    None => Ok(Vals::unknown(Because::Library)),
                }
            }
            Val::Instance(class, _) => {
                let method = self.attribute(class.unit, callee, "__call__")?;
                let mut all = Vals { known: Default::default(), unknown: method.unknown };
                for val in &method.known {
                    if !matches!(val, Val::Instance(..)) {
                        all.extend(&self.result(val, site)?);
                    }
                }
                Ok(all)
            }
            Val::Partial(callee, _) => self.result(callee, None),
            Val::Gives(_, gives) => Ok((**gives).clone()),
            Val::Parameter(..) => Ok(Vals::unknown(Because::Parameter)),
            _ => Ok(Vals::unknown(Because::Expression)),
        }
    }

    fn constructed(&mut self, class: ClassRef, site: Option<Site>) -> Answered {
        if let Some(known) = self.known_call(&self.program.class_name(class), site)? {
            return Ok(known);
        }
        Ok(Val::Instance(class, None).into())
    }

    fn function_result(&mut self, function: FunctionRef, receiver: Option<ClassRef>) -> Answered {
        let decoration = self.program.decoration(function);
        let it = self.program.function(function);
        if decoration.is_manager {
            return Ok(Val::Manager(function).into());
        }
        if let Some(wrapper) = decoration.wrappers.first() {
            let wrapper = wrapper.function;
            if wrapper != function && self.program.function(wrapper).is_async {
                // A wrapper mostly passes on what it wraps.
                return Ok(Val::Awaitable(Arc::new(self.returned(function)?)).into());
            }
        }
        if it.is_generator {
            return Ok(Val::Generator(function).into());
        }
        if it.is_async {
            return Ok(Val::Coroutine(function).into());
        }
        let returned = self.returned(function)?;
        Ok(match receiver {
            Some(receiver) => self.with_self(&returned, receiver),
            None => returned,
        })
    }

    /// What the body of a function returns: its annotation, or what its `return` statements say.
    pub(crate) fn returned(&mut self, function: FunctionRef) -> Answered {
        let vals = self.ask(Key::Return(function), |this| {
            let facts = &this.program.unit(function.unit).facts;
            let it = facts.function(function.function);
            if let Some(annotation) = it.returns {
                let annotated = this.annotation(ValueRef { unit: function.unit, value: annotation })?;
                if !annotated.is_empty() || it.returned.is_empty() {
                    return Ok(annotated);
                }
            }
            let mut all = Vals::nothing();
            for value in it.returned.iter().take(16) {
                all.extend(&this.value(ValueRef { unit: function.unit, value: *value })?);
            }
            if all.known.len() > 1 {
                all.known.retain(|val| *val != Val::Literal(Literal::None));
            }
            Ok(all)
        })?;
        Ok((*vals).clone())
    }

    /// What a generator yields.
    pub(crate) fn yielded(&mut self, function: FunctionRef) -> Answered {
        let vals = self.ask(Key::Yields(function), |this| {
            let facts = &this.program.unit(function.unit).facts;
            let it = facts.function(function.function);
            if let Some(annotation) = it.returns {
                let annotated = this.annotation(ValueRef { unit: function.unit, value: annotation })?;
                if let [Val::Instance(_, Some(arguments))] = &annotated.known[..]
                    && let Some(first) = arguments.first()
                    && !first.is_empty()
                {
                    return Ok(first.clone());
                }
            }
            let mut all = Vals::nothing();
            for value in it.yielded.iter().take(16) {
                all.extend(&this.value(ValueRef { unit: function.unit, value: *value })?);
            }
            Ok(all)
        })?;
        Ok((*vals).clone())
    }

    /// An argument of a call, by position or name.
    pub(crate) fn argument(&mut self, site: Option<Site>, position: usize, name: Option<&str>) -> Answered {
        let Some(site) = site else { return Ok(Vals::unknown(Because::Expression)) };
        let facts = &self.program.unit(site.unit).facts;
        let mut at = 0;
        for argument in facts.arguments(site.arguments) {
            match argument.keyword {
                Keyword::Positional => {
                    if at == position {
                        return self.value(ValueRef { unit: site.unit, value: argument.value });
                    }
                    at += 1;
                }
                Keyword::Named(sym) if Some(facts.text(sym)) == name => {
                    return self.value(ValueRef { unit: site.unit, value: argument.value });
                }
                Keyword::Star => return Ok(Vals::unknown(Because::Expression)),
                Keyword::Named(_) | Keyword::DoubleStar => {}
            }
        }
        Ok(Vals::unknown(Because::Expression))
    }

    /// Calls whose result depends on their arguments in a way that annotations do not say well.
    fn known_call(&mut self, path: &str, site: Option<Site>) -> Result<Option<Vals>, super::Exhausted> {
        let first = |this: &mut Self| this.argument(site, 0, None);
        let given = match path {
            "functools.partial" | "functools.partialmethod" => {
                let callee = first(self)?;
                let given = site.map_or(0, |site| site.arguments.len.saturating_sub(1).min(200)) as u8;
                let mut all = Vals { known: Default::default(), unknown: callee.unknown };
                for val in callee.known {
                    all.push(Val::Partial(Arc::new(val), given));
                }
                all
            }
            "contextlib.closing" | "contextlib.aclosing" | "contextlib.nullcontext" => {
                Val::ManagerOf(Arc::new(first(self)?)).into()
            }
            "contextlib.ExitStack.enter_context" => {
                let manager = first(self)?;
                self.entered(&manager)?
            }
            "contextlib.AsyncExitStack.enter_async_context" => {
                let manager = first(self)?;
                let entered = self.async_entered(&manager)?;
                Val::Awaitable(Arc::new(entered)).into()
            }
            "asyncio.to_thread" | "anyio.to_thread.run_sync" | "trio.to_thread.run_sync" => {
                let callee = first(self)?;
                self.result_of_all(&callee)?
            }
            "asyncio.AbstractEventLoop.run_in_executor" | "asyncio.BaseEventLoop.run_in_executor" => {
                let callee = self.argument(site, 1, Some("func"))?;
                self.result_of_all(&callee)?
            }
            "asyncio.wait_for"
            | "asyncio.shield"
            | "asyncio.create_task"
            | "asyncio.ensure_future"
            | "asyncio.TaskGroup.create_task"
            | "asyncio.AbstractEventLoop.create_task" => {
                let inner = first(self)?;
                Val::Awaitable(Arc::new(self.awaited(&inner)?)).into()
            }
            "asyncio.run" | "asyncio.AbstractEventLoop.run_until_complete" => {
                let inner = first(self)?;
                self.awaited(&inner)?
            }
            "builtins.next" => {
                let iterator = first(self)?;
                self.elements(&iterator)?
            }
            "builtins.list" | "builtins.sorted" | "builtins.reversed" | "builtins.iter" | "builtins.frozenset"
            | "builtins.set" | "builtins.tuple" | "builtins.filter"
                if site.is_some_and(|site| site.arguments.len > 0) =>
            {
                let at = usize::from(path == "builtins.filter");
                let iterable = self.argument(site, at, None)?;
                self.collected(Display::List, &iterable)?
            }
            "builtins.enumerate" => {
                let iterable = first(self)?;
                let element = self.elements(&iterable)?;
                let entry = Val::Tuple([Val::Literal(Literal::Number).into(), element].into());
                Val::Container(Display::List, Arc::new(entry.into())).into()
            }
            "builtins.zip" => {
                let mut entries = Vec::new();
                for at in 0..site.map_or(0, |site| site.arguments.len.min(6)) {
                    let iterable = self.argument(site, at as usize, None)?;
                    entries.push(self.elements(&iterable)?);
                }
                Val::Container(Display::List, Arc::new(Val::Tuple(entries.into()).into())).into()
            }
            "copy.copy" | "copy.deepcopy" | "weakref.proxy" | "builtins.min" | "builtins.max" => first(self)?,
            _ => return Ok(None),
        };
        Ok(Some(given))
    }

    fn result_of_all(&mut self, callees: &Vals) -> Answered {
        let mut all = Vals { known: Default::default(), unknown: callees.unknown };
        for callee in &callees.known {
            all.extend(&self.result(callee, None)?);
        }
        Ok(Val::Awaitable(Arc::new(all)).into())
    }
}
