//! What a cancellation leaves changed, because only the way without trouble takes it back.

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, BlockId, FileFacts, Flow, Value, ValueId};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::changes::{Change, Changed};
use crate::Program;
use crate::unit::FunctionRef;

/// A change that is not taken back when the coroutine is cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The change.
    pub changed: Changed,
    /// The `await` at which the cancellation arrives.
    pub awaits: u32,
    /// The act that would take it back.
    pub undo: u32,
}

impl Program {
    /// What a cancellation of the function leaves changed though the function takes it back.
    #[must_use]
    pub fn undone(&self, function: FunctionRef) -> Vec<Undone> {
        let facts = &self.unit(function.unit).facts;
        if !facts.function(function.function).is_async {
            return Vec::new();
        }
        let changes = self.changes(function);
        if changes.is_empty() {
            return Vec::new();
        }
        let tries: Vec<Flow> =
            facts.steps_below(facts.function(function.function).body).into_iter().filter(is_try).collect();
        changes.into_iter().filter_map(|changed| self.left_changed(function, &tries, changed)).collect()
    }

    fn left_changed(&self, function: FunctionRef, tries: &[Flow], changed: Changed) -> Option<Undone> {
        let facts = &self.unit(function.unit).facts;
        let mut calm = FxHashSet::default();
        for flow in tries {
            let Flow::Try { body, handlers, orelse, finally, .. } = *flow else { continue };
            let handlers = handlers_of(facts, handlers);
            let undoes = |block: BlockId| facts.acts_below(block).iter().any(|at| changed.undos.contains(at));
            // What is taken back where something failed is the business of another question.
            if handlers.iter().any(|it| undoes(it.body)) {
                return None;
            }
            let cleans = [finally].into_iter().chain(handlers.iter().map(|it| it.body));
            for block in cleans {
                let acts = facts.acts_below(block);
                if acts.contains(&changed.made) {
                    return None;
                }
                calm.extend(acts);
            }
            let helps = handlers.iter().any(|it| self.caught(function.unit, it).is_some() && calls_own(facts, it.body));
            if undoes(finally) || helps || calls_own(facts, finally) {
                calm.extend(facts.acts_below(body));
                calm.extend(facts.acts_below(orelse));
            }
        }
        let at_yield = self.is_thrown_into(function);
        let mut follow = Follow { program: self, function, changed: &changed, calm: &calm, at_yield };
        let exits = interpret(facts, function.function, &mut follow, None);
        let last = exits.raised??;
        // What a way without trouble leaves changed is meant to stay.
        let stays = [exits.fall, exits.returned].into_iter().flatten().any(|it| it.is_some());
        if stays && changed.change != Change::Task {
            return None;
        }
        let (_, end) = facts.function(function.function).acts;
        let awaits = (last + 1..end).find(|at| follow.interrupts(*at, &facts.acts[*at as usize]))?;
        let undo = changed.undos.iter().copied().find(|it| *it > awaits)?;
        Some(Undone { changed, awaits, undo })
    }

    /// The same in every coroutine of the project.
    #[must_use]
    pub fn all_undone(&self) -> &[(FunctionRef, Undone)] {
        self.memo.shared.undone.get_or_init(|| {
            let units: Vec<_> = self.own_units().map(|(unit, _)| unit).collect();
            let found: Vec<Vec<(FunctionRef, Undone)>> = units
                .into_par_iter()
                .map(|unit| {
                    let functions = self.functions_of(unit);
                    functions.flat_map(|it| self.undone(it).into_iter().map(move |one| (it, one))).collect()
                })
                .collect();
            found.into_iter().flatten().collect()
        })
    }
}

/// Whether a block calls a method of the function's own object, which may put things right.
fn calls_own(facts: &FileFacts, block: BlockId) -> bool {
    facts.acts_below(block).iter().any(|at| {
        let ActKind::Call(call) = facts.acts[*at as usize].kind else { return false };
        let Value::Call(callee, _) = facts.value(call) else { return false };
        matches!(facts.value(callee), Value::Attribute(base, _) if matches!(facts.value(base), Value::Parameter(_, 0)))
    })
}

fn is_try(flow: &Flow) -> bool {
    matches!(flow, Flow::Try { .. })
}

/// The handlers of a `try`.
pub(super) fn handlers_of(facts: &FileFacts, handlers: (u32, u32)) -> &[Handler] {
    &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize]
}

/// Follows one change: the state is the last act since it was made, where it is not taken back.
struct Follow<'p> {
    program: &'p Program,
    function: FunctionRef,
    changed: &'p Changed,
    calm: &'p FxHashSet<u32>,
    at_yield: bool,
}

impl Follow<'_> {
    fn sleeps(&self, call: ValueId) -> bool {
        let facts = &self.program.unit(self.function.unit).facts;
        matches!(facts.value(call), Value::Call(callee, _) if facts.called_name(callee) == Some("sleep"))
    }

    fn interrupts(&self, at: u32, act: &Act) -> bool {
        let waits = match act.kind {
            // `sleep` before `cancel` is how an example lets its task run for a while.
            ActKind::Await(call) => self.changed.change != Change::Task || !self.sleeps(call),
            ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) => true,
            ActKind::Yield => self.at_yield,
            _ => false,
        };
        waits && !self.calm.contains(&at)
    }
}

impl Domain for Follow<'_> {
    type State = Option<u32>;

    fn act(&mut self, state: &mut Option<u32>, at: u32, _: &Act) {
        if self.changed.undos.contains(&at) || self.changed.ends.contains(&at) {
            *state = None;
        } else if at == self.changed.made || state.is_some() && !self.calm.contains(&at) {
            *state = Some(at);
        }
    }

    fn join(&mut self, state: &mut Option<u32>, other: &Option<u32>) {
        *state = match (*state, *other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn raises(&mut self, state: &Option<u32>, at: u32, act: &Act) -> bool {
        state.is_some() && !self.changed.ends.contains(&at) && self.interrupts(at, act)
    }

    fn catches(&mut self, _: &Option<u32>, handler: &Handler) -> Catch {
        match self.program.caught(self.function.unit, handler) {
            Some(_) => Catch::All,
            None => Catch::Nothing,
        }
    }
}
