//! What those who start actors hand to them: a parameter of a thread's function stands for what its starters give.
//!
//! A parameter without annotation says nothing by itself. Where every start of its function is known, it is the object
//! that they hand over: `Thread(target=work, args=(stats,))` makes `stats` of both functions one place. The same holds for
//! what an object that a thread runs on was made with: `Worker(stats).start()`.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Display, Value, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Place, Spot};
use crate::Program;
use crate::actors::objects::ThreadObject;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::{Val, Vals};

/// Who hands what to whom.
#[derive(Debug, Default)]
pub struct Given {
    /// What starters give a parameter, by the function and the parameter's place.
    by: FxHashMap<(FunctionRef, u16), Vec<(FunctionRef, ValueId)>>,
    /// What a function gives away.
    away: FxHashSet<(FunctionRef, ValueId)>,
    /// What is started.
    starts: FxHashSet<FunctionRef>,
    /// Where instances of thread classes are made.
    pub(crate) objects: Vec<ThreadObject>,
}

/// Starters of starters are followed this far.
const FARTHEST: u8 = 4;

impl Given {
    fn add(&mut self, to: FunctionRef, place: u16, by: FunctionRef, value: ValueId) {
        let list = self.by.entry((to, place)).or_default();
        if !list.contains(&(by, value)) {
            list.push((by, value));
        }
        self.away.insert((by, value));
    }
}

impl Program {
    /// What starters hand to the functions of threads, and to what threads run on.
    #[must_use]
    pub fn given_by_starters(&self) -> &Given {
        self.memo.shared.given.get_or_init(|| {
            let mut given = Given::default();
            for spawn in self.spawns().iter().filter(|it| is_actor(it.to)) {
                given.starts.insert(spawn.callee);
                let handed = self.handed_values(spawn);
                let bound = self.is_bound(spawn.callee);
                for (at, value) in handed.given.iter().enumerate() {
                    given.add(spawn.callee, at as u16 + u16::from(bound), spawn.function, self.bare(spawn, *value));
                }
                if let Some(base) = self.receiver_of(spawn.function, handed.callable) {
                    for call in self.makers(spawn.function, base, 0) {
                        self.made_with(spawn.function, call, &mut given);
                    }
                }
            }
            given.objects = self.thread_objects();
            for made in given.objects.clone() {
                self.made_with(made.function, made.call, &mut given);
            }
            given
        })
    }

    pub(crate) fn is_bound(&self, function: FunctionRef) -> bool {
        self.function(function).class.is_some() && !self.decoration(function).is_static
    }

    fn bare(&self, spawn: &crate::spawns::Spawn, value: ValueId) -> ValueId {
        let facts = &self.unit(spawn.function.unit).facts;
        undeclared(facts, value)
    }

    /// `worker` of `worker.run`.
    pub(crate) fn receiver_of(&self, function: FunctionRef, callable: Option<ValueId>) -> Option<ValueId> {
        match self.unit(function.unit).facts.value(callable?) {
            Value::Attribute(base, _) => Some(base),
            _ => None,
        }
    }

    /// The calls of a function that may have made a value: `Worker(x)`, or each of `[Worker(x) for …]` for an element of it.
    pub(crate) fn makers(&self, function: FunctionRef, value: ValueId, depth: u8) -> Vec<ValueId> {
        let facts = &self.unit(function.unit).facts;
        let inner = |value| self.makers(function, value, depth + 1);
        match facts.value(value) {
            _ if depth > 6 => Vec::new(),
            Value::Call(..) => vec![value],
            Value::Declared(_, value) | Value::Narrowed(value, _) | Value::Element(value) => inner(value),
            Value::Union(list) | Value::Display(_, list) => {
                facts.list(list).iter().take(8).flat_map(|it| inner(*it)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The class of the project that a call makes an instance of, and its `__init__`.
    pub(crate) fn constructed(&self, function: FunctionRef, call: ValueId) -> Option<(ClassRef, FunctionRef)> {
        let vals = self.evaluate(ValueRef { unit: function.unit, value: call });
        let [Val::Instance(class, _)] = &vals.known[..] else { return None };
        let init = self.own_method(*class, &["__init__"])?;
        self.is_own(class.unit).then_some((*class, init))
    }

    fn made_with(&self, function: FunctionRef, call: ValueId, given: &mut Given) {
        let Some((_, init)) = self.constructed(function, call) else { return };
        let facts = &self.unit(function.unit).facts;
        for place in 1..self.function(init).parameters.len().min(16) as u16 {
            if let Some(value) = self.given(init, place, function, call) {
                given.add(init, place, function, undeclared(facts, value));
            }
        }
    }

    /// The place that a parameter stands for, where all who start the function give the same.
    pub(super) fn spot_given(&self, function: FunctionRef, place: u16, parameter: ValueId, depth: u8) -> Option<Spot> {
        if let Some(spot) = self.spot_of_default(function, place) {
            return Some(spot);
        }
        let [(starter, value)] = self.memo.shared.given.get()?.by.get(&(function, place)).map(|it| &it[..])? else {
            return None;
        };
        if depth > FARTHEST {
            return None;
        }
        let spot = self.spot_deep(*starter, *value, depth + 1)?;
        Some(Spot { place: spot.place, object: spot.object.map(|_| parameter) })
    }

    /// The one object that a default stands for in all calls that give nothing: `def record(item, seen=[])`.
    fn spot_of_default(&self, function: FunctionRef, place: u16) -> Option<Spot> {
        let it = self.function(function).parameters.get(usize::from(place))?;
        let default = it.default?;
        let facts = &self.unit(function.unit).facts;
        let changes = matches!(facts.value(default), Value::Display(Display::List | Display::Set | Display::Dict, _));
        let given = self.memo.shared.given.get()?;
        if !changes || given.by.contains_key(&(function, place)) || !given.starts.contains(&function) {
            return None;
        }
        Some(Spot { place: Place::Made(function, default, facts.text(it.name).into()), object: None })
    }

    /// The place of an object that a function makes and gives to actors.
    pub(super) fn spot_made(&self, function: FunctionRef, value: ValueId) -> Option<Spot> {
        let given = self.memo.shared.given.get()?;
        if !given.away.contains(&(function, value)) {
            return None;
        }
        let facts = &self.unit(function.unit).facts;
        let name = facts.acts_of(function.function).iter().find_map(|act| match act.kind {
            ActKind::Write(place, written) if undeclared(facts, written) == value => match facts.value(place) {
                Value::Name(_, name) => Some(facts.text(name)),
                _ => None,
            },
            _ => None,
        })?;
        Some(Spot { place: Place::Made(function, value, name.into()), object: Some(value) })
    }

    /// What a value is; for a parameter that says nothing, what starters give for it.
    pub(super) fn evaluate_given(&self, function: FunctionRef, value: ValueId, depth: u8) -> Vals {
        let vals = self.evaluate(ValueRef { unit: function.unit, value });
        if vals.known.iter().any(|it| !matches!(it, Val::Parameter(..))) || depth > FARTHEST {
            return vals;
        }
        let facts = &self.unit(function.unit).facts;
        match facts.value(value) {
            Value::Parameter(owner, place) => {
                let owner = FunctionRef { unit: function.unit, function: owner };
                self.evaluate_parameter(owner, place, depth).unwrap_or(vals)
            }
            Value::Declared(_, inner) if inner != ValueId::UNKNOWN => self.evaluate_given(function, inner, depth + 1),
            Value::Attribute(base, name) => {
                let of = self.evaluate(ValueRef { unit: function.unit, value: base });
                let [Val::Instance(class, _)] = &of.known[..] else { return vals };
                match self.parameter_kept(*class, facts.text(name)) {
                    Some((init, place)) => self.evaluate_parameter(init, place, depth).unwrap_or(vals),
                    None => vals,
                }
            }
            _ => vals,
        }
    }

    fn evaluate_parameter(&self, function: FunctionRef, place: u16, depth: u8) -> Option<Vals> {
        let list = self.memo.shared.given.get()?.by.get(&(function, place))?;
        let mut all = Vals::nothing();
        for (starter, value) in list {
            all.extend(&self.evaluate_given(*starter, *value, depth + 1));
        }
        Some(all)
    }

    /// The values that starters give a parameter.
    pub(super) fn given_values(&self, function: FunctionRef, place: u16) -> Vec<ValueRef> {
        let list = self.memo.shared.given.get().and_then(|it| it.by.get(&(function, place)));
        list.into_iter().flatten().map(|(by, value)| ValueRef { unit: by.unit, value: *value }).collect()
    }

    /// The parameter of a method that an attribute is bound to: `self.stats = stats`.
    pub(crate) fn parameter_kept(&self, class: ClassRef, name: &str) -> Option<(FunctionRef, u16)> {
        for ancestor in self.ancestors(class).iter() {
            let Ancestor::Class(at) = ancestor else { continue };
            let facts = &self.unit(at.unit).facts;
            let [(_, value)] = facts.attributes(at.class, name) else { continue };
            if let Value::Parameter(function, place) = facts.value(undeclared(facts, *value)) {
                return Some((FunctionRef { unit: at.unit, function }, place));
            }
            return None;
        }
        None
    }
}

fn is_actor(runner: Runner) -> bool {
    matches!(runner, Runner::Thread | Runner::ThreadPool | Runner::Process)
}

/// A value without what was declared of it.
fn undeclared(facts: &raddle_facts::FileFacts, value: ValueId) -> ValueId {
    match facts.value(value) {
        Value::Declared(_, inner) if inner != ValueId::UNKNOWN => inner,
        Value::Narrowed(inner, _) => inner,
        _ => value,
    }
}

/// Whether each run of an expression makes another object that can be changed.
pub(crate) fn makes_object(value: Value) -> bool {
    matches!(value, Value::Display(Display::List | Display::Set | Display::Dict, _) | Value::Call(..))
}
