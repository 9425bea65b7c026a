//! Why a value cannot be pickled: what it is, and what it holds.
//!
//! Functions and classes are pickled by name, so one that no module has under its name fails (`pickle.whichmodule`,
//! `save_global`). An instance is pickled with its attributes, unless its class says otherwise.

use std::sync::Arc;

use raddle_facts::models::Packing;
use raddle_facts::{ActKind, ArgumentRange, Display, FileFacts, ScopeKind, Value, ValueId};
use raddle_vocabulary::{Confidence, Span};

use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Val, Vals};

/// What keeps a value from being pickled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A lambda: its name is `<lambda>`.
    Lambda,
    /// A function defined in a function.
    Nested(FunctionRef),
    /// A class defined in a function.
    NestedClass(ClassRef),
    /// A decorator put something else under the function's name.
    Replaced(FunctionRef, FunctionRef),
    /// A bound method whose name is mangled.
    Private(FunctionRef),
    /// Something that never pickles, by its shared word.
    Kind(Arc<str>),
    /// Something that a process only inherits when it starts.
    Inherited,
}

/// A step from the value that is sent to what is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// An attribute of an instance.
    Attribute(ClassRef, Arc<str>),
    /// An entry of a container.
    Entry,
    /// An argument of a partial.
    Argument,
    /// The instance of a bound method.
    Receiver(FunctionRef),
}

/// Why a value cannot be pickled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// What is in the way.
    pub what: What,
    /// Where it is defined, when it stands in the project.
    pub site: Option<(UnitId, Span)>,
    /// How the value comes to hold it, outermost first.
    pub within: Vec<Within>,
    /// How well it is known.
    pub confidence: Confidence,
}

/// What a question about a value may not forget.
#[derive(Clone)]
struct Asking {
    packing: Packing,
    depth: u32,
    open: Vec<ClassRef>,
}

/// Parameters by their places, with the attributes that keep them.
type Stored = Vec<(u16, Arc<str>)>;

const DEEPEST: u32 = 6;

/// Methods with which a class says how it is pickled.
const CUSTOM: &[&str] = &["__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"];

impl Program {
    /// Why a value cannot be sent in this way; nothing if it can, or if nobody knows.
    #[must_use]
    pub fn hindrance(&self, at: ValueRef, packing: Packing) -> Option<Hindrance> {
        self.of_value(at, &Asking { packing, depth: 0, open: Vec::new() })
    }

    /// Why an instance of a class cannot be pickled.
    #[must_use]
    pub fn instance_hindrance(&self, class: ClassRef) -> Option<Hindrance> {
        self.of_instance(class, &Asking { packing: Packing::Pickle, depth: 0, open: Vec::new() })
    }

    /// Why an item of an iterable cannot be sent.
    #[must_use]
    pub fn item_hindrance(&self, at: ValueRef, packing: Packing) -> Option<Hindrance> {
        let asking = Asking { packing, depth: 0, open: Vec::new() };
        let made = self.origin(at);
        let facts = &self.unit(made.unit).facts;
        if let Value::Display(_, list) = facts.value(made.value) {
            return self.of_entries(made.unit, facts.list(list), &asking);
        }
        let iterable = self.evaluate(at);
        let items = crate::evaluate::Evaluation::new(self).elements(&iterable).ok()?;
        self.of_vals(&items, &asking).map(|it| wrapped(it, Within::Entry))
    }

    /// Why an entry of the tuples of an iterable cannot be sent.
    #[must_use]
    pub fn tuple_hindrance(&self, at: ValueRef, packing: Packing) -> Option<Hindrance> {
        let asking = Asking { packing, depth: 0, open: Vec::new() };
        let made = self.origin(at);
        let facts = &self.unit(made.unit).facts;
        let Value::Display(_, list) = facts.value(made.value) else { return None };
        facts.list(list).iter().take(32).find_map(|tuple| {
            let tuple = self.origin(ValueRef { unit: made.unit, value: *tuple });
            let facts = &self.unit(tuple.unit).facts;
            match facts.value(tuple.value) {
                Value::Display(_, entries) => self.of_entries(tuple.unit, facts.list(entries), &asking),
                _ => None,
            }
        })
    }

    /// Why what a function returns cannot be sent.
    #[must_use]
    pub fn answer_hindrance(&self, function: FunctionRef, packing: Packing) -> Option<Hindrance> {
        let it = self.function(function);
        if !self.is_own(function.unit) || it.is_async {
            return None;
        }
        if it.is_generator {
            let decoration = self.decoration(function);
            return decoration.wrappers.is_empty().then(|| kind("generator"));
        }
        let asking = Asking { packing, depth: 0, open: Vec::new() };
        let returned = it.returned.clone();
        let found = returned
            .iter()
            .filter_map(|value| self.of_value(ValueRef { unit: function.unit, value: *value }, &asking))
            .max_by_key(|it| it.confidence)?;
        Some(found)
    }

    fn of_value(&self, at: ValueRef, asking: &Asking) -> Option<Hindrance> {
        if asking.depth >= DEEPEST {
            return None;
        }
        let made = self.origin(at);
        let facts = &self.unit(made.unit).facts;
        match facts.value(made.value) {
            Value::Display(Display::Generator, _) => return Some(kind("generator")),
            Value::Display(_, list) => {
                return self.of_entries(made.unit, facts.list(list), asking);
            }
            Value::Call(callee, arguments) => {
                if let Some(found) = self.of_arguments(made.unit, callee, arguments, asking) {
                    return Some(found);
                }
            }
            _ => {}
        }
        self.of_vals(&self.evaluate(at), asking)
    }

    fn of_entries(&self, unit: UnitId, entries: &[ValueId], asking: &Asking) -> Option<Hindrance> {
        let asking = deeper(asking);
        entries
            .iter()
            .take(32)
            .find_map(|value| self.of_value(ValueRef { unit, value: *value }, &asking))
            .map(|it| wrapped(it, Within::Entry))
    }

    /// What a partial, or an instance of the project's own class, was given.
    fn of_arguments(
        &self,
        unit: UnitId,
        callee: ValueId,
        arguments: ArgumentRange,
        asking: &Asking,
    ) -> Option<Hindrance> {
        let callees = self.evaluate(ValueRef { unit, value: callee });
        let [val] = &callees.known[..] else { return None };
        let asking = &deeper(asking);
        let facts = &self.unit(unit).facts;
        match val {
            Val::Class(class) if self.is_own(class.unit) => {
                if self.says_how(*class) != Some(false) {
                    return None;
                }
                let (init, attributes) = self.stored_parameters(*class)?;
                for (place, value) in self.parameters_of(init, true, facts, facts.arguments(arguments)) {
                    let Some((_, name)) = attributes.iter().find(|(at, _)| *at == place) else { continue };
                    if let Some(found) = self.of_value(ValueRef { unit, value }, asking) {
                        return Some(wrapped(found, Within::Attribute(*class, name.clone())));
                    }
                }
                None
            }
            Val::Class(class) if &*self.class_name(*class) == "functools.partial" => {
                self.of_given(unit, arguments, asking)
            }
            Val::Outside(path, _) if &**path == "functools.partial" => self.of_given(unit, arguments, asking),
            _ => None,
        }
    }

    fn of_given(&self, unit: UnitId, arguments: ArgumentRange, asking: &Asking) -> Option<Hindrance> {
        let facts = &self.unit(unit).facts;
        facts
            .arguments(arguments)
            .iter()
            .find_map(|it| self.of_value(ValueRef { unit, value: it.value }, asking))
            .map(|it| wrapped(it, Within::Argument))
    }

    /// The parameters of `__init__` that are kept as they are, with the attributes that keep them.
    fn stored_parameters(&self, class: ClassRef) -> Option<(FunctionRef, Stored)> {
        let facts = &self.unit(class.unit).facts;
        let scope = facts.class(class.class).scope;
        let init = facts.bindings(scope, "__init__").iter().find_map(|(_, value)| match facts.value(*value) {
            Value::Function(function) => Some(function),
            _ => None,
        })?;
        let mut stored = Vec::new();
        for (name, value) in &facts.class(class.class).attributes {
            if let Value::Parameter(function, place) = facts.value(*value)
                && function == init
            {
                stored.push((place, facts.text(*name).into()));
            }
        }
        Some((FunctionRef { unit: class.unit, function: init }, stored))
    }

    fn of_vals(&self, vals: &Vals, asking: &Asking) -> Option<Hindrance> {
        let mut found: Option<Hindrance> = None;
        let mut hindered = 0;
        for val in &vals.known {
            if let Some(it) = self.of_val(val, asking) {
                hindered += 1;
                if found.as_ref().is_none_or(|known| known.confidence < it.confidence) {
                    found = Some(it);
                }
            }
        }
        let mut found = found?;
        let limit = match (hindered == vals.known.len(), vals.unknown) {
            (true, None) => Confidence::Certain,
            (true, Some(_)) => Confidence::Likely,
            (false, _) => Confidence::Possible,
        };
        found.confidence = found.confidence.min(limit);
        Some(found)
    }

    fn of_val(&self, val: &Val, asking: &Asking) -> Option<Hindrance> {
        let by_name = asking.packing != Packing::ByValue;
        match val {
            Val::Function(function) if by_name && self.is_own(function.unit) => self.of_function(*function),
            Val::Bound(function, class) if self.is_own(function.unit) => self.of_method(*function, *class, asking),
            Val::Class(class) if by_name && self.is_own(class.unit) && self.is_nested(*class) => {
                Some(self.defined(What::NestedClass(*class), class.unit, self.class(*class).name_span))
            }
            Val::Instance(class, arguments) => {
                if let Some(found) = self.of_instance(*class, asking) {
                    return Some(found);
                }
                let arguments = arguments.as_ref().filter(|_| holds_arguments(&self.class_name(*class)))?;
                let asking = deeper(asking);
                arguments.iter().find_map(|it| self.of_vals(it, &asking)).map(|it| wrapped(it, Within::Entry))
            }
            Val::OutsideInstance(class) => self.of_name(class, asking),
            Val::Coroutine(_) => Some(kind("coroutine")),
            Val::Generator(_) | Val::Manager(_) | Val::Container(Display::Generator, _) => Some(kind("generator")),
            Val::Module(_) | Val::Namespace(_) if by_name => Some(kind("module")),
            Val::Partial(inner, _) => self.of_val(inner, &deeper(asking)).map(|it| wrapped(it, Within::Argument)),
            Val::Tuple(entries) => {
                let asking = deeper(asking);
                entries.iter().find_map(|it| self.of_vals(it, &asking)).map(|it| wrapped(it, Within::Entry))
            }
            Val::Container(_, entries) => self.of_vals(entries, &deeper(asking)).map(|it| wrapped(it, Within::Entry)),
            _ => None,
        }
    }

    fn of_function(&self, function: FunctionRef) -> Option<Hindrance> {
        let it = self.function(function);
        if it.is_lambda {
            return Some(self.defined(What::Lambda, function.unit, it.span));
        }
        if self.enclosing_function(function).is_some() {
            return Some(self.defined(What::Nested(function), function.unit, it.name_span));
        }
        let decoration = self.decoration(function);
        let [wrapper, ..] = &decoration.wrappers[..] else { return None };
        let wrapper = wrapper.function;
        // A decorator that returns its wrapper as it is leaves `outer.<locals>.wrapper` under the function's name.
        if decoration.wrappers.len() > 1 || it.decorators.len() > 1 || self.keeps_name(wrapper) {
            return None;
        }
        Some(self.defined(What::Replaced(function, wrapper), wrapper.unit, self.function(wrapper).name_span))
    }

    /// Whether a wrapper may carry the name of what it wraps.
    fn keeps_name(&self, wrapper: FunctionRef) -> bool {
        let facts = &self.unit(wrapper.unit).facts;
        let renames = ["__qualname__", "update_wrapper", "__wrapped__"];
        !self.function(wrapper).decorators.is_empty() || renames.iter().any(|it| facts.symbols.find(it).is_some())
    }

    /// A bound method is its instance and a name (`method_reduce` in `Objects/classobject.c`).
    fn of_method(&self, function: FunctionRef, class: ClassRef, asking: &Asking) -> Option<Hindrance> {
        let it = self.function(function);
        let decoration = self.decoration(function);
        if decoration.is_class {
            let nested = self.is_nested(class) && asking.packing != Packing::ByValue;
            return nested.then(|| self.defined(What::NestedClass(class), class.unit, self.class(class).name_span));
        }
        let name = self.unit(function.unit).facts.text(it.name);
        if name.starts_with("__") && !name.ends_with("__") {
            return Some(self.defined(What::Private(function), function.unit, it.name_span));
        }
        self.of_instance(class, asking).map(|it| wrapped(it, Within::Receiver(function)))
    }

    fn of_name(&self, class: &str, asking: &Asking) -> Option<Hindrance> {
        let (what, inherited) = std::iter::once(Arc::from(class))
            .chain(self.models.all_bases(class).into_iter().filter(|_| !class.contains("Proxy")))
            .find_map(|it| self.models.unpicklable(&it))?;
        if inherited && asking.packing == Packing::Start {
            return None;
        }
        let mut found = kind(what);
        if inherited {
            found.what = What::Inherited;
        }
        Some(found)
    }

    fn of_instance(&self, class: ClassRef, asking: &Asking) -> Option<Hindrance> {
        let by_name = asking.packing != Packing::ByValue;
        if asking.open.contains(&class) || asking.depth >= DEEPEST {
            return None;
        }
        if !self.is_own(class.unit)
            && let Some(found) = self.of_name(&self.class_name(class), asking)
        {
            return Some(found);
        }
        let says = self.says_how(class);
        if says == Some(true) {
            return None;
        }
        if by_name && self.is_own(class.unit) && self.is_nested(class) {
            return Some(self.defined(What::NestedClass(class), class.unit, self.class(class).name_span));
        }
        let ancestors = self.ancestors(class);
        for (at, ancestor) in ancestors.iter().enumerate() {
            let Some(name) = self.outside_name(ancestor) else { continue };
            // `typing.TextIO` as an annotation is a file; as a base it is also that of `io.StringIO`.
            if at > 0 && (name.starts_with("typing.") || name.starts_with("collections.abc.")) {
                continue;
            }
            if let Some(found) = self.of_name(&name, asking) {
                return Some(found);
            }
        }
        if !self.is_own(class.unit) {
            return None;
        }
        let mut asking = deeper(asking);
        asking.open.push(class);
        let mut found = ancestors
            .iter()
            .filter_map(|it| match it {
                Ancestor::Class(base) if self.is_own(base.unit) => self.of_attributes(*base, &asking),
                _ => None,
            })
            .max_by_key(|it| it.confidence)?;
        if says.is_none() {
            found.confidence = Confidence::Possible;
        }
        Some(found)
    }

    /// Whether a class says how it is pickled; nothing where an ancestor is not known.
    fn says_how(&self, class: ClassRef) -> Option<bool> {
        let mut known = true;
        for ancestor in self.ancestors(class).iter() {
            match ancestor {
                Ancestor::Class(base) => {
                    if &*self.class_name(*base) == "builtins.object" {
                        continue;
                    }
                    let facts = &self.unit(base.unit).facts;
                    let scope = facts.class(base.class).scope;
                    if CUSTOM.iter().any(|name| !facts.bindings(scope, name).is_empty()) {
                        return Some(true);
                    }
                }
                Ancestor::Outside(name) => known &= self.models.unpicklable(name).is_some(),
                Ancestor::Unknown => known = false,
            }
        }
        known.then_some(false)
    }

    /// What the methods of this very class put into attributes, and what the fields of a dataclass are.
    fn of_attributes(&self, class: ClassRef, asking: &Asking) -> Option<Hindrance> {
        let facts = &self.unit(class.unit).facts;
        let it = facts.class(class.class);
        let mut best: Option<Hindrance> = None;
        let mut at = 0;
        while at < it.attributes.len() {
            let name = it.attributes[at].0;
            let end = at + it.attributes[at..].iter().take_while(|(sym, _)| *sym == name).count();
            let values: Vec<ValueId> = it.attributes[at..end].iter().map(|(_, value)| *value).collect();
            at = end;
            if let Some(found) = self.of_attribute(class, facts, &values, asking) {
                let found = wrapped(found, Within::Attribute(class, facts.text(name).into()));
                if best.as_ref().is_none_or(|known| known.confidence < found.confidence) {
                    best = Some(found);
                }
            }
        }
        if !it.decorators.is_empty() {
            for (name, value) in &facts.scope(it.scope).bindings {
                let Value::Declared(..) = facts.value(*value) else { continue };
                let declared = self.evaluate(ValueRef { unit: class.unit, value: *value });
                if let Some(found) = self.of_vals(&declared, asking) {
                    let found = wrapped(found, Within::Attribute(class, facts.text(*name).into()));
                    if best.as_ref().is_none_or(|known| known.confidence < found.confidence) {
                        best = Some(found);
                    }
                }
            }
        }
        best
    }

    fn of_attribute(
        &self,
        class: ClassRef,
        facts: &FileFacts,
        values: &[ValueId],
        asking: &Asking,
    ) -> Option<Hindrance> {
        let mut found: Option<Hindrance> = None;
        let mut free = false;
        for value in values {
            match self.of_value(ValueRef { unit: class.unit, value: *value }, asking) {
                Some(mut it) => {
                    if !self.set_at_once(class, *value) {
                        it.confidence = Confidence::Possible;
                    }
                    if found.as_ref().is_none_or(|known| known.confidence < it.confidence) {
                        found = Some(it);
                    }
                }
                None => free |= !matches!(facts.value(*value), Value::Unknown),
            }
        }
        let mut found = found?;
        // `self._thread = None` beside a thread: it depends on when the instance is sent.
        if free {
            found.confidence = Confidence::Possible;
        }
        Some(found)
    }

    /// Whether an attribute's value is made while the instance is made.
    fn set_at_once(&self, class: ClassRef, value: ValueId) -> bool {
        let facts = &self.unit(class.unit).facts;
        let makers: Vec<&str> = self
            .functions_of(class.unit)
            .filter(|it| self.function(*it).class == Some(class.class))
            .filter(|it| facts.acts_of(it.function).iter().any(|act| act.kind == ActKind::Call(value)))
            .map(|it| facts.text(self.function(it).name))
            .collect();
        makers.is_empty()
            || makers.iter().any(|it| matches!(*it, "__init__" | "__post_init__" | "__new__" | "__enter__"))
    }

    fn is_nested(&self, class: ClassRef) -> bool {
        let facts = &self.unit(class.unit).facts;
        let mut scope = facts.scope(facts.class(class.class).scope).parent;
        while let Some(id) = scope {
            let it = facts.scope(id);
            if matches!(it.kind, ScopeKind::Function(_)) {
                return true;
            }
            scope = it.parent;
        }
        false
    }

    fn defined(&self, what: What, unit: UnitId, span: Span) -> Hindrance {
        Hindrance { what, site: Some((unit, span)), within: Vec::new(), confidence: Confidence::Certain }
    }
}

fn kind(what: &str) -> Hindrance {
    Hindrance { what: What::Kind(what.into()), site: None, within: Vec::new(), confidence: Confidence::Certain }
}

fn wrapped(mut found: Hindrance, within: Within) -> Hindrance {
    found.within.insert(0, within);
    found
}

fn deeper(asking: &Asking) -> Asking {
    Asking { depth: asking.depth + 1, ..asking.clone() }
}

/// Classes whose instances hold what they are generic over.
fn holds_arguments(class: &str) -> bool {
    matches!(
        class,
        "builtins.list"
            | "builtins.dict"
            | "builtins.set"
            | "builtins.tuple"
            | "collections.deque"
            | "collections.defaultdict"
    )
}
