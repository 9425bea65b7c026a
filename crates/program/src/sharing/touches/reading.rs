//! Reads that rely on what a test has found: `if key in cache: … cache[key]`, `if self.conn is not None: … self.conn.send()`.

use raddle_facts::{Act, ActKind, Usage, Value, ValueId};

use super::{Gap, Keeps, Rests, State, Touch, Walk};

impl Walk<'_> {
    /// `seen.get(key)` of a parameter, whose name alone leaves no act.
    pub(super) fn looked_by_method(&mut self, state: &mut State, at: u32, call: ValueId) {
        let Some((base, name)) = crate::locks::held::called_method(self.facts, call) else { return };
        let reads = matches!(name, "get" | "keys" | "values" | "items" | "copy" | "count" | "index");
        if reads
            && matches!(self.facts.value(base), Value::Parameter(..))
            && let Some(spot) = self.spot(base)
        {
            self.note(at, spot, Touch::Read);
            self.looked(state, at, spot);
        }
    }

    /// A place is read again after a test of it, which the test is meant to make safe.
    pub(super) fn relied(&mut self, state: &mut State, at: u32, act: &Act, spot: usize) {
        let Some(seen) = state.seen.iter_mut().find(|it| it.spot == spot) else { return };
        let Some(tested) = seen.tested.filter(|_| seen.act != super::UNPLACED) else { return };
        let keeps = match (tested, act.kind) {
            ((Rests::Contents, true), ActKind::Index(value) | ActKind::Again(value)) => match self.facts.value(value) {
                Value::Subscript(_, key) if seen.key == Some(key) => Keeps::Entry,
                _ => return,
            },
            ((Rests::Absence | Rests::IsNone, false), _)
                if matches!(act.usage, Usage::Receiver | Usage::Callee | Usage::Indexed) =>
            {
                Keeps::Value
            }
            _ => return,
        };
        let (look, call, awaited) = (seen.act.min(at), seen.call, seen.awaited);
        let held = seen.holds.clone();
        let holds = self.holds(at);
        if held.iter().any(|it| holds.contains(it)) || self.is_forgiven(at) {
            return;
        }
        self.out.gaps.push(Gap {
            spot: self.known[spot].clone(),
            look,
            write: at,
            touch: Touch::Read,
            rests: tested.0,
            call,
            awaited,
            keeps: Some(keeps),
        });
    }
}
