//! Loops over containers, and whether other tasks come in while they go round.

use raddle_facts::flow::{BlockId, Flow, LoopKind};
use raddle_facts::{ActKind, FileFacts, Value, ValueId};

use super::{Touch, Walk};
use crate::sharing::Spot;

/// A container is gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iteration {
    /// Where it lives.
    pub spot: Spot,
    /// The act that goes through it.
    pub act: u32,
    /// An `await` in the body after which the loop goes on.
    pub awaited: Option<u32>,
    /// Whether it is a list, which may grow meanwhile without an error.
    pub is_list: bool,
}

impl Walk<'_> {
    pub(super) fn iterated(&mut self, state: &mut super::State, at: u32, value: ValueId) {
        let inner = match self.facts.value(value) {
            Value::Call(callee, _) => match self.facts.value(callee) {
                Value::Attribute(base, name) if matches!(self.facts.text(name), "items" | "keys" | "values") => base,
                _ => return,
            },
            _ => value,
        };
        if !self.is_container(inner) {
            return;
        }
        if let Some(spot) = self.spot(inner) {
            self.note(at, spot, Touch::Iterate);
            let whole = self.facts.function(self.function.function).body;
            let body = loop_over(self.facts, whole, value, at);
            let awaited = body.and_then(|body| Rounds { facts: self.facts, found: None }.of(body));
            let is_list = self.kind_of(inner, |name| matches!(name, "builtins.list" | "list"));
            let it = Iteration { spot: self.known[spot].clone(), act: at, awaited, is_list };
            if !self.out.iterations.contains(&it) {
                self.out.iterations.push(it);
            }
            self.looked(state, at, spot);
        }
    }
}

/// The body of the loop over a value whose act this is.
fn loop_over(facts: &FileFacts, block: BlockId, value: ValueId, act: u32) -> Option<BlockId> {
    let span = facts.acts[act as usize].span;
    for flow in facts.block(block) {
        let found = match *flow {
            Flow::Loop { kind, body, orelse, span: whole, .. } => {
                if kind == LoopKind::For(value) && whole.start <= span.start && span.end <= whole.end {
                    // A loop of the same thing inside stands nearer.
                    return loop_over(facts, body, value, act).or(Some(body));
                }
                loop_over(facts, body, value, act).or_else(|| loop_over(facts, orelse, value, act))
            }
            Flow::Branch { then, orelse, .. } => {
                loop_over(facts, then, value, act).or_else(|| loop_over(facts, orelse, value, act))
            }
            Flow::Try { body, handlers: (first, count), orelse, finally, .. } => {
                let caught = &facts.handlers[first as usize..(first + count) as usize];
                [body, orelse, finally]
                    .into_iter()
                    .chain(caught.iter().map(|it| it.body))
                    .find_map(|it| loop_over(facts, it, value, act))
            }
            Flow::With { body, .. } => loop_over(facts, body, value, act),
            Flow::Match { cases: (first, count), .. } => facts.cases[first as usize..(first + count) as usize]
                .iter()
                .find_map(|it| loop_over(facts, *it, value, act)),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Whether a loop goes round again after an `await`.
struct Rounds<'a> {
    facts: &'a FileFacts,
    found: Option<u32>,
}

/// The `await` before a point, if any; nothing where the point is not reached.
type Reached = Option<Option<u32>>;

impl Rounds<'_> {
    fn of(mut self, body: BlockId) -> Option<u32> {
        let end = self.block(body, None, 0);
        self.found.or_else(|| end.flatten())
    }

    fn block(&mut self, block: BlockId, before: Option<u32>, depth: u32) -> Reached {
        let facts = self.facts;
        let mut now = before;
        if depth > 60 {
            return Some(now);
        }
        for flow in facts.block(block) {
            now = self.step(flow, now, depth + 1)?;
        }
        Some(now)
    }

    fn step(&mut self, flow: &Flow, now: Option<u32>, depth: u32) -> Reached {
        let facts = self.facts;
        match *flow {
            Flow::Acts { start, end } => Some(now.or_else(|| {
                (start..end).find(|at| {
                    matches!(
                        facts.acts[*at as usize].kind,
                        ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)
                    )
                })
            })),
            Flow::Return { .. } | Flow::Raise { .. } | Flow::Break(_) | Flow::Unreachable => None,
            Flow::Continue(_) => {
                self.found = self.found.or(now);
                None
            }
            Flow::Branch { then, orelse, .. } => either(self.block(then, now, depth), self.block(orelse, now, depth)),
            // `break` and `continue` of an inner loop stay inside.
            Flow::Loop { body, .. } => {
                let mut inner = Rounds { facts, found: None };
                let end = inner.block(body, now, depth);
                Some(now.or(inner.found).or_else(|| end.flatten()))
            }
            Flow::Try { body, handlers: (first, count), orelse, finally, .. } => {
                let tried = match self.block(body, now, depth) {
                    Some(state) => self.block(orelse, state, depth),
                    None => None,
                };
                let mut all = tried;
                for handler in &facts.handlers[first as usize..(first + count) as usize] {
                    let after = self.block(handler.body, tried.flatten().or(now), depth);
                    all = either(all, after);
                }
                self.block(finally, all?, depth)
            }
            Flow::With { body, .. } => self.block(body, now, depth),
            Flow::Match { cases: (first, count), exhaustive } => {
                let mut all = if exhaustive { None } else { Some(now) };
                for case in &facts.cases[first as usize..(first + count) as usize] {
                    let after = self.block(*case, now, depth);
                    all = either(all, after);
                }
                all
            }
        }
    }
}

fn either(a: Reached, b: Reached) -> Reached {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.or(b)),
        (it, None) | (None, it) => it,
    }
}
