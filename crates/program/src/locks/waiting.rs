//! Waits for a condition, and whether what is waited for is looked at again.

use raddle_facts::FileFacts;
use raddle_facts::flow::{BlockId, Flow};

use crate::Program;
use crate::unit::FunctionRef;

/// One step on the way from a function's body to an act: the block, and the place of the flow in it.
type Way = Vec<(BlockId, usize)>;

impl Program {
    /// Whether a wait goes on after it is woken without coming back to its test: no loop stands between the lock and the
    /// wait, and the statement after it does not begin the next round.
    #[must_use]
    pub fn goes_on_after_wait(&self, function: FunctionRef, act: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let mut way = Way::new();
        if !find(facts, facts.function(function.function).body, act, &mut way) {
            return false;
        }
        let mut locked = true;
        for (block, at) in way.iter().rev() {
            let rest = &facts.block(*block)[at + 1..];
            match facts.block(*block)[*at] {
                // The loop asks again, under the lock or before anything else happens.
                Flow::Loop { .. } => return false,
                Flow::With { .. } => locked = false,
                _ => {}
            }
            if locked {
                continue;
            }
            if let Some(goes_on) = rest.iter().find_map(|it| after(facts, it)) {
                return goes_on;
            }
        }
        true
    }
}

/// Whether a step after the wait goes on (`true`), or begins the next round (`false`); nothing if it does neither.
fn after(facts: &FileFacts, flow: &Flow) -> Option<bool> {
    match *flow {
        Flow::Continue(_) => Some(false),
        Flow::Acts { start, end } => calls(facts, start, end).then_some(true),
        Flow::Unreachable => None,
        _ => Some(true),
    }
}

/// Whether acts do something that could rest on the test: a call, a write or an index.
fn calls(facts: &FileFacts, start: u32, end: u32) -> bool {
    use raddle_facts::ActKind;
    (start..end).any(|at| {
        matches!(
            facts.acts[at as usize].kind,
            ActKind::Call(_) | ActKind::Write(..) | ActKind::Update(..) | ActKind::Delete(_) | ActKind::Index(_)
        )
    })
}

fn find(facts: &FileFacts, block: BlockId, act: u32, way: &mut Way) -> bool {
    for (at, flow) in facts.block(block).iter().enumerate() {
        way.push((block, at));
        let inside = match *flow {
            Flow::Acts { start, end } => (start..end).contains(&act),
            Flow::Branch { then, orelse, .. } => find(facts, then, act, way) || find(facts, orelse, act, way),
            Flow::Loop { body, orelse, .. } => find(facts, body, act, way) || find(facts, orelse, act, way),
            Flow::With { body, .. } => find(facts, body, act, way),
            Flow::Try { body, handlers: (first, count), orelse, finally, .. } => {
                let caught = &facts.handlers[first as usize..(first + count) as usize];
                find(facts, body, act, way)
                    || caught.iter().any(|it| find(facts, it.body, act, way))
                    || find(facts, orelse, act, way)
                    || find(facts, finally, act, way)
            }
            Flow::Match { cases: (first, count), .. } => {
                facts.cases[first as usize..(first + count) as usize].iter().any(|it| find(facts, *it, act, way))
            }
            _ => false,
        };
        if inside {
            return true;
        }
        way.pop();
    }
    false
}
