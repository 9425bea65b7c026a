//! Which acts of a run could have come in the other order, and where another choice leads there.

use rustc_hash::FxHashMap;

use super::Reduction;
use super::node::{Node, bit};
use crate::operation::{ActorId, Operation, Touch};
use crate::point::Blocked;

/// What is known of the run at hand; its memory is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    actors: usize,
    /// Some event so far was more than one act, or could have been.
    pub(super) coarse: bool,
    /// For each event a vector clock: how many acts of each actor happen before it or are it.
    rows: Vec<u32>,
    /// For each actor what happens before its next act, by its own doing.
    own: Vec<u32>,
    /// For each event which act of its actor it is, from one.
    nth: Vec<u32>,
    /// For each actor the event that last let it go on after it was blocked.
    woken: Vec<Option<usize>>,
    touched: FxHashMap<Touch, Vec<Touched>>,
    opaque: Vec<usize>,
    row: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Touched {
    event: usize,
    operation: Operation,
}

/// The later of two acts in a race: an event, or what an actor still waits to do.
struct Later<'a> {
    at: usize,
    actor: ActorId,
    acts: &'a [Operation],
}

impl Analysis {
    /// Adds to each node who should be tried there because of the run that the nodes are.
    pub(super) fn backtrack(&mut self, nodes: &mut [Node], from: usize, waiting: &[Blocked], reduction: Reduction) {
        self.begin(nodes, waiting);
        for at in 0..nodes.len() {
            self.arrivals(nodes, at);
            let actor = nodes[at].chosen();
            let acts = std::mem::take(&mut nodes[at].acts);
            if at >= from {
                self.races(nodes, &Later { at, actor, acts: &acts }, reduction);
            }
            self.happen(at, actor, &acts);
            nodes[at].acts = acts;
        }
        for blocked in waiting {
            let acts = [blocked.operation];
            self.races(nodes, &Later { at: nodes.len(), actor: blocked.actor, acts: &acts }, reduction);
        }
    }

    fn begin(&mut self, nodes: &[Node], waiting: &[Blocked]) {
        let alive = nodes.iter().fold(0, |set, node| set | node.alive);
        let waits = waiting.iter().fold(alive, |set, it| set | bit(it.actor));
        self.actors = 64 - waits.leading_zeros() as usize;
        let is_coarse = |acts: &[Operation]| {
            acts.contains(&Operation::Step) || acts.iter().filter(|act| act.object().is_some()).count() > 1
        };
        self.coarse |= nodes.iter().any(|node| is_coarse(&node.acts));
        self.rows.clear();
        self.nth.clear();
        self.opaque.clear();
        self.own.clear();
        self.own.resize(self.actors * self.actors, 0);
        self.woken.clear();
        self.woken.resize(self.actors, None);
        if self.touched.len() > 4096 {
            self.touched.clear();
        }
        for list in self.touched.values_mut() {
            list.clear();
        }
    }

    /// Actors that could not go on before the last event and can now.
    fn arrivals(&mut self, nodes: &[Node], at: usize) {
        let Some(before) = at.checked_sub(1) else { return };
        let mut new = nodes[at].enabled & !nodes[before].enabled & !bit(nodes[before].chosen());
        while new != 0 {
            let actor = new.trailing_zeros() as usize;
            new &= new - 1;
            if nodes[before].alive & (1 << actor) == 0 {
                // It was started: nothing could have brought it here earlier.
                let row = before * self.actors;
                for other in 0..self.actors {
                    let own = &mut self.own[actor * self.actors + other];
                    *own = (*own).max(self.rows[row + other]);
                }
            }
            self.woken[actor] = Some(before);
        }
    }

    /// Adds an event to the order.
    fn happen(&mut self, at: usize, actor: ActorId, acts: &[Operation]) {
        let this = usize::from(actor.0);
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.extend_from_slice(&self.own[this * self.actors..][..self.actors]);
        if let Some(event) = self.woken[this].take() {
            join(&mut row, &self.rows[event * self.actors..]);
        }
        for &act in acts {
            match act {
                Operation::Join(other) if usize::from(other.0) < self.actors => {
                    join(&mut row, &self.own[usize::from(other.0) * self.actors..]);
                }
                Operation::Opaque if at > 0 => {
                    (0..at).for_each(|event| join(&mut row, &self.rows[event * self.actors..]))
                }
                _ => {}
            }
            for touch in act.touches() {
                let list = self.touched.entry(touch).or_default();
                for earlier in list.iter().rev() {
                    if !(act.only_looks() && earlier.operation.only_looks()) {
                        join(&mut row, &self.rows[earlier.event * self.actors..]);
                    }
                    if !earlier.operation.only_looks() {
                        break;
                    }
                }
                list.push(Touched { event: at, operation: act });
            }
        }
        for event in &self.opaque {
            join(&mut row, &self.rows[event * self.actors..]);
        }
        if acts.contains(&Operation::Opaque) {
            self.opaque.push(at);
        }
        row[this] = self.own[this * self.actors + this] + 1;
        self.nth.push(row[this]);
        self.rows.extend_from_slice(&row);
        self.own[this * self.actors..][..self.actors].copy_from_slice(&row);
        self.row = row;
    }

    /// Finds with what earlier acts a later one races.
    fn races(&self, nodes: &mut [Node], later: &Later<'_>, reduction: Reduction) {
        if later.acts.contains(&Operation::Opaque) {
            (0..later.at.min(self.nth.len())).for_each(|event| self.reverse(nodes, event, later, reduction));
        }
        for event in &self.opaque {
            self.reverse(nodes, *event, later, reduction);
        }
        for &act in later.acts {
            if let (Operation::Join(other), Reduction::Conservative) = (act, reduction)
                && let Some(last) = (0..later.at.min(self.nth.len())).rev().find(|at| nodes[*at].chosen() == other)
                && nodes[last].enabled & bit(later.actor) != 0
            {
                self.reverse(nodes, last, later, reduction);
            }
            for touch in act.touches() {
                let Some(list) = self.touched.get(&touch) else { continue };
                self.races_over(nodes, list, act, later, reduction);
            }
        }
    }

    fn races_over(
        &self,
        nodes: &mut [Node],
        list: &[Touched],
        act: Operation,
        later: &Later<'_>,
        reduction: Reduction,
    ) {
        let mut reversed = false;
        for earlier in list.iter().rev() {
            let looks = earlier.operation.only_looks();
            if looks && act.only_looks() {
                continue;
            }
            let settled = self.is_before_own(nodes, earlier.event, later.actor);
            if reduction == Reduction::Conservative && !settled && nodes[earlier.event].enabled & bit(later.actor) != 0
            {
                // Even an act that cannot come first matters: to run into it and be blocked is a switch that costs nothing.
                self.reverse(nodes, earlier.event, later, reduction);
            } else if !settled && self.could_come_first(nodes, earlier, act, later) {
                // A change behind a look that was reversed is no neighbour: the look stands between.
                if looks || !reversed || reduction == Reduction::Conservative {
                    self.reverse(nodes, earlier.event, later, reduction);
                }
                reversed = true;
            }
            if !looks && (settled || reversed) && reduction == Reduction::SourceSets {
                break;
            }
        }
    }

    /// Whether an event happens before the next act of an actor by that actor's own doing.
    fn is_before_own(&self, nodes: &[Node], event: usize, actor: ActorId) -> bool {
        let by = usize::from(nodes[event].chosen().0);
        by == usize::from(actor.0) || self.own[usize::from(actor.0) * self.actors + by] >= self.nth[event]
    }

    /// Whether `first` happens before `second`, another event.
    fn is_before(&self, nodes: &[Node], first: usize, second: usize) -> bool {
        self.rows[second * self.actors + usize::from(nodes[first].chosen().0)] >= self.nth[first]
    }

    /// Whether anything but the earlier act lets the later one happen.
    fn could_come_first(&self, nodes: &[Node], earlier: &Touched, act: Operation, later: &Later<'_>) -> bool {
        if let (Operation::Release(_), Operation::Acquire(_)) = (earlier.operation, act) {
            return false;
        }
        let could_already = nodes[earlier.event].enabled & bit(later.actor) != 0;
        let moved = nodes[earlier.event + 1..later.at].iter().any(|node| node.chosen() == later.actor);
        if could_already || moved {
            return true;
        }
        self.woken[usize::from(later.actor.0)]
            .is_some_and(|waker| waker > earlier.event && !self.is_before(nodes, earlier.event, waker))
    }

    /// Sees to it that the later act is tried before the earlier one.
    fn reverse(&self, nodes: &mut [Node], event: usize, later: &Later<'_>, reduction: Reduction) {
        if self.is_before_own(nodes, event, later.actor) {
            return;
        }
        if reduction == Reduction::Conservative {
            conservative(nodes, event, later.actor);
            return;
        }
        let initials = self.initials(nodes, event, later, |_| true);
        if !self.coarse && later.at < nodes.len() {
            cover(&mut nodes[event], initials, bit(later.actor));
        } else {
            // The later act may be more than it announced, or another one when it comes first, and mind what the others did: it
            // is to be tried after all of them and after as few as can be.
            cover(&mut nodes[event], initials & !bit(later.actor), 0);
            let waker = self.woken[usize::from(later.actor.0)];
            let waker = waker.filter(|waker| *waker > event && !self.is_before(nodes, event, *waker));
            let needed = self.initials(nodes, event, later, |at| {
                self.is_before_own(nodes, at, later.actor)
                    || waker.is_some_and(|waker| at == waker || self.is_before(nodes, at, waker))
            });
            cover(&mut nodes[event], needed, bit(later.actor));
        }
    }

    /// Who can begin a run from `event` that does the later act first, after those events that do not depend on `event` and
    /// are wanted.
    fn initials(&self, nodes: &[Node], event: usize, later: &Later<'_>, is_wanted: impl Fn(usize) -> bool) -> u64 {
        let (mut initials, mut seen) = (0, 0);
        let mut firsts: smallvec::SmallVec<[usize; 8]> = smallvec::SmallVec::new();
        let mut free = self.woken[usize::from(later.actor.0)]
            .is_none_or(|waker| waker <= event || self.is_before(nodes, event, waker));
        for at in event + 1..later.at {
            if self.is_before(nodes, event, at) || !is_wanted(at) {
                continue;
            }
            let actor = nodes[at].chosen();
            free &= !nodes[at].conflicts(later.acts);
            if seen & bit(actor) != 0 {
                continue;
            }
            if firsts.iter().all(|first| !self.is_before(nodes, *first, at)) {
                initials |= bit(actor);
            }
            seen |= bit(actor);
            firsts.push(at);
        }
        if free && seen & bit(later.actor) == 0 {
            initials |= bit(later.actor);
        }
        initials & nodes[event].enabled
    }
}

/// Tries one of these, unless one of them is tried or need not be.
fn cover(node: &mut Node, initials: u64, preferred: u64) {
    if initials & (node.backtrack | node.asleep) == 0 {
        let chosen = initials & preferred;
        node.backtrack |= if chosen != 0 { chosen } else { initials & initials.wrapping_neg() };
    }
}

/// Tries an actor before an event, and wherever it can be had without a preemption on the way back to where the event's actor was
/// last switched to: taking its turn in the middle may be more than the bound allows.
fn conservative(nodes: &mut [Node], event: usize, actor: ActorId) {
    try_at(&mut nodes[event], actor);
    for at in (0..=event).rev() {
        let is_begin = at == 0 || nodes[at - 1].chosen() != nodes[at].chosen();
        if is_begin || nodes[at].cost(actor) == 0 {
            try_at(&mut nodes[at], actor);
        }
        if is_begin {
            return;
        }
    }
}

/// The run ended without an actor that could go on. What else it would have done is not known: it is tried everywhere.
pub(super) fn left_over(nodes: &mut [Node], actor: ActorId) {
    for node in nodes {
        node.backtrack |= node.enabled & bit(actor);
    }
}

fn try_at(node: &mut Node, actor: ActorId) {
    node.backtrack |= if node.enabled & bit(actor) != 0 { bit(actor) } else { node.enabled };
}

fn join(row: &mut [u32], other: &[u32]) {
    for (mine, theirs) in row.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}
