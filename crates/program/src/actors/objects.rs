//! Objects that threads run on, and what those of one kind were all made with.

use raddle_facts::{ActKind, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Family, Many, PARAMETERS, Root};
use crate::Program;
use crate::sharing::Place;
use crate::threads::Reached;
use crate::unit::{ClassRef, FunctionRef, UnitId, ValueRef};
use crate::val::Val;

use raddle_facts::models::Runner;

/// Where an instance of a thread class is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadObject {
    /// Who makes it.
    pub function: FunctionRef,
    /// With which act.
    pub act: u32,
    /// The call.
    pub call: ValueId,
    /// Its class.
    pub class: ClassRef,
}

impl Program {
    /// Where the project makes instances of its thread classes, in order.
    pub(crate) fn thread_objects(&self) -> Vec<ThreadObject> {
        let code = self.thread_code();
        let classes = code.order.iter().filter_map(|function| match code.reached.get(function) {
            Some(Reached::Class(class)) => Some(*class),
            _ => None,
        });
        let classes: FxHashSet<ClassRef> = classes.flat_map(|it| self.with_subclasses(it)).collect();
        let names: FxHashSet<&str> = classes
            .iter()
            .map(|class| {
                let facts = &self.unit(class.unit).facts;
                facts.text(facts.class(class.class).name)
            })
            .collect();
        if names.is_empty() {
            return Vec::new();
        }
        let of = |at: usize| self.thread_objects_of(UnitId(at as u32), &names, &classes);
        (0..self.own).into_par_iter().map(of).collect::<Vec<_>>().concat()
    }

    fn with_subclasses(&self, class: ClassRef) -> Vec<ClassRef> {
        let mut all = vec![class];
        let mut at = 0;
        while at < all.len() && all.len() < 32 {
            let more: Vec<ClassRef> = self.subclasses(all[at]).to_vec();
            all.extend(more.into_iter().filter(|it| *it != class));
            at += 1;
        }
        all.dedup();
        all
    }

    fn thread_objects_of(
        &self,
        unit: UnitId,
        names: &FxHashSet<&str>,
        classes: &FxHashSet<ClassRef>,
    ) -> Vec<ThreadObject> {
        let facts = &self.unit(unit).facts;
        let mut found = Vec::new();
        for function in self.functions_of(unit) {
            let (start, _) = self.function(function).acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, _) = facts.value(call) else { continue };
                let named = match facts.value(callee) {
                    Value::Class(class) => Some(facts.text(facts.class(class).name)),
                    _ => facts.called_name(callee),
                };
                if !named.is_some_and(|it| names.contains(it)) {
                    continue;
                }
                let vals = self.evaluate(ValueRef { unit, value: callee });
                if let [Val::Class(class)] = vals.known[..]
                    && classes.contains(&class)
                {
                    found.push(ThreadObject { function, act: start + at as u32, call, class });
                }
            }
        }
        found
    }

    /// What the instances that calls make all hold: attributes that `__init__` binds to arguments that are one object.
    pub(super) fn kept_by_all(&self, function: FunctionRef, in_loop: bool, calls: &[ValueId]) -> Vec<Place> {
        let mut kept: Option<Vec<Place>> = None;
        for call in calls {
            let Some((class, init)) = self.constructed(function, *call) else { return Vec::new() };
            let count = self.function(init).parameters.len().min(usize::from(PARAMETERS)) as u16;
            let shared: Vec<u16> = (1..count)
                .filter(|place| {
                    let value = self.given(init, *place, function, *call);
                    value.is_some_and(|it| self.is_one_object(function, in_loop, it, 0))
                })
                .collect();
            let here: Vec<Place> = self.attributes_bound_to(class, init, &shared);
            kept = Some(match kept {
                Some(before) => before.into_iter().filter(|it| here.contains(it)).collect(),
                None => here,
            });
        }
        kept.unwrap_or_default()
    }

    fn attributes_bound_to(&self, class: ClassRef, init: FunctionRef, parameters: &[u16]) -> Vec<Place> {
        let facts = &self.unit(init.unit).facts;
        let Some(owner) = self.function(init).class else { return Vec::new() };
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &facts.class(owner).attributes {
            let name = facts.text(*name);
            let kept = self.parameter_kept(class, name);
            if kept.is_some_and(|(of, place)| of == init && parameters.contains(&place)) && !names.contains(&name) {
                names.push(name);
            }
        }
        let owner = ClassRef { unit: init.unit, class: owner };
        names.into_iter().map(|name| Place::Member(owner, name.into())).collect()
    }

    /// Threads of one class beside each other: those that a loop makes, or several calls of one function.
    pub(super) fn sibling_roots(&self) -> Vec<Root> {
        let mut by_class: FxHashMap<ClassRef, Vec<&ThreadObject>> = FxHashMap::default();
        for object in &self.given_by_starters().objects {
            by_class.entry(object.class).or_default().push(object);
        }
        let mut roots: Vec<Root> =
            by_class.into_iter().filter_map(|(class, objects)| self.siblings(class, &objects)).collect();
        roots.sort_by_key(|it| (it.function, it.from));
        roots
    }

    fn siblings(&self, class: ClassRef, objects: &[&ThreadObject]) -> Option<Root> {
        let in_loop = |it: &ThreadObject| {
            self.unit(it.function.unit).facts.acts[it.act as usize].in_loop && !self.is_passed_over(it)
        };
        let often = objects.iter().find(|it| in_loop(it));
        let twice = || {
            objects.iter().find(|it| objects.iter().any(|other| other.act != it.act && other.function == it.function))
        };
        let first = often.or_else(twice)?;
        let beside: Vec<ValueId> =
            objects.iter().filter(|it| it.function == first.function).map(|it| it.call).collect();
        Some(Root {
            function: self.own_method(class, &["run"])?,
            runner: Runner::Thread,
            many: Many::Same,
            from: Some((first.function, first.act)),
            family: Family::Framework,
            shared: 0,
            lent: false,
            kept: self.kept_by_all(first.function, in_loop(first), &beside),
            window: None,
        })
    }

    /// Whether a loop makes the next thread when the one before has gone: it waits for each.
    fn is_passed_over(&self, object: &ThreadObject) -> bool {
        let facts = &self.unit(object.function.unit).facts;
        let joins = |act: &raddle_facts::Act| match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => match facts.value(callee) {
                    Value::Attribute(base, name) => base == object.call && facts.text(name) == "join",
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        };
        facts.acts_of(object.function.function).iter().any(joins)
    }
}
