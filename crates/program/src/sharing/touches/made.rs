//! What a value that is written is made of, and updates in one statement.

use raddle_facts::{ActKind, Value, ValueId};
use smallvec::SmallVec;

use super::{Gap, Rests, State, Touch, Walk};

impl Walk<'_> {
    /// Whether a value is made of the one at a place, and what stands beside it.
    pub(super) fn made_of(&mut self, value: ValueId, spot: usize, depth: u8) -> bool {
        if depth > 6 {
            return false;
        }
        if self.spot(value) == Some(spot) {
            return true;
        }
        let parts: SmallVec<[ValueId; 4]> = match self.facts.value(value) {
            Value::Operator(left, right) => smallvec::smallvec![left, right],
            Value::Call(_, arguments) => self.facts.arguments(arguments).iter().map(|it| it.value).collect(),
            Value::Await(inner) | Value::Declared(_, inner) | Value::Narrowed(inner, _) => smallvec::smallvec![inner],
            Value::Display(_, list) => self.facts.list(list).iter().copied().collect(),
            _ => SmallVec::new(),
        };
        parts.into_iter().any(|it| self.made_of(it, spot, depth + 1))
    }

    /// `place[key] = place[key] + 1`, `place[key] = place.get(key, 0) + 1`.
    pub(super) fn made_of_entry(&mut self, value: ValueId, entry: ValueId, depth: u8) -> bool {
        if depth > 4 {
            return false;
        }
        let Value::Subscript(base, _) = self.facts.value(entry) else { return false };
        match self.facts.value(value) {
            _ if value == entry => true,
            Value::Operator(left, right) => {
                self.made_of_entry(left, entry, depth + 1) || self.made_of_entry(right, entry, depth + 1)
            }
            Value::Call(callee, _) => match self.facts.value(callee) {
                Value::Attribute(inner, name) => inner == base && self.facts.text(name) == "get",
                _ => false,
            },
            _ => false,
        }
    }

    /// `place[current_thread()]`: nobody else comes to the entry.
    pub(super) fn is_own_entry(&self, entry: ValueId) -> bool {
        let Value::Subscript(_, key) = self.facts.value(entry) else { return false };
        let Value::Call(callee, _) = self.facts.value(key) else { return false };
        matches!(
            self.facts.called_name(callee),
            Some("current_thread" | "currentThread" | "get_ident" | "get_native_id" | "current_task" | "getcurrent")
        )
    }

    /// An act of a kind inside the statement of a later one.
    fn within(&self, at: u32, wanted: fn(ActKind) -> bool) -> Option<u32> {
        let whole = self.facts.acts[at as usize].span;
        let (start, _) = self.facts.function(self.function.function).acts;
        (start..at)
            .rev()
            .take_while(|it| self.facts.acts[*it as usize].span.start >= whole.start)
            .find(|it| wanted(self.facts.acts[*it as usize].kind))
    }

    /// Whether a read is the first half of `place += value`.
    pub(super) fn begins_update(&self, at: u32, value: ValueId) -> bool {
        let span = self.facts.acts[at as usize].span;
        let (_, end) = self.facts.function(self.function.function).acts;
        let rest = &self.facts.acts[at as usize + 1..end as usize];
        rest.iter().take(24).any(|act| {
            matches!(act.kind, ActKind::Update(place, _) if place == value)
                && act.span.start <= span.start
                && span.end <= act.span.end
        })
    }

    /// `place += value`: the old value is read first, then the right side is worked out. Where a test of the place led
    /// here, and others could come in since, it is the test that may be out of date.
    pub(super) fn updated(&mut self, state: &mut State, act: u32, spot: usize, touch: Touch) {
        let seen = state.seen.iter().position(|it| it.spot == spot).map(|at| state.seen.remove(at));
        let call = self.within(act, |it| matches!(it, ActKind::Call(_)));
        let awaited = self.within(act, |it| matches!(it, ActKind::Await(_)));
        let holds = self.holds(act);
        let tested = seen.filter(|it| {
            let parted = !it.holds.is_empty() && !holds.is_empty() && !it.holds.iter().any(|hold| holds.contains(hold));
            it.tested.is_some() && (parted || awaited.is_none() && it.awaited.is_some())
        });
        let gap = match tested {
            Some(seen) => Gap {
                spot: self.known[spot].clone(),
                look: seen.act.min(act),
                write: act,
                touch,
                rests: Rests::Test,
                call: seen.call,
                awaited: seen.awaited,
                keeps: None,
            },
            None => Gap {
                spot: self.known[spot].clone(),
                look: act,
                write: act,
                touch,
                rests: Rests::Update,
                call,
                awaited,
                keeps: None,
            },
        };
        self.out.gaps.push(gap);
    }
}
