//! Calls that give something to await: a coroutine that has not run yet, a task that nobody may hold, a future.
//!
//! A decorator that is not understood may turn a coroutine function into anything, so what stands behind one is not
//! called awaitable here.

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, Display, FileFacts, FunctionId, Usage, Value, ValueId};

use crate::Program;
use crate::evaluate::Evaluation;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Val, Vals};

/// What a call gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A coroutine, which runs only when somebody awaits it.
    Coroutine,
    /// A task, which the event loop alone does not keep.
    Task,
    /// A future that gathers or shields others.
    Future,
    /// The future of a coroutine that another thread's loop runs.
    ThreadFuture,
}

/// A call that gives something to await.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What.
    pub kind: Kind,
    /// The function that gives it, if it is one of the project or of a stub.
    pub function: Option<FunctionRef>,
    /// Whether the callee may be something else.
    pub perhaps: bool,
}

/// Helpers that return what another call gives are followed this far.
const DEEPEST: u32 = 4;

impl Program {
    /// What the call gives, if all it can give has to be awaited.
    #[must_use]
    pub fn made(&self, unit: UnitId, call: ValueId) -> Option<Made> {
        self.made_at(unit, call, 0)
    }

    fn made_at(&self, unit: UnitId, call: ValueId, depth: u32) -> Option<Made> {
        let facts = &self.unit(unit).facts;
        let Value::Call(callee, arguments) = facts.value(call) else { return None };
        let callees = self.evaluate(ValueRef { unit, value: callee });
        if callees.known.iter().all(|val| matches!(val, Val::Parameter(..))) {
            return self.by_annotation(unit, callee).or_else(|| self.by_name(unit, callee, &callees));
        }
        let mut made: Option<Made> = None;
        for val in &callees.known {
            if let Val::Bound(method, receiver) = val
                && self.is_overridden_plainly(*method, *receiver)
            {
                return None;
            }
            let (kind, function) = self.kind_of_callee(val, depth)?;
            match &made {
                Some(known) if known.kind != kind => return None,
                Some(_) => {}
                None => made = Some(Made { kind, function, perhaps: callees.unknown.is_some() }),
            }
        }
        if callees.known.iter().any(|val| self.takes_futures(val)) {
            let given = facts.arguments(arguments).first()?.value;
            return self.ensured(unit, given, made?);
        }
        made
    }

    /// Whether the argument of a call is a call that stands there, and not a name for the result of one.
    pub(crate) fn is_written_inside(&self, function: FunctionRef, outer: &Act) -> bool {
        let facts = &self.unit(function.unit).facts;
        let ActKind::Call(call) = outer.kind else { return false };
        let Value::Call(_, arguments) = facts.value(call) else { return false };
        let Some(first) = facts.arguments(arguments).first() else { return false };
        matches!(facts.value(first.value), Value::Parameter(..))
            || facts.acts_of(function.function).iter().any(|act| {
                act.kind == ActKind::Call(first.value)
                    && outer.span.start <= act.span.start
                    && act.span.end <= outer.span.end
            })
    }

    fn takes_futures(&self, val: &Val) -> bool {
        let is_one = |path: &str| path.ends_with("ensure_future") || path.ends_with(".shield");
        match val {
            Val::Outside(path, _) => is_one(path),
            Val::Function(it) => !self.is_own(it.unit) && is_one(&self.function_name(*it)),
            _ => false,
        }
    }

    /// `ensure_future` and `shield` start a task for a coroutine. A future they are given goes on without them.
    fn ensured(&self, unit: UnitId, given: ValueId, made: Made) -> Option<Made> {
        let facts = &self.unit(unit).facts;
        match facts.value(given) {
            Value::Call(..) => match self.made(unit, given) {
                Some(inner) => (inner.kind == Kind::Coroutine).then_some(made),
                None => Some(Made { perhaps: true, ..made }),
            },
            Value::Parameter(..) => Some(Made { perhaps: true, ..made }),
            _ => None,
        }
    }

    /// Whether a class that inherits from the receiver's has a plain method in the place of the coroutine function.
    fn is_overridden_plainly(&self, method: FunctionRef, receiver: ClassRef) -> bool {
        let name = self.unit(method.unit).facts.text(self.function(method).name);
        let mut queue: Vec<ClassRef> = self.subclasses(receiver).to_vec();
        let mut at = 0;
        while at < queue.len() && at < 100 {
            let class = queue[at];
            at += 1;
            let facts = &self.unit(class.unit).facts;
            let plain = facts.bindings(facts.class(class.class).scope, name).iter().any(|(_, value)| {
                matches!(facts.value(*value), Value::Function(it) if {
                    let it = facts.function(it);
                    !it.is_async && it.decorators.is_empty() && it.returns.is_none()
                })
            });
            if plain && self.function(method).is_async {
                return true;
            }
            queue.extend(self.subclasses(class).iter().copied());
        }
        false
    }

    fn kind_of_callee(&self, val: &Val, depth: u32) -> Option<(Kind, Option<FunctionRef>)> {
        match val {
            Val::Function(function) | Val::Bound(function, _) => {
                Some((self.kind_of_function(*function, depth)?, Some(*function)))
            }
            Val::Outside(path, stub) => match library_kind(path) {
                Some(kind) => Some((kind, None)),
                None => Some((self.kind_of_function((*stub)?, depth)?, *stub)),
            },
            Val::Partial(inner, _) => self.kind_of_callee(inner, depth),
            Val::Instance(class, _) if self.is_own(class.unit) => {
                let call = Evaluation::new(self).attribute(class.unit, val, "__call__").ok()?;
                match &call.known[..] {
                    [Val::Bound(function, _)] if call.unknown.is_none() => {
                        Some((self.kind_of_function(*function, depth)?, Some(*function)))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What calling a function gives.
    #[must_use]
    pub fn kind_of_function(&self, function: FunctionRef, depth: u32) -> Option<Kind> {
        if depth > DEEPEST {
            return None;
        }
        if !self.is_own(function.unit)
            && let Some(kind) = library_kind(&self.function_name(function))
        {
            return Some(kind);
        }
        let it = self.function(function);
        let plain = if it.is_async {
            (!it.is_generator).then_some(Kind::Coroutine)
        } else if it.is_generator {
            None
        } else {
            self.kind_returned(function, depth)
        };
        self.decorated(function, plain, depth)
    }

    /// What a plain function returns, by its body where there is one.
    fn kind_returned(&self, function: FunctionRef, depth: u32) -> Option<Kind> {
        let facts = &self.unit(function.unit).facts;
        let it = facts.function(function.function);
        if !self.is_own(function.unit) {
            let annotation = it.returns?;
            return self.annotated_kind(function.unit, annotation).filter(|kind| *kind == Kind::Coroutine);
        }
        if it.returned.is_empty() || (!it.is_lambda && ends_by_itself(facts, function.function)) {
            return None;
        }
        let mut all: Option<Kind> = None;
        for value in &it.returned {
            let kind = self.kind_of_value(function, *value, depth + 1)?;
            if all.is_some_and(|known| known != kind) {
                return None;
            }
            all = Some(kind);
        }
        if all != Some(Kind::Coroutine) && self.keeps(function) {
            return None;
        }
        all
    }

    fn kind_of_value(&self, function: FunctionRef, value: ValueId, depth: u32) -> Option<Kind> {
        let facts = &self.unit(function.unit).facts;
        match facts.value(value) {
            Value::Call(..) => self.made_at(function.unit, value, depth).filter(|it| !it.perhaps).map(|it| it.kind),
            Value::Declared(_, inner) | Value::Narrowed(inner, _) => self.kind_of_value(function, inner, depth),
            Value::Union(list) => {
                let mut all = None;
                for value in facts.list(list) {
                    let kind = self.kind_of_value(function, *value, depth)?;
                    if all.is_some_and(|known| known != kind) {
                        return None;
                    }
                    all = Some(kind);
                }
                all
            }
            _ => None,
        }
    }

    /// Whether a function does anything with what it makes but return it: stores it, hands it on, waits for it.
    fn keeps(&self, function: FunctionRef) -> bool {
        let facts = &self.unit(function.unit).facts;
        let scope = facts.function(function.function).scope;
        let is_own = |place: ValueId| matches!(facts.value(place), Value::Name(of, _) if of == scope);
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Write(place, value) => {
                !is_own(place) && self.kind_of_value(function, value, DEEPEST - 1).is_some()
            }
            ActKind::Read(place) if is_own(place) => {
                let Value::Name(_, name) = facts.value(place) else { return false };
                let holds = |value| self.kind_of_value(function, value, DEEPEST - 1).is_some();
                let taken = matches!(act.usage, Usage::Argument | Usage::Element | Usage::Bound | Usage::Yielded);
                taken
                    && facts.bindings(scope, facts.text(name)).iter().any(|(_, it)| holds(*it))
                    && !(act.usage == Usage::Argument && self.is_only_looked_at(function, act, &holds))
            }
            ActKind::Call(call) => {
                act.usage == Usage::Argument
                    && self.made_at(function.unit, call, DEEPEST - 1).is_some_and(|it| it.kind == Kind::Task)
            }
            _ => false,
        })
    }

    /// Whether what is read is handed to a function of the project that keeps nothing: it sets attributes, or asks them.
    fn is_only_looked_at(&self, function: FunctionRef, read: &Act, holds: &dyn Fn(ValueId) -> bool) -> bool {
        let facts = &self.unit(function.unit).facts;
        let outer = facts.acts_of(function.function).iter().find_map(|it| match it.kind {
            ActKind::Call(call) if it.span.start <= read.span.start && read.span.end <= it.span.end => Some(call),
            _ => None,
        });
        let Some(Value::Call(callee, arguments)) = outer.map(|it| facts.value(it)) else { return false };
        let callees = self.evaluate(ValueRef { unit: function.unit, value: callee });
        let (helper, bound) = match &callees.known[..] {
            [Val::Function(helper)] => (*helper, false),
            [Val::Bound(helper, _)] => (*helper, true),
            _ => return false,
        };
        if !self.is_own(helper.unit) {
            return false;
        }
        let given = self.parameters_of(helper, bound, facts, facts.arguments(arguments));
        let mut places = given.iter().filter(|(_, value)| holds(*value)).peekable();
        places.peek().is_some() && places.all(|(place, _)| self.keeps_nothing(helper, *place))
    }

    /// Whether a function does no more with a parameter than use its attributes.
    fn keeps_nothing(&self, helper: FunctionRef, place: u16) -> bool {
        let facts = &self.unit(helper.unit).facts;
        let it = self.function(helper);
        let is_it = |value: ValueId| matches!(facts.value(value), Value::Parameter(of, at) if of == helper.function && at == place);
        let nested = self.functions_of(helper.unit).any(|it| self.enclosing_function(it) == Some(helper));
        let kept = facts.acts_of(helper.function).iter().any(|act| match act.kind {
            ActKind::Write(_, value) | ActKind::Update(_, value) => match facts.value(value) {
                Value::Display(_, list) | Value::Union(list) => facts.list(list).iter().any(|it| is_it(*it)),
                _ => is_it(value),
            },
            ActKind::Await(value) => is_it(value),
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(_, arguments) => facts.arguments(arguments).iter().any(|it| is_it(it.value)),
                _ => false,
            },
            _ => false,
        });
        !nested && !kept && !it.is_generator && !it.returned.iter().any(|value| is_it(*value))
    }

    /// What the decorators of a function leave of what it gives.
    fn decorated(&self, function: FunctionRef, plain: Option<Kind>, depth: u32) -> Option<Kind> {
        let mut kind = plain;
        let facts = &self.unit(function.unit).facts;
        for decorator in facts.function(function.function).decorators.iter().rev() {
            let (expression, is_factory) = match facts.value(*decorator) {
                Value::Call(callee, _) => (callee, true),
                _ => (*decorator, false),
            };
            let vals = self.evaluate(ValueRef { unit: function.unit, value: expression });
            let [val] = &vals.known[..] else { return None };
            kind = match val {
                Val::Function(decorator) | Val::Bound(decorator, _) if self.is_own(decorator.unit) => {
                    self.own_decorated(*decorator, is_factory, kind, depth)?
                }
                Val::Function(other) | Val::Bound(other, _) => self.kept_by(&self.function_name(*other), kind)?,
                Val::Class(class) if !self.is_own(class.unit) => self.kept_by(&self.class_name(*class), kind)?,
                Val::Outside(path, _) => self.kept_by(path, kind)?,
                _ => return None,
            };
        }
        kind
    }

    /// What a library's decorator leaves of what a function gives; nothing where that is not known.
    fn kept_by(&self, path: &str, kind: Option<Kind>) -> Option<Option<Kind>> {
        let known = self.models.transparent(path)
            || self.models.entry_decorator(path).is_some_and(|it| keeps_functions(&it.framework))
            || matches!(
                path,
                "builtins.staticmethod"
                    | "builtins.classmethod"
                    | "abc.abstractmethod"
                    | "typing.overload"
                    | "typing.override"
                    | "typing_extensions.override"
                    | "typing.final"
                    | "typing_extensions.final"
                    | "typing_extensions.deprecated"
                    | "warnings.deprecated"
                    | "typing.no_type_check"
                    | "functools.lru_cache"
                    | "functools.cache"
                    | "functools.wraps"
            );
        known.then_some(kind)
    }

    /// What a decorator of the project leaves, read from the functions it returns.
    fn own_decorated(
        &self,
        decorator: FunctionRef,
        is_factory: bool,
        kind: Option<Kind>,
        depth: u32,
    ) -> Option<Option<Kind>> {
        let mut maker = decorator;
        let mut returned = Evaluation::new(self).returned(decorator).unwrap_or_default();
        if is_factory
            && let Some(inner) = returned.known.iter().find_map(|val| match val {
                Val::Function(inner) if self.enclosing_function(*inner) == Some(decorator) => Some(*inner),
                _ => None,
            })
            && self.makes_wrappers(inner)
        {
            maker = inner;
            returned = Evaluation::new(self).returned(inner).unwrap_or_default();
        }
        let wrappers = self.wrappers_of(maker);
        let is_coroutine = |it: &FunctionRef| self.function(*it).is_async && !self.function(*it).is_generator;
        if !wrappers.is_empty() && wrappers.iter().all(is_coroutine) {
            return Some(Some(Kind::Coroutine));
        }
        // One wrapper for coroutine functions and one for the others.
        if wrappers.iter().any(is_coroutine) {
            return Some(kind);
        }
        match &wrappers[..] {
            [] => self.returns_parameter(maker, &returned).then_some(kind),
            [wrapper] => {
                if self.passes_result_on(*wrapper, maker) {
                    return Some(kind);
                }
                Some(self.kind_of_function(*wrapper, depth + 1))
            }
            _ => None,
        }
    }

    fn makes_wrappers(&self, maker: FunctionRef) -> bool {
        !self.wrappers_of(maker).is_empty() || !self.function(maker).parameters.is_empty()
    }

    /// The functions defined in a decorator that it returns.
    fn wrappers_of(&self, maker: FunctionRef) -> Vec<FunctionRef> {
        let facts = &self.unit(maker.unit).facts;
        let mut found = Vec::new();
        for value in &facts.function(maker.function).returned {
            self.wrappers_in(maker, *value, 0, &mut found);
        }
        found
    }

    fn wrappers_in(&self, maker: FunctionRef, value: ValueId, depth: u32, acc: &mut Vec<FunctionRef>) {
        let facts = &self.unit(maker.unit).facts;
        if depth > 4 {
            return;
        }
        match facts.value(value) {
            Value::Function(function) => {
                let function = FunctionRef { unit: maker.unit, function };
                if self.enclosing_function(function) == Some(maker) && !acc.contains(&function) {
                    acc.push(function);
                }
            }
            Value::Declared(_, inner) => self.wrappers_in(maker, inner, depth + 1, acc),
            Value::Union(list) => {
                facts.list(list).iter().for_each(|it| self.wrappers_in(maker, *it, depth + 1, acc));
            }
            // `update_wrapper(wrapper, function)`, `wraps(function)(wrapper)`.
            Value::Call(_, arguments) => {
                facts.arguments(arguments).iter().for_each(|it| self.wrappers_in(maker, it.value, depth + 1, acc));
            }
            _ => {}
        }
    }

    fn returns_parameter(&self, maker: FunctionRef, returned: &Vals) -> bool {
        let facts = &self.unit(maker.unit).facts;
        let values = &facts.function(maker.function).returned;
        let _ = returned;
        !values.is_empty()
            && values.iter().all(|it| matches!(facts.value(*it), Value::Parameter(of, _) if of == maker.function))
    }

    /// `return function(*args, **kwargs)` for the parameter of the decorator, on every way.
    fn passes_result_on(&self, wrapper: FunctionRef, maker: FunctionRef) -> bool {
        let facts = &self.unit(wrapper.unit).facts;
        let returned = &facts.function(wrapper.function).returned;
        !returned.is_empty()
            && returned.iter().all(|value| {
                let Value::Call(callee, _) = facts.value(*value) else { return false };
                self.is_parameter_of(maker.function, wrapper.unit, callee)
            })
    }

    fn is_parameter_of(&self, maker: FunctionId, unit: UnitId, value: ValueId) -> bool {
        let facts = &self.unit(unit).facts;
        match facts.value(value) {
            Value::Parameter(of, _) => of == maker,
            Value::Name(_, name) => facts.function(maker).parameters.iter().any(|it| it.name == name),
            _ => false,
        }
    }

    /// A parameter that says it is a `Callable[…, Awaitable[…]]`.
    fn by_annotation(&self, unit: UnitId, callee: ValueId) -> Option<Made> {
        let facts = &self.unit(unit).facts;
        let Value::Parameter(function, place) = facts.value(callee) else { return None };
        let annotation = facts.function(function).parameters.get(place as usize)?.annotation?;
        let Value::Subscript(base, index) = facts.value(annotation) else { return None };
        if self.unit(unit).facts.last_name(base) != Some("Callable") {
            return None;
        }
        let Value::Display(Display::Tuple, parts) = facts.value(index) else { return None };
        let result = facts.list(parts).last()?;
        let kind = self.annotated_kind(unit, *result)?;
        Some(Made { kind, function: None, perhaps: false })
    }

    /// The kind that an annotation names: `Awaitable[…]`, `Coroutine[…]`.
    fn annotated_kind(&self, unit: UnitId, annotation: ValueId) -> Option<Kind> {
        let facts = &self.unit(unit).facts;
        let base = match facts.value(annotation) {
            Value::Subscript(base, _) => base,
            _ => annotation,
        };
        match self.unit(unit).facts.last_name(base)? {
            "Awaitable" | "Coroutine" | "CoroutineType" => Some(Kind::Coroutine),
            _ => None,
        }
    }

    /// `loop.create_task(…)` where nothing says what `loop` is.
    fn by_name(&self, unit: UnitId, callee: ValueId, callees: &Vals) -> Option<Made> {
        let facts = &self.unit(unit).facts;
        let Value::Attribute(base, name) = facts.value(callee) else { return None };
        if facts.text(name) != "create_task" || !callees.is_empty() {
            return None;
        }
        let base = match facts.value(base) {
            Value::Parameter(function, place) => {
                facts.text(facts.function(function).parameters.get(place as usize)?.name)
            }
            _ => self.unit(unit).facts.last_name(base)?,
        };
        let is_loop = matches!(base.trim_start_matches('_'), "loop" | "event_loop" | "io_loop" | "asyncio_loop");
        is_loop.then_some(Made { kind: Kind::Task, function: None, perhaps: true })
    }
}

/// Whether control may reach the end of a body, where `None` is returned.
fn ends_by_itself(facts: &FileFacts, function: FunctionId) -> bool {
    interpret(facts, function, &mut Reaches, ()).fall.is_some()
}

/// Asks only which ways there are.
struct Reaches;

impl Domain for Reaches {
    type State = ();

    fn act(&mut self, _state: &mut (), _at: u32, _act: &Act) {}

    fn join(&mut self, _state: &mut (), _other: &()) {}

    fn raises(&mut self, _state: &(), _at: u32, act: &Act) -> bool {
        matches!(act.kind, ActKind::Call(_) | ActKind::Await(_))
    }

    fn catches(&mut self, _state: &(), _handler: &Handler) -> Catch {
        Catch::Some
    }
}

/// Frameworks whose decorators give the function back.
fn keeps_functions(framework: &str) -> bool {
    matches!(framework, "FastAPI" | "Starlette" | "aiohttp" | "Sanic" | "Quart" | "Litestar" | "aiogram")
}

/// What calls of libraries give where their stubs say too little.
fn library_kind(path: &str) -> Option<Kind> {
    match path {
        "asyncio.create_task"
        | "asyncio.tasks.create_task"
        | "asyncio.ensure_future"
        | "asyncio.tasks.ensure_future"
        | "asyncio.AbstractEventLoop.create_task"
        | "asyncio.BaseEventLoop.create_task"
        | "asyncio.base_events.BaseEventLoop.create_task"
        | "asyncio.SelectorEventLoop.create_task"
        | "asyncio.ProactorEventLoop.create_task" => Some(Kind::Task),
        "asyncio.gather" | "asyncio.tasks.gather" | "asyncio.shield" | "asyncio.tasks.shield" => Some(Kind::Future),
        "asyncio.run_coroutine_threadsafe" | "asyncio.tasks.run_coroutine_threadsafe" => Some(Kind::ThreadFuture),
        _ => None,
    }
}
