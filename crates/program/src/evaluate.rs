//! Values on demand: what an expression of some file turns out to be.
//!
//! The answer to a question never depends on what was asked before, nor on the thread: an answer found while a cycle
//! is open is not kept, and a kept answer costs the next asker what it cost the first. So a question that runs out of
//! its budget does so always, and has a name for it: [`Because::Budget`].

mod attributes;
mod invocation;
mod iteration;

use std::sync::Arc;

use raddle_facts::{Display, ParameterKind, ScopeId, ScopeKind, Sym, Value, ValueId};
use rustc_hash::FxHashMap;

use crate::Program;
use crate::memo::{Answer, Key};
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::{Because, Literal, Val, Vals};

/// Steps one question may take.
const BUDGET: u32 = 40_000;
/// Questions that may be open inside one another.
const DEEPEST: u32 = 220;

/// The question took more work than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

type Answered = Result<Vals, Exhausted>;

/// One line of questions.
pub struct Evaluation<'p> {
    pub(crate) program: &'p Program,
    open: FxHashMap<Key, u32>,
    /// The lowest open question that an answer of this line leaned on.
    lowest: u32,
    depth: u32,
    cost: u32,
    height: u32,
}

impl Program {
    /// What a value is.
    #[must_use]
    pub fn evaluate(&self, at: ValueRef) -> Vals {
        Evaluation::new(self).value(at).unwrap_or(Vals::unknown(Because::Budget))
    }
}

impl<'p> Evaluation<'p> {
    /// A fresh line of questions.
    #[must_use]
    pub fn new(program: &'p Program) -> Evaluation<'p> {
        Evaluation { program, open: FxHashMap::default(), lowest: u32::MAX, depth: 0, cost: 0, height: 0 }
    }

    /// Steps taken so far.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Answers a question, from memory where the answer is independent of the asker.
    pub(crate) fn ask(&mut self, key: Key, answer: impl FnOnce(&mut Self) -> Answered) -> Result<Arc<Vals>, Exhausted> {
        if let Some(known) = self.program.memo.get(&key) {
            self.spend(known.cost)?;
            if self.depth + known.height > DEEPEST {
                return Err(Exhausted);
            }
            self.height = self.height.max(known.height);
            return Ok(known.vals);
        }
        if let Some(at) = self.open.get(&key) {
            self.lowest = self.lowest.min(*at);
            return Ok(Arc::new(Vals::nothing()));
        }
        if self.depth >= DEEPEST {
            return Err(Exhausted);
        }
        let at = self.depth;
        self.open.insert(key.clone(), at);
        self.depth += 1;
        let outer_lowest = std::mem::replace(&mut self.lowest, u32::MAX);
        let outer_height = std::mem::replace(&mut self.height, 0);
        let before = self.cost;
        self.spend(1)?;
        let vals = stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || answer(self));
        self.depth -= 1;
        self.open.remove(&key);
        let vals = Arc::new(vals?);
        let height = self.height + 1;
        // Inside a cycle the answer depends on where the cycle was entered, so it is found anew for each asker.
        if self.lowest == u32::MAX {
            self.program.memo.put(key, Answer { vals: vals.clone(), cost: self.cost - before, height });
        }
        let closed = self.lowest >= at;
        let leaned = if closed { u32::MAX } else { self.lowest };
        self.lowest = outer_lowest.min(leaned);
        self.height = outer_height.max(height);
        Ok(vals)
    }

    fn spend(&mut self, steps: u32) -> Result<(), Exhausted> {
        self.cost = self.cost.saturating_add(steps.max(1));
        if self.cost > BUDGET { Err(Exhausted) } else { Ok(()) }
    }

    /// What a value is.
    pub fn value(&mut self, at: ValueRef) -> Answered {
        let facts = &self.program.unit(at.unit).facts;
        match facts.value(at.value) {
            Value::Unknown => Ok(Vals::unknown(Because::Expression)),
            Value::None => Ok(Val::Literal(Literal::None).into()),
            Value::True => Ok(Val::Literal(Literal::True).into()),
            Value::False => Ok(Val::Literal(Literal::False).into()),
            Value::Zero => Ok(Val::Literal(Literal::Zero).into()),
            Value::One | Value::Number | Value::Large => Ok(Val::Literal(Literal::Number).into()),
            Value::Text | Value::Word(_) => Ok(Val::Literal(Literal::Text).into()),
            Value::Bytes => Ok(Val::Literal(Literal::Bytes).into()),
            Value::Test(..) => Ok(Vals::unknown(Because::Expression)),
            Value::Function(function) => Ok(Val::Function(FunctionRef { unit: at.unit, function }).into()),
            Value::Class(class) => Ok(Val::Class(ClassRef { unit: at.unit, class }).into()),
            Value::Super(class, _) => Ok(Val::Super(ClassRef { unit: at.unit, class }).into()),
            _ => {
                let vals = self.ask(Key::Value(at), |this| this.compound(at))?;
                Ok((*vals).clone())
            }
        }
    }

    fn compound(&mut self, at: ValueRef) -> Answered {
        let program = self.program;
        let facts = &program.unit(at.unit).facts;
        let inner = |value| ValueRef { unit: at.unit, value };
        match facts.value(at.value) {
            Value::Name(scope, sym) => self.name(at.unit, scope, sym),
            Value::Union(list) => {
                let mut all = Vals::nothing();
                for value in facts.list(list) {
                    all.extend(&self.value(inner(*value))?);
                }
                Ok(all)
            }
            Value::Display(display, list) => self.display(at.unit, display, facts.list(list)),
            Value::Import(sym) => Ok(self.module(at.unit, facts.text(sym))),
            Value::ImportFrom(module, name) => self.import_from(at.unit, facts.text(module), facts.text(name)),
            Value::Parameter(function, place) => self.parameter(FunctionRef { unit: at.unit, function }, place),
            Value::Attribute(base, sym) => {
                let base = self.value(inner(base))?;
                self.attributes(at.unit, &base, facts.text(sym))
            }
            Value::Call(callee, arguments) => self.call(at.unit, callee, arguments),
            Value::Await(value) => {
                let value = self.value(inner(value))?;
                self.awaited(&value)
            }
            Value::Subscript(base, index) => self.subscript(at.unit, base, index),
            Value::Element(value) => {
                let value = self.value(inner(value))?;
                self.elements(&value)
            }
            Value::AsyncElement(value) => {
                let value = self.value(inner(value))?;
                self.async_elements(&value)
            }
            Value::Entered(value) => {
                let value = self.value(inner(value))?;
                self.entered(&value)
            }
            Value::AsyncEntered(value) => {
                let value = self.value(inner(value))?;
                self.async_entered(&value)
            }
            Value::Unpacked(value, place) => {
                let value = self.value(inner(value))?;
                self.unpacked(&value, place)
            }
            Value::Annotated(annotation) => self.annotation(inner(annotation)),
            Value::Declared(annotation, value) => {
                let declared = self.annotation(inner(annotation))?;
                if !declared.is_empty() || value == ValueId::UNKNOWN {
                    return Ok(declared);
                }
                self.value(inner(value))
            }
            Value::Narrowed(value, class) => {
                let value = self.value(inner(value))?;
                let class = self.value(inner(class))?;
                self.narrowed(&value, &class)
            }
            Value::Operator(left, right) => {
                let left = self.value(inner(left))?;
                let mut all = self.operator(&left);
                if all.is_empty() {
                    let right = self.value(inner(right))?;
                    all = self.operator(&right);
                }
                Ok(all)
            }
            _ => Ok(Vals::unknown(Because::Expression)),
        }
    }

    /// The result of an operator is mostly of the class of the left operand: `path / "name"`, `text + text`.
    fn operator(&mut self, left: &Vals) -> Vals {
        let mut all = Vals { known: Default::default(), unknown: left.unknown.or(Some(Because::Expression)) };
        for val in &left.known {
            match val {
                Val::Instance(..) | Val::OutsideInstance(_) | Val::Container(..) => all.push(val.clone()),
                Val::Literal(Literal::Text | Literal::Bytes) => all.push(val.clone()),
                _ => {}
            }
        }
        all
    }

    fn display(&mut self, unit: UnitId, display: Display, values: &[ValueId]) -> Answered {
        if display == Display::Tuple && values.len() <= 8 {
            let mut entries = Vec::with_capacity(values.len());
            for value in values {
                entries.push(self.value(ValueRef { unit, value: *value })?);
            }
            return Ok(Val::Tuple(entries.into()).into());
        }
        let mut entries = Vals::nothing();
        for value in values.iter().take(16) {
            entries.extend(&self.value(ValueRef { unit, value: *value })?);
        }
        Ok(Val::Container(display, Arc::new(entries)).into())
    }

    /// Looks a name up from a scope outwards, as Python does for functions and class bodies.
    fn name(&mut self, unit: UnitId, scope: ScopeId, sym: Sym) -> Answered {
        let program = self.program;
        let facts = &program.unit(unit).facts;
        let mut at = Some(scope);
        let mut innermost = true;
        while let Some(id) = at {
            let scope = facts.scope(id);
            let skip = matches!(scope.kind, ScopeKind::Class(_)) && !innermost;
            if !skip {
                if id == ScopeId::MODULE {
                    return self.global(unit, facts.text(sym));
                }
                let bindings = raddle_facts::file::equal_range(&scope.bindings, sym);
                if !bindings.is_empty() {
                    return self.bindings(unit, bindings);
                }
                // A class body's lookup goes on outside, a comprehension's scope is its function's.
            }
            innermost = false;
            at = scope.parent;
        }
        self.global(unit, facts.text(sym))
    }

    fn global(&mut self, unit: UnitId, name: &str) -> Answered {
        let symbol = self.symbol(unit, name)?;
        if !symbol.is_empty() || symbol.unknown != Some(Because::Name) {
            return Ok(symbol);
        }
        match self.program.builtins() {
            Some(builtins) if builtins != unit => {
                let dotted = format!("builtins.{name}");
                let symbol = self.symbol(builtins, name)?;
                Ok(self.modelled(&dotted, symbol))
            }
            _ => Ok(symbol),
        }
    }

    /// All values bound to one name; an annotation among them speaks for all.
    pub(crate) fn bindings(&mut self, unit: UnitId, bindings: &[(Sym, ValueId)]) -> Answered {
        let facts = &self.program.unit(unit).facts;
        let declared = |value: &ValueId| matches!(facts.value(*value), Value::Declared(..));
        if let Some((_, value)) = bindings.iter().find(|(_, value)| declared(value)) {
            let vals = self.value(ValueRef { unit, value: *value })?;
            if !vals.is_empty() {
                return Ok(vals);
            }
        }
        let mut all = Vals::nothing();
        for (_, value) in bindings.iter().take(24) {
            let vals = self.value(ValueRef { unit, value: *value })?;
            all.extend(&vals);
        }
        // `client = None` beside real values says only that it may not be there yet.
        if all.known.len() > 1 {
            all.known.retain(|val| *val != Val::Literal(Literal::None));
        }
        Ok(all)
    }

    /// What a name of a module is; [`Because::Name`] if the module has none.
    pub(crate) fn symbol(&mut self, unit: UnitId, name: &str) -> Answered {
        let key = Key::Symbol(unit, name.into());
        let vals = self.ask(key, |this| {
            let program = this.program;
            let facts = &program.unit(unit).facts;
            let bindings = facts.bindings(ScopeId::MODULE, name);
            if !bindings.is_empty() {
                return this.bindings(unit, bindings);
            }
            for star in &facts.scope(ScopeId::MODULE).stars {
                let from = program.unit(unit).absolute(facts.text(*star));
                match program.modules.find(unit, &from) {
                    Some(module) if module != unit && this.exports(module, name) => {
                        let vals = this.symbol(module, name)?;
                        if !vals.is_empty() || vals.unknown != Some(Because::Name) {
                            return Ok(vals);
                        }
                    }
                    Some(_) => {}
                    // A star from a library that is not there: models may know the name.
                    None => {
                        let dotted = format!("{from}.{name}");
                        if program.models.mentions(&program.models.canonical(&dotted)) {
                            return Ok(this.outside(&dotted));
                        }
                    }
                }
            }
            Ok(Vals::unknown(Because::Name))
        })?;
        Ok((*vals).clone())
    }

    /// Whether `from module import *` brings a name (language reference, "The import statement"; for stubs PEP 484).
    fn exports(&self, module: UnitId, name: &str) -> bool {
        let unit = self.program.unit(module);
        let facts = &unit.facts;
        match &facts.exports {
            Some(names) => names.binary_search_by(|it| facts.text(*it).cmp(name)).is_ok(),
            None if name.starts_with('_') => false,
            None if unit.is_stub => {
                !facts
                    .bindings(ScopeId::MODULE, name)
                    .iter()
                    .all(|(_, value)| matches!(facts.value(*value), Value::Import(_) | Value::ImportFrom(..)))
                    || !facts.scope(ScopeId::MODULE).stars.is_empty()
            }
            None => true,
        }
    }

    /// The module, package or library of this dotted name.
    pub(crate) fn module(&self, importer: UnitId, name: &str) -> Vals {
        match self.program.modules.find(importer, name) {
            Some(unit) => Val::Module(unit).into(),
            None => Val::Namespace(name.into()).into(),
        }
    }

    fn import_from(&mut self, unit: UnitId, written: &str, name: &str) -> Answered {
        let module = self.program.unit(unit).absolute(written);
        let module = self.module(unit, &module);
        // A package that imports a name of its own means the submodule.
        if let [Val::Module(found)] = module.known[..]
            && found == unit
        {
            return Ok(self.submodule(unit, name).unwrap_or(Vals::unknown(Because::Name)));
        }
        self.attributes(unit, &module, name)
    }

    pub(crate) fn submodule(&self, package: UnitId, name: &str) -> Option<Vals> {
        let full = format!("{}.{name}", self.program.unit(package).module);
        let found = self.program.modules.find(package, &full)?;
        Some(Val::Module(found).into())
    }

    fn parameter(&mut self, function: FunctionRef, place: u16) -> Answered {
        let program = self.program;
        let facts = &program.unit(function.unit).facts;
        let it = facts.function(function.function);
        let Some(parameter) = it.parameters.get(place as usize) else {
            return Ok(Vals::unknown(Because::Parameter));
        };
        let inner = |value| ValueRef { unit: function.unit, value };
        let annotated = match parameter.annotation {
            Some(annotation) => self.annotation(inner(annotation))?,
            None => Vals::nothing(),
        };
        match parameter.kind {
            ParameterKind::Star => return Ok(Val::Container(Display::List, Arc::new(annotated)).into()),
            ParameterKind::DoubleStar => return Ok(Val::Container(Display::Dict, Arc::new(annotated)).into()),
            ParameterKind::Plain | ParameterKind::Keyword => {}
        }
        if place == 0
            && let Some(class) = program.class_of(function)
            && annotated.known.iter().all(|val| matches!(val, Val::TypeVariable(..)))
        {
            let decoration = program.decoration(function);
            if !decoration.is_static {
                let of_class = decoration.is_class || matches!(facts.text(it.name), "__new__" | "__init_subclass__");
                return Ok(if of_class { Val::Class(class).into() } else { Val::Instance(class, None).into() });
            }
        }
        if !annotated.is_empty() {
            return Ok(annotated);
        }
        let mut all = Vals::one(Val::Parameter(function, place));
        all.unknown = Some(annotated.unknown.unwrap_or(Because::Parameter));
        if let Some(default) = parameter.default {
            let default = self.value(inner(default))?;
            for val in default.known.iter().filter(|val| !matches!(val, Val::Literal(_))) {
                all.push(val.clone());
            }
        }
        Ok(all)
    }

    fn narrowed(&mut self, value: &Vals, class: &Vals) -> Answered {
        let mut wanted = Vals::nothing();
        for val in &class.known {
            match val {
                Val::Class(class) => wanted.push(Val::Instance(*class, None)),
                Val::Outside(name, None) => wanted.push(Val::OutsideInstance(name.clone())),
                Val::Tuple(entries) => {
                    for entry in entries.iter().flat_map(|it| it.known.iter()) {
                        match entry {
                            Val::Class(class) => wanted.push(Val::Instance(*class, None)),
                            Val::Outside(name, None) => wanted.push(Val::OutsideInstance(name.clone())),
                            _ => wanted.unknown = Some(Because::Expression),
                        }
                    }
                }
                _ => wanted.unknown = Some(Because::Expression),
            }
        }
        if wanted.is_empty() {
            return Ok(value.clone());
        }
        let mut kept = Vals::nothing();
        for val in &value.known {
            if let Val::Instance(class, _) = val {
                let ancestors = self.ancestors(*class)?;
                let fits = wanted.known.iter().any(|want| match want {
                    Val::Instance(want, _) => ancestors.contains(&crate::members::Ancestor::Class(*want)),
                    Val::OutsideInstance(want) => ancestors.contains(&crate::members::Ancestor::Outside(want.clone())),
                    _ => false,
                });
                if fits {
                    kept.push(val.clone());
                }
            }
        }
        Ok(if kept.is_empty() { wanted } else { kept })
    }
}
