//! Names that hold something to await, followed along the control flow.

use std::collections::{BTreeMap, BTreeSet};

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, FileFacts, ListRange, ScopeId, Sym, Test, Usage, Value, ValueId};

use super::places::is_adding;
use super::{How, Lost};
use crate::Program;
use crate::awaitable::{Kind, Made};
use crate::unit::FunctionRef;

/// When a value becomes held by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// At this write.
    By(u32),
    /// When it is added to the container of this name.
    In(Sym),
}

/// Something held: the name, the call that made it, and whether the name holds it in a container.
type Pending = (u32, u32, bool);

struct Follow<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    scope: ScopeId,
    /// What a write binds: the calls, and whether in a display.
    writes: BTreeMap<u32, Vec<(u32, bool)>>,
    /// What a call adds to a container.
    added: BTreeMap<u32, Sym>,
    /// Names that some way reads for more than a look.
    read: BTreeSet<u32>,
    overwritten: BTreeMap<u32, u32>,
    tested: BTreeMap<u32, u32>,
    /// Those whose truth is asked where the name can hold nothing else.
    surely_tested: BTreeSet<u32>,
    /// Futures of other threads' loops, whose callbacks see what was raised.
    for_threads: BTreeSet<u32>,
}

impl Domain for Follow<'_> {
    type State = BTreeSet<Pending>;

    fn act(&mut self, state: &mut Self::State, at: u32, act: &Act) {
        match act.kind {
            ActKind::Call(_) => {
                if let Some(sym) = self.added.get(&at) {
                    state.insert((sym.0, at, true));
                }
            }
            ActKind::Read(place) => {
                if let Some(sym) = self.own(place) {
                    self.reads(state, at, act, sym);
                }
            }
            ActKind::Write(place, _) => {
                let Some(sym) = self.own(place) else { return };
                for (_, call, _) in state.iter().filter(|it| it.0 == sym.0 && !it.2) {
                    self.overwritten.entry(*call).or_insert(at);
                }
                state.retain(|it| it.0 != sym.0);
                for (call, contained) in self.writes.get(&at).into_iter().flatten() {
                    state.insert((sym.0, *call, *contained));
                }
            }
            ActKind::Update(place, _) | ActKind::Delete(place) => {
                if let Some(sym) = self.own(place) {
                    self.consume(state, sym);
                }
            }
            _ => {}
        }
    }

    fn join(&mut self, state: &mut Self::State, other: &Self::State) {
        state.extend(other.iter().copied());
    }

    fn raises(&mut self, _state: &Self::State, _at: u32, act: &Act) -> bool {
        matches!(act.kind, ActKind::Call(_) | ActKind::Await(_))
    }

    fn catches(&mut self, _state: &Self::State, _handler: &Handler) -> Catch {
        Catch::Some
    }

    /// After a failure other things count than what was not awaited.
    fn handle(&mut self, state: &mut Self::State, _handler: &Handler) {
        state.clear();
    }

    fn test(&mut self, state: &mut Self::State, test: ValueId, holds: bool) {
        let atom = self.atom(test);
        for (_, call, contained) in state.iter() {
            if !contained && self.facts.acts[*call as usize].kind == ActKind::Call(atom) {
                self.surely_tested.insert(*call);
            }
        }
        for value in self.absent(test, holds) {
            let facts = self.facts;
            let writes = &self.writes;
            state.retain(|(_, call, contained)| {
                *contained
                    || !writes.iter().any(|(at, calls)| {
                        calls.iter().any(|it| it.0 == *call)
                            && matches!(facts.acts[*at as usize].kind, ActKind::Write(place, written)
                                if written == value || place == value || super::places::mentions(facts, value, written, 0))
                    })
            });
        }
    }
}

impl Follow<'_> {
    fn own(&self, place: ValueId) -> Option<Sym> {
        match self.facts.value(place) {
            Value::Name(scope, sym) if scope == self.scope => Some(sym),
            _ => None,
        }
    }

    fn consume(&mut self, state: &mut BTreeSet<Pending>, sym: Sym) {
        self.read.insert(sym.0);
        state.retain(|it| it.0 != sym.0);
    }

    fn reads(&mut self, state: &mut BTreeSet<Pending>, at: u32, act: &Act, sym: Sym) {
        match act.usage {
            Usage::Formatted | Usage::Compared | Usage::Discarded => {}
            Usage::Tested => {
                for (_, call, _) in state.iter().filter(|it| it.0 == sym.0 && !it.2) {
                    self.tested.entry(*call).or_insert(at);
                }
            }
            Usage::Argument => {
                let inert = self.program.around(self.function, at).is_some_and(|(_, outer)| match outer.kind {
                    ActKind::Call(call) => self.program.inert(self.function, call).is_some(),
                    _ => false,
                });
                if !inert {
                    self.consume(state, sym);
                }
            }
            Usage::Receiver => {
                let name = self.program.around(self.function, at).and_then(|(_, outer)| {
                    let attribute = match outer.kind {
                        ActKind::Call(call) => match self.facts.value(call) {
                            Value::Call(callee, _) => callee,
                            _ => return None,
                        },
                        ActKind::Load(value) | ActKind::Again(value) => value,
                        _ => return None,
                    };
                    match self.facts.value(attribute) {
                        Value::Attribute(_, name) => Some((self.facts.text(name), outer.usage)),
                        _ => None,
                    }
                });
                let watched = state.iter().any(|it| it.0 == sym.0 && self.for_threads.contains(&it.1));
                let stays = name.is_some_and(|(name, usage)| {
                    usage == Usage::Discarded
                        && (is_adding(name) || (!watched && matches!(name, "add_done_callback" | "set_name")))
                });
                if !stays {
                    self.consume(state, sym);
                }
            }
            _ => self.consume(state, sym),
        }
    }

    /// What a condition asks, without `not`.
    fn atom(&self, test: ValueId) -> ValueId {
        match self.facts.value(test) {
            Value::Test(Test::Not, parts) => self.facts.list(parts).first().map_or(test, |it| self.atom(*it)),
            _ => test,
        }
    }

    /// The values that a condition says are `None` or false.
    fn absent(&self, test: ValueId, holds: bool) -> Vec<ValueId> {
        let first = |parts| self.facts.list(parts).first().copied();
        match self.facts.value(test) {
            Value::Test(Test::Not, parts) => first(parts).map_or_else(Vec::new, |it| self.absent(it, !holds)),
            Value::Test(Test::IsNone, parts) if holds => first(parts).into_iter().collect(),
            Value::Test(Test::IsNotNone, parts) if !holds => first(parts).into_iter().collect(),
            Value::Test(Test::And, parts) if holds => self.absent_parts(parts, holds),
            Value::Test(Test::Or, parts) if !holds => self.absent_parts(parts, holds),
            Value::Test(..) => Vec::new(),
            _ if holds => Vec::new(),
            _ => vec![test],
        }
    }

    fn absent_parts(&self, parts: ListRange, holds: bool) -> Vec<ValueId> {
        self.facts.list(parts).iter().flat_map(|it| self.absent(*it, holds)).collect()
    }
}

impl Program {
    /// Follows what is bound to names to the ends of the function.
    pub(super) fn follow(&self, function: FunctionRef, made: &[(u32, Held, Made)], acc: &mut Vec<Lost>) {
        let facts = &self.unit(function.unit).facts;
        let it = facts.function(function.function);
        let mut domain = Follow {
            program: self,
            facts,
            function,
            scope: it.scope,
            writes: BTreeMap::new(),
            added: BTreeMap::new(),
            read: BTreeSet::new(),
            overwritten: BTreeMap::new(),
            tested: BTreeMap::new(),
            surely_tested: BTreeSet::new(),
            for_threads: made.iter().filter(|it| it.2.kind == Kind::ThreadFuture).map(|it| it.0).collect(),
        };
        let mut names: BTreeMap<u32, Sym> = BTreeMap::new();
        for (at, held, _) in made {
            let sym = match held {
                Held::In(sym) => *sym,
                Held::By(write) => match facts.acts[*write as usize].kind {
                    ActKind::Write(place, _) => domain.own(place).expect("only writes to own names are followed"),
                    _ => continue,
                },
            };
            if self.is_seen_inside(function, sym) {
                continue;
            }
            names.insert(*at, sym);
            match held {
                Held::In(sym) => {
                    domain.added.insert(*at, *sym);
                }
                Held::By(write) => {
                    let contained = facts.acts[*at as usize].usage == Usage::Element;
                    domain.writes.entry(*write).or_default().push((*at, contained));
                }
            }
        }
        let exits = interpret(facts, function.function, &mut domain, BTreeSet::new());
        let mut left: BTreeSet<Pending> = BTreeSet::new();
        left.extend(exits.fall.into_iter().flatten());
        left.extend(exits.returned.into_iter().flatten());
        for (at, _, made) in made {
            let Some(sym) = names.get(at) else { continue };
            let name = facts.text(*sym).to_owned();
            let span = facts.acts[*at as usize].span;
            let lost = |how, at_span| Lost { act: *at, span, made: made.clone(), how, at: at_span };
            if let Some(test) = domain.tested.get(at)
                && made.kind == Kind::Coroutine
                && (domain.surely_tested.contains(at) || self.is_coroutine_alone(function, *test, *at))
            {
                acc.push(lost(How::Tested, Some(facts.acts[*test as usize].span)));
                continue;
            }
            if made.kind == Kind::Task && (self.waits_for_a_sign(function, *at) || self.runs_loop_after(function, *at))
            {
                continue;
            }
            let is_read = domain.read.contains(&sym.0);
            if let Some(write) = domain.overwritten.get(at) {
                acc.push(lost(How::Overwritten(name), Some(facts.acts[*write as usize].span)));
                continue;
            }
            let Some((_, _, contained)) = left.iter().find(|it| it.1 == *at) else { continue };
            match (contained, is_read, made.kind) {
                (true, false, _) => acc.push(lost(How::Contained(name), None)),
                (false, false, _) => acc.push(lost(How::Unused(name), None)),
                (false, true, Kind::Coroutine) => acc.push(lost(How::SomeWay(name), None)),
                _ => {}
            }
        }
    }

    /// Whether a plain function goes on to run the loop itself, so that its variables live as long as the loop runs.
    fn runs_loop_after(&self, function: FunctionRef, at: u32) -> bool {
        let it = self.function(function);
        let facts = &self.unit(function.unit).facts;
        !it.is_async
            && (at + 1..it.acts.1).any(|at| {
                let ActKind::Call(call) = facts.acts[at as usize].kind else { return false };
                let Value::Call(callee, _) = facts.value(call) else { return false };
                matches!(facts.called_name(callee), Some("run" | "run_forever" | "run_until_complete"))
            })
    }

    /// Whether a coroutine goes on to wait for an event or a queue: the task it started is likely to give the sign.
    fn waits_for_a_sign(&self, function: FunctionRef, at: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let (_, end) = facts.function(function.function).acts;
        facts.acts[at as usize..end as usize].iter().any(|act| {
            let ActKind::Await(value) = act.kind else { return false };
            let Value::Call(callee, _) = facts.value(value) else { return false };
            matches!(facts.value(callee), Value::Attribute(_, name)
                if matches!(facts.text(name), "wait" | "get" | "join" | "serve_forever" | "wait_closed"))
        })
    }

    /// Whether a function defined inside reads the name.
    fn is_seen_inside(&self, function: FunctionRef, sym: Sym) -> bool {
        let facts = &self.unit(function.unit).facts;
        let outer = self.function(function).span;
        self.functions_of(function.unit).any(|it| {
            let inner = self.function(it);
            it != function
                && outer.start <= inner.span.start
                && inner.span.end <= outer.end
                && facts
                    .acts_of(it.function)
                    .iter()
                    .any(|act| matches!(act.kind, ActKind::Read(place) if matches!(facts.value(place), Value::Name(_, name) if name == sym)))
        })
    }

    /// Whether a tested name can hold nothing but the coroutine.
    fn is_coroutine_alone(&self, function: FunctionRef, test: u32, call: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let (ActKind::Read(place), ActKind::Call(made)) =
            (facts.acts[test as usize].kind, facts.acts[call as usize].kind)
        else {
            return false;
        };
        let Value::Name(scope, sym) = facts.value(place) else { return false };
        facts.bindings(scope, facts.text(sym)).iter().all(|(_, value)| *value == made)
    }
}
