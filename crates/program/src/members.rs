//! Classes: what they inherit from, in the order Python looks, and who inherits from them.

use std::sync::Arc;

use raddle_facts::Value;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::Program;
use crate::evaluate::{Evaluation, Exhausted};
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// A class another one inherits from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ancestor {
    /// One with facts.
    Class(ClassRef),
    /// A library's, by name.
    Outside(Arc<str>),
    /// A base that cannot be told.
    Unknown,
}

/// More ancestors than this are not followed.
const MOST: usize = 80;
/// More subclasses than this are not looked at.
const MOST_SUBCLASSES: usize = 200;

impl Program {
    /// The class itself and everything it inherits from, depth first.
    ///
    /// CPython orders by C3 (`Objects/typeobject.c`, `mro_implementation`); the two differ only where a diamond
    /// overrides a method on one side, and then the union of candidates is what matters here.
    #[must_use]
    pub fn ancestors(&self, class: ClassRef) -> Arc<[Ancestor]> {
        Evaluation::new(self).ancestors(class).unwrap_or_else(|Exhausted| [Ancestor::Class(class)].into())
    }

    /// Whether a class inherits from a library class of one of these names.
    #[must_use]
    pub fn inherits_from(&self, class: ClassRef, names: &[String]) -> bool {
        self.ancestors(class).iter().any(|ancestor| {
            let name = match ancestor {
                Ancestor::Class(class) => self.class_name(*class),
                Ancestor::Outside(name) => name.clone(),
                Ancestor::Unknown => return false,
            };
            names.iter().any(|it| **it == *name)
        })
    }
}

impl Program {
    /// Whether a class names `Protocol` among its bases.
    pub(crate) fn is_protocol(&self, class: ClassRef) -> bool {
        let facts = &self.unit(class.unit).facts;
        facts.class(class.class).bases.iter().any(|base| {
            let base = match facts.value(*base) {
                Value::Subscript(base, _) => base,
                _ => *base,
            };
            match facts.value(base) {
                Value::Name(_, name) | Value::ImportFrom(_, name) | Value::Attribute(_, name) => {
                    facts.text(name) == "Protocol"
                }
                _ => false,
            }
        })
    }

    /// The methods of this name in classes of the project that have everything a protocol asks for.
    ///
    /// A class that does not say so still implements a protocol (PEP 544).
    pub(crate) fn implementations(&self, protocol: ClassRef, method: &str) -> Arc<[FunctionRef]> {
        let key = (protocol, method.into());
        if let Some(known) = self.memo.implementations.get(&key) {
            return known.clone();
        }
        let found: Arc<[FunctionRef]> = self.find_implementations(protocol, method).into();
        self.memo.implementations.insert(key, found.clone());
        found
    }

    /// What a call of a method of a class, or of what inherits from it, may run instead.
    pub(crate) fn overrides(&self, method: FunctionRef, class: ClassRef) -> Arc<[FunctionRef]> {
        if let Some(known) = self.memo.overrides.get(&(method, class)) {
            return known.clone();
        }
        let found: Arc<[FunctionRef]> = self.find_overrides(method, class).into();
        self.memo.overrides.insert((method, class), found.clone());
        found
    }

    fn find_overrides(&self, method: FunctionRef, class: ClassRef) -> Vec<FunctionRef> {
        let name = self.unit(method.unit).facts.text(self.function(method).name);
        let mut found: Vec<FunctionRef> = Vec::new();
        let mut queue: Vec<ClassRef> = self.subclasses(class).to_vec();
        let mut at = 0;
        while at < queue.len() && at < MOST_SUBCLASSES {
            let class = queue[at];
            at += 1;
            let facts = &self.unit(class.unit).facts;
            for (_, value) in facts.bindings(facts.class(class.class).scope, name) {
                if let Value::Function(function) = facts.value(*value) {
                    let function = FunctionRef { unit: class.unit, function };
                    if !self.function(function).is_abstract && !found.contains(&function) {
                        found.push(function);
                    }
                }
            }
            for sub in self.subclasses(class) {
                if !queue.contains(sub) {
                    queue.push(*sub);
                }
            }
        }
        if found.is_empty() && self.is_protocol(class) {
            found = self.implementations(class, name).to_vec();
        }
        found
    }

    fn find_implementations(&self, protocol: ClassRef, method: &str) -> Vec<FunctionRef> {
        let facts = &self.unit(protocol.unit).facts;
        let wanted: Vec<&str> = facts
            .scope(facts.class(protocol.class).scope)
            .bindings
            .iter()
            .filter(|(_, value)| matches!(facts.value(*value), Value::Function(_)))
            .map(|(sym, _)| facts.text(*sym))
            .collect();
        let mut found = Vec::new();
        for (unit, it) in self.own_units() {
            let facts = &it.facts;
            for class in self.classes_of(unit).filter(|it| *it != protocol) {
                let scope = facts.class(class.class).scope;
                if !wanted.iter().all(|name| !facts.bindings(scope, name).is_empty()) {
                    continue;
                }
                found.extend(facts.bindings(scope, method).iter().filter_map(|(_, value)| match facts.value(*value) {
                    Value::Function(function) => {
                        let function = FunctionRef { unit, function };
                        (!self.function(function).is_abstract).then_some(function)
                    }
                    _ => None,
                }));
            }
        }
        found
    }
}

impl Evaluation<'_> {
    pub(crate) fn ancestors(&mut self, class: ClassRef) -> Result<Arc<[Ancestor]>, Exhausted> {
        if let Some(known) = self.program.memo.ancestors.get(&class) {
            return Ok(known.clone());
        }
        let mut all = vec![Ancestor::Class(class)];
        self.collect_ancestors(class, &mut all, 0)?;
        let all: Arc<[Ancestor]> = all.into();
        self.program.memo.ancestors.insert(class, all.clone());
        Ok(all)
    }

    fn collect_ancestors(&mut self, class: ClassRef, all: &mut Vec<Ancestor>, depth: u32) -> Result<(), Exhausted> {
        if depth > 40 {
            return Ok(());
        }
        for base in self.bases(class)? {
            if all.len() >= MOST || all.contains(&base) {
                continue;
            }
            all.push(base.clone());
            if let Ancestor::Class(base) = base {
                self.collect_ancestors(base, all, depth + 1)?;
            }
        }
        Ok(())
    }

    fn bases(&mut self, class: ClassRef) -> Result<Vec<Ancestor>, Exhausted> {
        let program = self.program;
        let facts = &program.unit(class.unit).facts;
        let mut bases = Vec::new();
        for base in &facts.class(class.class).bases {
            let base = match facts.value(*base) {
                Value::Subscript(base, _) => base,
                _ => *base,
            };
            let vals = self.value(ValueRef { unit: class.unit, value: base })?;
            for val in &vals.known {
                match val {
                    Val::Class(base) if *base != class => bases.push(Ancestor::Class(*base)),
                    Val::Outside(name, _) => bases.push(Ancestor::Outside(name.clone())),
                    _ => {}
                }
            }
            if vals.is_empty() {
                bases.push(Ancestor::Unknown);
            }
        }
        Ok(bases)
    }
}

/// For each class of the project those that name it among their bases.
pub(crate) fn direct_subclasses(program: &Program) -> FxHashMap<ClassRef, Vec<ClassRef>> {
    let pairs: Vec<Vec<(ClassRef, ClassRef)>> = (0..program.own)
        .into_par_iter()
        .map(|at| {
            let unit = crate::UnitId(at as u32);
            let mut pairs = Vec::new();
            for class in program.classes_of(unit) {
                let bases = Evaluation::new(program).bases(class).unwrap_or_default();
                for base in bases {
                    if let Ancestor::Class(base) = base {
                        pairs.push((base, class));
                    }
                }
            }
            pairs
        })
        .collect();
    let mut subclasses: FxHashMap<ClassRef, Vec<ClassRef>> = FxHashMap::default();
    for (base, class) in pairs.into_iter().flatten() {
        subclasses.entry(base).or_default().push(class);
    }
    subclasses
}
