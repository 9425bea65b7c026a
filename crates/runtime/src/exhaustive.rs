//! All schedules, with or without a bound on preemptions, leaving out those that only exchange independent acts.
//!
//! Without a bound: dynamic partial-order reduction with source sets and sleep sets (Abdulla, Aronis, Jonsson and Sagonas, 2014).
//! With a bound: backtracking with conservative points (Coons, Musuvathi and McKinley, 2013) and no sleep sets, since a sleeping
//! actor may stand for a schedule that the bound has cut. Bounds are tried from zero up.

mod node;
mod races;

use node::{Node, bit};
use races::Analysis;

use crate::operation::{ActorId, Operation};
use crate::point::{Blocked, Point};
use crate::strategy::{Because, Coverage, Next, Outcome, Strategy, Turn};

/// What an object's id means from one run to the next. Within the common beginning of two runs it is the same in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identities {
    /// The same object has the same id in every run.
    Stable,
    /// Ids are given in the order of first sight, so a new id may mean another object after another choice.
    FirstSeen,
}

/// How much is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    Nothing,
    Conservative,
    SourceSets,
}

/// Tries all schedules. See the file's head for how.
#[derive(Debug)]
pub struct Exhaustive {
    nodes: Vec<Node>,
    depth: usize,
    /// The first event of this run that was not part of the run before.
    changed: usize,
    reduction: Reduction,
    identities: Identities,
    bound: Option<u32>,
    last_bound: Option<u32>,
    done_bound: Option<u32>,
    /// A schedule was left out because of the bound.
    cut_by_bound: bool,
    finished: bool,
    doubt: Option<Because>,
    budget: u64,
    runs: u64,
    abandoned: u64,
    fresh: u32,
    /// Who has waited for a time since it last did anything.
    armed: u64,
    analysis: Analysis,
}

const MOST_ACTORS: u16 = 64;

impl Exhaustive {
    /// All schedules, in at most so many runs.
    #[must_use]
    pub fn unbounded(budget: u64) -> Self {
        Self::new(Reduction::SourceSets, None, budget)
    }

    /// All schedules with no preemption, then with one, and so on up to a bound.
    #[must_use]
    pub fn up_to(preemptions: u32, budget: u64) -> Self {
        Self::new(Reduction::Conservative, Some(preemptions), budget)
    }

    /// All schedules one by one, leaving out nothing: what the others are measured against.
    #[must_use]
    pub fn brute_force(budget: u64) -> Self {
        Self::new(Reduction::Nothing, None, budget)
    }

    /// Says that objects keep their ids from run to run, which saves some runs.
    #[must_use]
    pub fn identities(mut self, identities: Identities) -> Self {
        self.identities = identities;
        self
    }

    fn new(reduction: Reduction, last_bound: Option<u32>, budget: u64) -> Self {
        Self {
            nodes: Vec::new(),
            depth: 0,
            changed: 0,
            reduction,
            identities: Identities::FirstSeen,
            bound: last_bound.map(|_| 0),
            last_bound,
            done_bound: None,
            cut_by_bound: false,
            finished: false,
            doubt: None,
            budget,
            runs: 0,
            abandoned: 0,
            fresh: 0,
            armed: 0,
            analysis: Analysis::default(),
        }
    }

    /// Runs so far, those given up half-way included.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Runs given up because they showed nothing new.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.abandoned
    }

    fn follow(&mut self, point: &Point<'_>) -> Option<Turn> {
        let node = self.nodes.get_mut(self.depth)?;
        let is_same = self.depth >= self.changed || node.acts.first().copied() == point.operation(node.chosen());
        if !is_same || !node.is_at(point) {
            self.doubt.get_or_insert(Because::NotDeterministic);
            self.nodes.truncate(self.depth);
            self.changed = self.changed.min(self.depth);
            return None;
        }
        let chosen = node.chosen();
        if self.depth >= self.changed {
            node.begin(point.operation(chosen), self.armed);
        }
        self.armed = (self.armed | node.armed) & !bit(chosen);
        self.depth += 1;
        Some(Turn::Run(chosen))
    }

    /// The first choice at a point that was never seen before.
    fn arrive(&mut self, point: &Point<'_>) -> Turn {
        let spent = self.nodes.last().map_or(0, Node::spent_after);
        let mut node = Node::new(point, spent, self.fresh);
        if let Some(parent) = self.nodes.last_mut()
            && parent.timers != node.timers
        {
            // Whoever begins or ends a wait for a time decides which timers may fire.
            parent.did(Operation::Clock);
        }
        if let (Reduction::SourceSets, Some(parent)) = (self.reduction, self.nodes.last()) {
            // A step that may turn out to be another one elsewhere cannot stand for what was seen of it here.
            if !self.analysis.coarse {
                node.inherit_sleep(parent, self.identities);
            }
        }
        let undisturbed = point.undisturbed();
        let awake = node.enabled & !node.asleep;
        let chosen = match (awake & bit(undisturbed), awake) {
            (_, 0) => return Turn::Abandon,
            (0, _) => ActorId(awake.trailing_zeros() as u16),
            _ => undisturbed,
        };
        node.choose(chosen);
        node.begin(point.operation(chosen), self.armed);
        self.armed = (self.armed | node.armed) & !bit(chosen);
        if self.reduction == Reduction::Nothing {
            node.backtrack = node.enabled;
        }
        self.nodes.push(node);
        self.depth += 1;
        Turn::Run(chosen)
    }

    /// Makes ready the next run; whether there is one.
    fn advance(&mut self) -> bool {
        while let Some(node) = self.nodes.last_mut() {
            node.retire();
            while let Some(chosen) = node.candidate() {
                if self.bound.is_some_and(|bound| node.spent + node.cost(chosen) > bound) {
                    self.cut_by_bound = true;
                    node.done |= bit(chosen);
                    continue;
                }
                node.choose(chosen);
                self.changed = self.nodes.len() - 1;
                self.fresh = self.nodes[self.changed].fresh;
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    /// Nothing is left below the bound: the next bound, or the end.
    fn exhausted(&mut self) -> Next {
        self.done_bound = self.bound;
        let next = self.bound.zip(self.last_bound).filter(|(bound, last)| self.cut_by_bound && bound < last);
        let Some((bound, _)) = next else {
            self.finished = true;
            return Next::Exhausted;
        };
        self.bound = Some(bound + 1);
        self.cut_by_bound = false;
        self.changed = 0;
        self.fresh = 0;
        Next::Again
    }
}

impl Strategy for Exhaustive {
    fn begin_run(&mut self) {
        self.depth = 0;
        self.armed = 0;
        if self.changed == 0 {
            self.fresh = 0;
        }
    }

    fn choose(&mut self, point: &Point<'_>) -> Turn {
        let highest = point.runnable.iter().map(|it| it.actor).chain(point.ready().map(|it| it.actor)).max();
        if highest.is_some_and(|actor| actor.0 >= MOST_ACTORS) || self.doubt == Some(Because::TooManyActors) {
            self.doubt = Some(Because::TooManyActors);
            return Turn::Run(point.undisturbed());
        }
        let turn = match self.follow(point) {
            Some(turn) => turn,
            None => self.arrive(point),
        };
        if self.depth > self.changed
            && let Some(object) = self.nodes.get(self.depth - 1).and_then(Node::highest_object)
        {
            self.fresh = self.fresh.max(object + 1);
        }
        turn
    }

    fn observe(&mut self, operation: Operation) {
        if self.depth == 0 || self.depth <= self.changed {
            return;
        }
        if let Some(object) = operation.object() {
            self.fresh = self.fresh.max(object.0 + 1);
        }
        if let Some(node) = self.nodes.get_mut(self.depth - 1) {
            node.did(operation);
        }
    }

    fn left_over(&mut self, actor: ActorId) {
        if self.doubt == Some(Because::TooManyActors) || actor.0 >= MOST_ACTORS {
            return;
        }
        let ended = self.nodes.last().is_some_and(|last| last.acts.contains(&Operation::Opaque));
        if !ended || self.analysis.coarse {
            self.doubt.get_or_insert(Because::LeftOver);
        }
        races::left_over(&mut self.nodes, actor);
    }

    fn end_run(&mut self, outcome: Outcome, waiting: &[Blocked]) -> Next {
        self.runs += 1;
        match outcome {
            Outcome::Cut => {
                self.doubt = self.doubt.or(Some(Because::Cut));
                // Whoever never had its turn may be what the others wait for.
                let enabled = self.nodes.last().map_or(0, |last| last.enabled);
                let starved = (0..MOST_ACTORS).map(ActorId).filter(|actor| enabled & bit(*actor) != 0);
                starved.for_each(|actor| races::left_over(&mut self.nodes, actor));
            }
            Outcome::Abandoned => self.abandoned += 1,
            Outcome::Passed | Outcome::Failed | Outcome::Deadlock => {}
        }
        if self.doubt == Some(Because::TooManyActors) {
            return Next::Exhausted;
        }
        if self.depth < self.nodes.len() {
            self.doubt.get_or_insert(Because::NotDeterministic);
            self.nodes.truncate(self.depth);
        }
        if self.reduction != Reduction::Nothing {
            let was_coarse = self.analysis.coarse;
            self.analysis.backtrack(&mut self.nodes, self.changed, waiting, self.reduction);
            if self.analysis.coarse && !was_coarse && self.changed > 0 {
                // Actors have slept on what was thought to be single acts: begin again.
                self.nodes.clear();
                self.changed = 0;
                return if self.runs >= self.budget { Next::Budget } else { Next::Again };
            }
        }
        let next = if self.advance() { Next::Again } else { self.exhausted() };
        if next == Next::Again && self.runs >= self.budget { Next::Budget } else { next }
    }

    fn coverage(&self) -> Coverage {
        if let Some(because) = self.doubt {
            return Coverage::Some(because);
        }
        match (self.finished, self.done_bound) {
            (true, None) => Coverage::All,
            (true, Some(_)) if !self.cut_by_bound => Coverage::All,
            (_, Some(preemptions)) => Coverage::UpTo { preemptions },
            (false, None) => Coverage::Some(Because::Unfinished),
        }
    }
}
