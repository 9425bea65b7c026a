//! One walk along the control flow of a function, for any question with a state.

use crate::file::{Act, FileFacts, FunctionId, Held};
use crate::value::ValueId;

use super::{BlockId, Flow, Handler, LoopKind};

/// How much of what is raised a handler catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catch {
    /// Nothing of what the domain follows.
    Nothing,
    /// Some of it: the rest goes on.
    Some,
    /// All of it.
    All,
}

/// A question that is asked along the control flow.
///
/// States form a lattice of finite height: [`Domain::join`] only ever adds, so that loops come to rest.
pub trait Domain {
    /// What is known at a point.
    type State: Clone + PartialEq;

    /// An act happens; `at` is its place in the file's pool.
    fn act(&mut self, state: &mut Self::State, at: u32, act: &Act);

    /// Joins what is known on another way to the same point.
    fn join(&mut self, state: &mut Self::State, other: &Self::State);

    /// Whether an act may raise what the domain follows. The state before the act goes to the handlers.
    fn raises(&mut self, state: &Self::State, at: u32, act: &Act) -> bool;

    /// How much of what arrives in this state a handler catches.
    fn catches(&mut self, state: &Self::State, handler: &Handler) -> Catch;

    /// A handler begins.
    fn handle(&mut self, _state: &mut Self::State, _handler: &Handler) {}

    /// The condition of a `while` is about to be asked, once more after each round.
    fn ask(&mut self, _state: &mut Self::State, _test: ValueId) {}

    /// A condition held, or did not.
    fn test(&mut self, _state: &mut Self::State, _test: ValueId, _holds: bool) {}

    /// A `with` item was entered.
    fn enter(&mut self, _state: &mut Self::State, _held: &Held) {}

    /// A `with` item is left, whichever way.
    fn leave(&mut self, _state: &mut Self::State, _held: &Held) {}

    /// Whether leaving a `with` item swallows what was raised in it.
    fn swallows(&mut self, _state: &Self::State, _held: &Held) -> Catch {
        Catch::Nothing
    }

    /// `return`, `raise`, `break` or `continue` is reached.
    fn exit(&mut self, _state: &mut Self::State, _flow: &Flow) {}
}

/// The states in which control leaves a block, by the way it leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Exits<S> {
    /// At its end.
    pub fall: Option<S>,
    /// By `return`.
    pub returned: Option<S>,
    /// By an exception.
    pub raised: Option<S>,
    /// By `break`.
    pub broke: Option<S>,
    /// By `continue`.
    pub continued: Option<S>,
}

impl<S> Exits<S> {
    fn none() -> Exits<S> {
        Exits { fall: None, returned: None, raised: None, broke: None, continued: None }
    }
}

/// Loops are gone round at most this often; a lattice as low as ours rests sooner.
const ROUNDS: usize = 8;
/// Blocks nested deeper than this are taken as empty.
const DEEPEST: u32 = 200;
/// Steps that one function may take: loops in loops and `finally` in `finally` multiply. What is left is taken as empty.
const STEPS: u32 = 100_000;

/// Runs a domain over the body of a function.
pub fn interpret<D: Domain>(
    facts: &FileFacts,
    function: FunctionId,
    domain: &mut D,
    state: D::State,
) -> Exits<D::State> {
    interpret_block(facts, facts.function(function).body, domain, state)
}

/// Runs a domain over a block.
pub fn interpret_block<D: Domain>(
    facts: &FileFacts,
    block: BlockId,
    domain: &mut D,
    state: D::State,
) -> Exits<D::State> {
    Interpreter { facts, domain, depth: 0, steps: STEPS }.block(block, state)
}

struct Interpreter<'a, D> {
    facts: &'a FileFacts,
    domain: &'a mut D,
    depth: u32,
    steps: u32,
}

impl<D: Domain> Interpreter<'_, D> {
    fn merge(&mut self, into: &mut Option<D::State>, other: Option<D::State>) {
        match (into.as_mut(), other) {
            (Some(state), Some(other)) => self.domain.join(state, &other),
            (None, Some(other)) => *into = Some(other),
            (_, None) => {}
        }
    }

    /// Joins all ways out but the end.
    fn leave_by(&mut self, into: &mut Exits<D::State>, other: Exits<D::State>) -> Option<D::State> {
        self.merge(&mut into.returned, other.returned);
        self.merge(&mut into.raised, other.raised);
        self.merge(&mut into.broke, other.broke);
        self.merge(&mut into.continued, other.continued);
        other.fall
    }

    fn block(&mut self, block: BlockId, state: D::State) -> Exits<D::State> {
        let mut exits = Exits::none();
        let mut now = Some(state);
        if self.depth < DEEPEST {
            self.depth += 1;
            for flow in self.facts.block(block) {
                let Some(state) = now.take() else { break };
                let Some(steps) = self.steps.checked_sub(1) else {
                    now = Some(state);
                    break;
                };
                self.steps = steps;
                let step = self.step(flow, state);
                now = self.leave_by(&mut exits, step);
            }
            self.depth -= 1;
        }
        exits.fall = now;
        exits
    }

    fn step(&mut self, flow: &Flow, mut state: D::State) -> Exits<D::State> {
        let mut exits = Exits::none();
        match flow {
            Flow::Acts { start, end } => {
                for at in *start..*end {
                    let act = &self.facts.acts[at as usize];
                    if self.domain.raises(&state, at, act) {
                        let raised = state.clone();
                        self.merge(&mut exits.raised, Some(raised));
                    }
                    self.domain.act(&mut state, at, act);
                }
                exits.fall = Some(state);
            }
            Flow::Unreachable => {}
            Flow::Return { .. } => {
                self.domain.exit(&mut state, flow);
                exits.returned = Some(state);
            }
            Flow::Raise { .. } => {
                self.domain.exit(&mut state, flow);
                exits.raised = Some(state);
            }
            Flow::Break(_) => {
                self.domain.exit(&mut state, flow);
                exits.broke = Some(state);
            }
            Flow::Continue(_) => {
                self.domain.exit(&mut state, flow);
                exits.continued = Some(state);
            }
            Flow::Branch { test, then, orelse } => {
                let mut otherwise = state.clone();
                self.domain.test(&mut state, *test, true);
                self.domain.test(&mut otherwise, *test, false);
                let then = self.block(*then, state);
                exits.fall = self.leave_by(&mut exits, then);
                let orelse = self.block(*orelse, otherwise);
                let fall = self.leave_by(&mut exits, orelse);
                self.merge(&mut exits.fall, fall);
            }
            Flow::Loop { kind, body, orelse, .. } => return self.repeat(*kind, *body, *orelse, state),
            Flow::Try { body, handlers, orelse, finally, .. } => {
                let handlers = &self.facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
                let inner = self.attempt(*body, handlers, *orelse, state);
                return if *finally == BlockId::EMPTY { inner } else { self.finally(*finally, inner) };
            }
            Flow::With { held, body, .. } => {
                let held = self.facts.held[held.0 as usize];
                return self.with(&held, *body, state);
            }
            Flow::Match { cases, exhaustive } => {
                for at in cases.0..cases.0 + cases.1 {
                    let case = self.block(self.facts.cases[at as usize], state.clone());
                    let fall = self.leave_by(&mut exits, case);
                    self.merge(&mut exits.fall, fall);
                }
                if !exhaustive {
                    self.merge(&mut exits.fall, Some(state));
                }
            }
        }
        exits
    }

    fn repeat(&mut self, kind: LoopKind, body: BlockId, orelse: BlockId, state: D::State) -> Exits<D::State> {
        let mut exits = Exits::none();
        let mut head = state;
        let mut broke = None;
        for _ in 0..ROUNDS {
            let mut inside = head.clone();
            if let LoopKind::While(test) = kind {
                self.domain.ask(&mut inside, test);
                self.domain.test(&mut inside, test, true);
            }
            let mut round = self.block(body, inside);
            self.merge(&mut broke, round.broke.take());
            let continued = round.continued.take();
            let mut back = self.leave_by(&mut exits, round);
            self.merge(&mut back, continued);
            let Some(back) = back else { break };
            let before = head.clone();
            self.domain.join(&mut head, &back);
            if head == before {
                break;
            }
        }
        if kind != LoopKind::Forever {
            if let LoopKind::While(test) = kind {
                self.domain.ask(&mut head, test);
                self.domain.test(&mut head, test, false);
            }
            let after = self.block(orelse, head);
            exits.fall = self.leave_by(&mut exits, after);
        }
        self.merge(&mut exits.fall, broke);
        exits
    }

    fn attempt(&mut self, body: BlockId, handlers: &[Handler], orelse: BlockId, state: D::State) -> Exits<D::State> {
        let mut exits = Exits::none();
        let mut tried = self.block(body, state);
        let mut raised = tried.raised.take();
        let fall = self.leave_by(&mut exits, tried);
        if let Some(state) = fall {
            let after = self.block(orelse, state);
            exits.fall = self.leave_by(&mut exits, after);
        }
        for handler in handlers {
            let Some(state) = &raised else { break };
            let catch = self.domain.catches(state, handler);
            if catch == Catch::Nothing {
                continue;
            }
            let mut caught = state.clone();
            self.domain.handle(&mut caught, handler);
            let handled = self.block(handler.body, caught);
            let fall = self.leave_by(&mut exits, handled);
            self.merge(&mut exits.fall, fall);
            if catch == Catch::All {
                raised = None;
            }
        }
        self.merge(&mut exits.raised, raised);
        exits
    }

    /// Each way out goes through the `finally` block and then on, unless the block leaves by itself.
    fn finally(&mut self, finally: BlockId, inner: Exits<D::State>) -> Exits<D::State> {
        let mut exits = Exits::none();
        let Exits { fall, returned, raised, broke, continued } = inner;
        exits.fall = fall.and_then(|state| self.through(finally, state, &mut exits));
        let after = returned.and_then(|state| self.through(finally, state, &mut exits));
        self.merge(&mut exits.returned, after);
        let after = raised.and_then(|state| self.through(finally, state, &mut exits));
        self.merge(&mut exits.raised, after);
        let after = broke.and_then(|state| self.through(finally, state, &mut exits));
        self.merge(&mut exits.broke, after);
        let after = continued.and_then(|state| self.through(finally, state, &mut exits));
        self.merge(&mut exits.continued, after);
        exits
    }

    fn through(&mut self, block: BlockId, state: D::State, exits: &mut Exits<D::State>) -> Option<D::State> {
        let after = self.block(block, state);
        self.leave_by(exits, after)
    }

    fn with(&mut self, held: &Held, body: BlockId, mut state: D::State) -> Exits<D::State> {
        self.domain.enter(&mut state, held);
        let mut exits = self.block(body, state);
        let ways = [&mut exits.fall, &mut exits.returned, &mut exits.broke, &mut exits.continued];
        for state in ways.into_iter().flatten() {
            self.domain.leave(state, held);
        }
        if let Some(mut state) = exits.raised.take() {
            let swallows = self.domain.swallows(&state, held);
            self.domain.leave(&mut state, held);
            if swallows != Catch::Nothing {
                self.merge(&mut exits.fall, Some(state.clone()));
            }
            if swallows != Catch::All {
                exits.raised = Some(state);
            }
        }
        exits
    }
}
