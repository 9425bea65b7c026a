//! Conditions that a caller has settled: what stands behind `if instance: return` is not reached from under `if instance`.

use raddle_facts::{FileFacts, GuardKind, Test, Value, ValueId};

use super::summary::Reached;
use super::{LockKey, Root};
use crate::Program;
use crate::unit::FunctionRef;

/// What is known to be there, or not to be there.
pub(super) type Settled = Vec<(LockKey, bool)>;

impl Program {
    /// What the conditions around an act say of places that there is one of.
    pub(super) fn settled(&self, function: FunctionRef, act: u32) -> Settled {
        let facts = &self.unit(function.unit).facts;
        let mut settled = Settled::new();
        for guard in facts.guards_of(&facts.acts[act as usize]) {
            let (test, holds) = match guard {
                GuardKind::If(test) => (test, true),
                GuardKind::Unless(test) => (test, false),
                GuardKind::Always | GuardKind::Handler(..) | GuardKind::NoException(..) => continue,
            };
            let Some((value, there)) = asked(facts, test, holds) else { continue };
            if let Some((key, owner)) = self.place_of(function, value, 0)
                && owner.root == Root::Only
                && matches!(key, LockKey::Global(..) | LockKey::Member(..))
            {
                settled.push((key, there));
            }
        }
        settled
    }

    /// Whether a way goes through an act that what is settled rules out.
    pub(super) fn is_settled_against(&self, settled: &Settled, reached: &Reached) -> bool {
        !settled.is_empty()
            && reached.way.iter().any(|(function, act)| {
                self.settled(*function, *act)
                    .iter()
                    .any(|(key, there)| settled.iter().any(|(other, known)| other == key && known != there))
            })
    }
}

/// The place a condition asks for, and whether it is there.
fn asked(facts: &FileFacts, test: ValueId, holds: bool) -> Option<(ValueId, bool)> {
    match facts.value(test) {
        Value::Attribute(..) | Value::Name(..) => Some((test, holds)),
        Value::Test(kind, list) => {
            let first = *facts.list(list).first()?;
            match kind {
                Test::Not => asked(facts, first, !holds),
                Test::IsNone => Some((first, !holds)),
                Test::IsNotNone => Some((first, holds)),
                _ => None,
            }
        }
        _ => None,
    }
}
