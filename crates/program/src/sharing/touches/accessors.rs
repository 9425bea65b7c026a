//! Updates by way of two methods, each of which may hold a lock: `account.set(account.get() + 1)`.

use raddle_facts::{ActKind, Value, ValueId};

use super::{Gap, Rests, State, Touch, Walk};
use crate::Program;
use crate::sharing::{Place, Spot};
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

impl Walk<'_> {
    /// A call that sets what an argument of it was made of.
    pub(super) fn set_by_method(&mut self, state: &mut State, at: u32, call: ValueId) {
        let Value::Call(callee, arguments) = self.facts.value(call) else { return };
        let Value::Attribute(base, _) = self.facts.value(callee) else { return };
        let [only] = self.facts.arguments(arguments) else { return };
        let Some(read) = self.read_within(only.value, base, 0).filter(|it| *it != only.value) else { return };
        let Some(setter) = self.method(callee) else { return };
        let Some(place) = self.program.set_whole(setter) else { return };
        if self.method_called(read).and_then(|getter| self.program.returned_whole(getter)) != Some(place.clone()) {
            return;
        }
        let (start, _) = self.facts.function(self.function.function).acts;
        let Some(look) = (start..at).rev().find(|it| self.facts.acts[*it as usize].kind == ActKind::Call(read)) else {
            return;
        };
        let spot = Spot { place, object: Some(base) };
        self.out.all.push(super::Touched { act: at, spot: spot.clone(), touch: Touch::Update });
        let awaited = (look..at).find(|it| matches!(self.facts.acts[*it as usize].kind, ActKind::Await(_)));
        state.seen.retain(|it| self.known[it.spot] != spot);
        self.out.gaps.push(Gap {
            spot,
            look,
            write: at,
            touch: Touch::Update,
            rests: Rests::Value,
            call: Some(look),
            awaited,
            keeps: None,
        });
    }

    /// The call of a method of the same object that a value is made of.
    fn read_within(&self, value: ValueId, base: ValueId, depth: u8) -> Option<ValueId> {
        if depth > 4 {
            return None;
        }
        match self.facts.value(value) {
            Value::Call(callee, arguments) if arguments.len == 0 => match self.facts.value(callee) {
                Value::Attribute(of, _) if of == base => Some(value),
                _ => None,
            },
            Value::Operator(left, right) => {
                self.read_within(left, base, depth + 1).or_else(|| self.read_within(right, base, depth + 1))
            }
            _ => None,
        }
    }

    fn method_called(&self, call: ValueId) -> Option<FunctionRef> {
        let Value::Call(callee, _) = self.facts.value(call) else { return None };
        self.method(callee)
    }

    fn method(&self, callee: ValueId) -> Option<FunctionRef> {
        if let Value::Attribute(base, name) = self.facts.value(callee) {
            let of = self.program.evaluate_given(self.function, base, 0);
            if let [Val::Instance(class, _)] = &of.known[..] {
                return self.program.own_method(*class, &[self.facts.text(name)]);
            }
        }
        let vals = self.program.evaluate(ValueRef { unit: self.function.unit, value: callee });
        match vals.known[..] {
            [Val::Bound(function, _)] => Some(function),
            _ => None,
        }
    }
}

impl Program {
    /// The attribute that a method sets to its only argument, and nothing else.
    fn set_whole(&self, function: FunctionRef) -> Option<Place> {
        let it = self.function(function);
        if !self.is_own(function.unit) || it.parameters.len() != 2 || it.is_async {
            return None;
        }
        let facts = &self.unit(function.unit).facts;
        let mut writes = facts.acts_of(function.function).iter().filter_map(|act| match act.kind {
            ActKind::Write(place, value) => Some((place, value)),
            ActKind::Update(place, _) => Some((place, ValueId::UNKNOWN)),
            _ => None,
        });
        let (place, value) = writes.next()?;
        let whole = facts.value(value) == Value::Parameter(function.function, 1) && writes.next().is_none();
        let spot = self.spot_at(function, place).filter(|it| whole && self.is_of_self(function, it))?;
        Some(spot.place)
    }

    /// The attribute that a method returns as it is.
    fn returned_whole(&self, function: FunctionRef) -> Option<Place> {
        let it = self.function(function);
        let [value] = it.returned[..] else { return None };
        let facts = &self.unit(function.unit).facts;
        let attribute = matches!(facts.value(value), Value::Attribute(..)) && self.is_own(function.unit);
        let spot = self.spot_at(function, value).filter(|it| attribute && self.is_of_self(function, it))?;
        Some(spot.place)
    }
}
