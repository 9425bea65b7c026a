//! What blocks the event loop, followed back from the blocking call to where the loop enters.

use raddle_facts::ActKind;
use raddle_vocabulary::{Cause, Cost};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Program;
use crate::calls::Sure;
use crate::guards::Guarded;
use crate::runs_on::{LoopCode, Sink};
use crate::unit::FunctionRef;

/// The blocking calls of one cause in one function, and how the event loop gets there.
#[derive(Debug)]
pub struct Blocked {
    /// The blocking calls: the worst first, the others in source order.
    pub sinks: Vec<usize>,
    /// The function they stand in.
    pub function: FunctionRef,
    /// What they wait for.
    pub cause: Cause,
    /// The worst of their costs.
    pub cost: Cost,
    /// The conditions around the worst call.
    pub guarded: Guarded,
    /// How the loop gets to the function, the best witness first; empty when the function is an entry and nothing else.
    pub reaches: Vec<Reach>,
    /// Whether the function is itself an entry.
    pub direct: bool,
}

/// One way from an entry to a blocking function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The entry.
    pub entry: FunctionRef,
    /// The calls from the entry to the blocking function, in order: edges of [`LoopCode`].
    pub edges: Vec<usize>,
    /// What the conditions on the way say.
    pub guarded: Guarded,
    /// The weakest link.
    pub sure: Sure,
    /// Whether a caller on the way also hands the callee to a thread: it chose to run it here.
    pub chosen: bool,
}

/// Answers about guards, edge by edge.
struct Guards<'a> {
    program: &'a Program,
    known: FxHashMap<(crate::UnitId, raddle_facts::GuardId), Guarded>,
}

impl Guards<'_> {
    fn at(&mut self, function: FunctionRef, act: u32) -> Guarded {
        let guard = self.program.guard_of(function.unit, act);
        *self.known.entry((function.unit, guard)).or_insert_with(|| self.program.guarded(function.unit, guard))
    }
}

impl Program {
    /// Every blocking call on the event loop with the ways to it, in order of files and functions.
    #[must_use]
    pub fn blocked(&self, code: &LoopCode) -> Vec<Blocked> {
        let mut callers: FxHashMap<FunctionRef, Vec<usize>> = FxHashMap::default();
        for (at, edge) in code.edges.iter().enumerate() {
            callers.entry(edge.callee).or_default().push(at);
        }
        let mut groups: FxHashMap<(FunctionRef, Cause), Vec<usize>> = FxHashMap::default();
        for (at, sink) in code.sinks.iter().enumerate() {
            groups.entry((sink.function, sink.blocking.cause)).or_default().push(at);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);
        let chunks: Vec<Vec<Option<Blocked>>> = groups
            .par_chunks(32)
            .map(|chunk| {
                let mut guards = Guards { program: self, known: FxHashMap::default() };
                chunk
                    .iter()
                    .map(|((function, cause), sinks)| {
                        self.blocked_in(*function, *cause, sinks, code, &callers, &mut guards)
                    })
                    .collect()
            })
            .collect();
        chunks.into_iter().flatten().flatten().collect()
    }

    fn blocked_in(
        &self,
        function: FunctionRef,
        cause: Cause,
        sinks: &[usize],
        code: &LoopCode,
        callers: &FxHashMap<FunctionRef, Vec<usize>>,
        guards: &mut Guards<'_>,
    ) -> Option<Blocked> {
        let mut open: Vec<usize> =
            sinks.iter().copied().filter(|at| !guards.at(function, code.sinks[*at].act).knows_where).collect();
        let order = |at: &usize| {
            let sink: &Sink = &code.sinks[*at];
            (std::cmp::Reverse(sink.blocking.cost), sink.act)
        };
        open.sort_by_key(|at| code.sinks[*at].act);
        open.dedup_by_key(|at| code.sinks[*at].act);
        let worst = open.iter().copied().min_by_key(order)?;
        open.retain(|at| *at != worst);
        open.insert(0, worst);
        let direct = code.entry_of.contains_key(&function);
        let acts: Vec<u32> = open.iter().map(|at| code.sinks[*at].act).collect();
        let reaches = match self.function(function).is_async {
            true => Vec::new(),
            false => self.reaches(function, &acts, code, callers, guards),
        };
        if !direct && reaches.is_empty() {
            return None;
        }
        Some(Blocked {
            function,
            cause,
            cost: code.sinks[worst].blocking.cost,
            guarded: guards.at(function, code.sinks[worst].act),
            sinks: open,
            reaches,
            direct,
        })
    }

    /// Breadth first from the blocking function to its callers, so that the first way found is a shortest one.
    fn reaches(
        &self,
        function: FunctionRef,
        acts: &[u32],
        code: &LoopCode,
        callers: &FxHashMap<FunctionRef, Vec<usize>>,
        guards: &mut Guards<'_>,
    ) -> Vec<Reach> {
        let mut next: FxHashMap<FunctionRef, usize> = FxHashMap::default();
        let mut seen: FxHashSet<FunctionRef> = std::iter::once(function).collect();
        let mut reached: FxHashSet<FunctionRef> = FxHashSet::default();
        let mut queue = std::collections::VecDeque::from([function]);
        let mut reaches = Vec::new();
        while let Some(callee) = queue.pop_front() {
            for at in callers.get(&callee).map_or(&[][..], |it| it) {
                let edge = &code.edges[*at];
                let elsewhere = callee == function && acts.iter().all(|act| self.argument_rules_out(edge, *act));
                if elsewhere || guards.at(edge.caller, edge.act).knows_where {
                    continue;
                }
                let is_entry = code.entry_of.contains_key(&edge.caller);
                if is_entry && reached.insert(edge.caller) {
                    let mut edges = vec![*at];
                    let mut from = callee;
                    while let Some(at) = next.get(&from) {
                        edges.push(*at);
                        from = code.edges[*at].callee;
                    }
                    reaches.push(self.reach(edge.caller, edges, code, guards));
                }
                let goes_on = !self.function(edge.caller).is_async;
                if goes_on && seen.insert(edge.caller) {
                    next.insert(edge.caller, *at);
                    queue.push_back(edge.caller);
                }
            }
        }
        reaches.sort_by_cached_key(|reach| {
            let weight =
                self.is_test(reach.entry) || code.commands.contains(&reach.entry) || code.once.contains(&reach.entry);
            (
                weight,
                reach.chosen,
                reach.guarded.by_mode,
                reach.guarded.once,
                reach.edges.len(),
                reach.sure,
                reach.entry,
            )
        });
        reaches
    }

    fn reach(&self, entry: FunctionRef, edges: Vec<usize>, code: &LoopCode, guards: &mut Guards<'_>) -> Reach {
        let mut guarded = Guarded::default();
        let mut sure = Sure::Only;
        let mut chosen = false;
        for at in &edges {
            let edge = &code.edges[*at];
            let here = guards.at(edge.caller, edge.act);
            guarded.by_mode |= here.by_mode;
            guarded.on_error |= here.on_error;
            guarded.once |= here.once || self.decoration(edge.callee).is_once;
            sure = sure.max(edge.sure);
            chosen |= code.also_elsewhere.contains(&(edge.caller, edge.callee));
        }
        Reach { entry, edges, guarded, sure, chosen }
    }

    /// Whether an act of a coroutine comes before the coroutine first gives the loop to anybody else.
    #[must_use]
    pub fn before_first_await(&self, function: FunctionRef, act: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let (start, _) = facts.function(function.function).acts;
        let mine = facts.acts[act as usize];
        !mine.in_loop
            && facts.acts[start as usize..act as usize].iter().all(|it| {
                !matches!(
                    it.kind,
                    ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) | ActKind::Yield
                )
            })
    }

    /// Whether an entry runs once, when the program starts or stops.
    #[must_use]
    pub fn runs_once(&self, entry: FunctionRef, code: &LoopCode) -> bool {
        code.once.contains(&entry)
    }
}
