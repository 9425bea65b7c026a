//! What decorators make of a function: a property, a context manager, an entry point, something that runs elsewhere.
//!
//! A decorator of the project is read from its body: the function it returns is the wrapper, and what the wrapper does
//! with the decorated function (calls it, hands it to a thread, keeps it) is what counts.

use std::cell::RefCell;
use std::sync::Arc;

use raddle_facts::Value;
use raddle_facts::models::{Often, Runner};
use rustc_hash::FxHashSet;

use crate::Program;
use crate::evaluate::Evaluation;
use crate::handing::Uses;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::{Val, Vals};

/// A function that stands in front of the decorated one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapper {
    /// The wrapper.
    pub function: FunctionRef,
    /// What it does with the decorated function.
    pub inner: Uses,
}

/// An entry point that a decorator makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryMark {
    /// The framework.
    pub framework: Arc<str>,
    /// Who runs a plain `def`.
    pub plain: Runner,
    /// How often it is entered.
    pub often: Often,
}

/// Everything the decorators of a function say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoration {
    /// Reading the attribute calls the function.
    pub is_property: bool,
    /// `@x.setter`, `@x.deleter`.
    pub is_setter: bool,
    /// `@staticmethod`.
    pub is_static: bool,
    /// `@classmethod`.
    pub is_class: bool,
    /// `@contextmanager`, `@asynccontextmanager`.
    pub is_manager: bool,
    /// The result is kept for the whole program, so that the body runs once.
    pub is_once: bool,
    /// Only a signature.
    pub is_overload: bool,
    /// `@abstractmethod`.
    pub is_abstract: bool,
    /// Calling it has somebody else run the body.
    pub handed_to: Option<Runner>,
    /// A framework calls it.
    pub entry: Option<EntryMark>,
    /// Functions that stand in front of it, outermost first.
    pub wrappers: Vec<Wrapper>,
}

thread_local! {
    /// Functions whose decorators are being read on this thread: a decorator may be found through itself.
    static OPEN: RefCell<FxHashSet<FunctionRef>> = RefCell::default();
}

impl Program {
    /// What the decorators of a function say.
    #[must_use]
    pub fn decoration(&self, function: FunctionRef) -> Arc<Decoration> {
        if self.function(function).decorators.is_empty() {
            return Arc::new(Decoration::default());
        }
        if let Some(known) = self.memo.decorations.get(&function) {
            return known.clone();
        }
        if !OPEN.with_borrow_mut(|open| open.insert(function)) {
            return Arc::new(Decoration::default());
        }
        let decoration = Arc::new(self.read_decorators(function));
        OPEN.with_borrow_mut(|open| open.remove(&function));
        self.memo.decorations.insert(function, decoration.clone());
        decoration
    }

    fn read_decorators(&self, function: FunctionRef) -> Decoration {
        let mut decoration = Decoration::default();
        let facts = &self.unit(function.unit).facts;
        let takes_nothing = facts.function(function.function).parameters.is_empty();
        for decorator in &facts.function(function.function).decorators {
            let (expression, is_factory) = match facts.value(*decorator) {
                Value::Call(callee, _) => (callee, true),
                _ => (*decorator, false),
            };
            if let Value::Attribute(_, name) = facts.value(expression)
                && matches!(facts.text(name), "setter" | "deleter")
            {
                decoration.is_setter = true;
                continue;
            }
            let vals = self.evaluate(ValueRef { unit: function.unit, value: expression });
            for val in &vals.known {
                match val {
                    Val::Function(decorator) if self.is_own(decorator.unit) => {
                        self.read_own_decorator(*decorator, is_factory, &mut decoration);
                    }
                    Val::Bound(decorator, _) if self.is_own(decorator.unit) => {
                        self.read_own_decorator(*decorator, is_factory, &mut decoration);
                    }
                    Val::Function(other) | Val::Bound(other, _) => {
                        self.read_named_decorator(&self.function_name(*other), &mut decoration);
                    }
                    Val::Class(class) => self.read_named_decorator(&self.class_name(*class), &mut decoration),
                    Val::Outside(path, _) => self.read_named_decorator(path, &mut decoration),
                    Val::OutsideInstance(class) => {
                        self.read_named_decorator(&format!("{class}.__call__"), &mut decoration);
                    }
                    _ => {}
                }
            }
            if vals.is_empty() && facts.last_name(expression).is_some_and(|name| name.contains("property")) {
                decoration.is_property = true;
            }
        }
        decoration.is_once &= takes_nothing;
        decoration
    }

    fn read_named_decorator(&self, path: &str, decoration: &mut Decoration) {
        match path {
            "builtins.property" | "abc.abstractproperty" => decoration.is_property = true,
            "functools.cached_property" => decoration.is_property = true,
            "builtins.staticmethod" => decoration.is_static = true,
            "builtins.classmethod" => decoration.is_class = true,
            "contextlib.contextmanager" | "contextlib.asynccontextmanager" => decoration.is_manager = true,
            "functools.lru_cache" | "functools.cache" => decoration.is_once = true,
            "typing.overload" => decoration.is_overload = true,
            "abc.abstractmethod" => decoration.is_abstract = true,
            _ => {
                let last = path.rsplit('.').next().unwrap_or(path);
                decoration.is_property |= last.contains("property") || last == "reify";
            }
        }
        if let Some(handing) = self.models.hands_over(path).iter().find(|it| it.position == Some(0)) {
            match handing.to {
                Runner::Caller | Runner::EventLoop => {}
                to => decoration.handed_to = Some(to),
            }
        }
        if let Some(entry) = self.models.entry_decorator(path) {
            decoration.entry =
                Some(EntryMark { framework: entry.framework.as_str().into(), plain: entry.plain, often: entry.often });
        }
    }

    /// `@decorator`, or `@factory(…)` whose result is the decorator.
    fn read_own_decorator(&self, decorator: FunctionRef, is_factory: bool, decoration: &mut Decoration) {
        let returned = Evaluation::new(self).returned(decorator).unwrap_or_default();
        if is_factory {
            let before = decoration.wrappers.len();
            for val in &returned.known {
                if let Val::Function(inner) = val
                    && self.enclosing_function(*inner) == Some(decorator)
                {
                    let returned = Evaluation::new(self).returned(*inner).unwrap_or_default();
                    self.read_wrappers(*inner, &returned, decoration);
                }
            }
            if decoration.wrappers.len() > before {
                return;
            }
            // `def decorator(function=None, *, option=…)`: with options it returns itself, with a function the wrapper.
        }
        self.read_wrappers(decorator, &returned, decoration);
    }

    fn read_wrappers(&self, decorator: FunctionRef, returned: &Vals, decoration: &mut Decoration) {
        // A decorator that stands in a class body for the methods below it has no `self`.
        let is_method = self.class_of(decorator).is_some() && self.function(decorator).parameters.len() > 1;
        let place = u16::from(is_method && !self.decoration(decorator).is_static);
        for val in &returned.known {
            let Val::Function(wrapper) = val else { continue };
            if self.enclosing_function(*wrapper) != Some(decorator) {
                continue;
            }
            let inner = self.uses_within(*wrapper, decorator, place);
            decoration.wrappers.push(Wrapper { function: *wrapper, inner });
        }
    }
}

/// Names of everything that is decorated with something called a property.
pub(crate) fn property_names(program: &Program) -> FxHashSet<Box<str>> {
    let mut names = FxHashSet::default();
    for at in 0..program.own {
        let facts = &program.unit(UnitId(at as u32)).facts;
        for function in &facts.functions {
            let is_property = function.decorators.iter().any(|decorator| {
                let expression = match facts.value(*decorator) {
                    Value::Call(callee, _) => callee,
                    _ => *decorator,
                };
                facts.last_name(expression).is_some_and(|name| name.contains("property") || name == "reify")
            });
            if function.class.is_some() && is_property {
                names.insert(facts.text(function.name).into());
            }
        }
    }
    names
}
