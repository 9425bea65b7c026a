//! Happens-before of starting and joining: what the one who starts an actor does before and after it.
//!
//! `Thread.start` happens before all that the thread does, and all that it does happens before `join` returns (the
//! documentation of `threading`). Only acts of the starting function itself are placed in this order.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, FileFacts, GuardId, Value};

use super::{Actors, Family, Many, Root};
use crate::Program;
use crate::unit::FunctionRef;

impl Root {
    /// Whether the actor runs an act of a function: who starts others is one actor with them only from the start on.
    #[must_use]
    pub fn runs(&self, function: FunctionRef, act: u32) -> bool {
        match self.window {
            Some((start, end)) if function == self.function => (start..end).contains(&act),
            _ => true,
        }
    }
}

impl Program {
    /// Whether an act stands before the start or after the join of all that another root stands for.
    pub(crate) fn is_ordered(&self, actors: &Actors, at: (FunctionRef, u32), own: usize, other: usize) -> bool {
        let (root, other) = (&actors.roots[own], &actors.roots[other]);
        let Some((starter, spawn)) = other.from else { return false };
        if root.function != starter || other.window.is_some() || root.many != Many::One {
            return false;
        }
        // What the starter calls stands where it calls it.
        let at = match at.0 == starter {
            true => Some(at.1),
            false => actors.way(own, at.0).first().filter(|(caller, ..)| *caller == starter).map(|(_, act, _)| *act),
        };
        let Some(at) = at else { return false };
        let facts = &self.unit(starter.unit).facts;
        let (act, made) = (&facts.acts[at as usize], &facts.acts[spawn as usize]);
        // A start that happens under a condition, and an act that does not, may belong to different calls.
        let again = root.window.is_none() && made.guard != GuardId::ALWAYS && act.guard != made.guard;
        !again && self.lifetime(starter, spawn).is_some_and(|(start, end)| !(start..end).contains(&at))
    }

    /// From which act of the starter on an actor may run, and until which; nothing where it is started elsewhere.
    pub(crate) fn lifetime(&self, starter: FunctionRef, spawn: u32) -> Option<(u32, u32)> {
        let facts = &self.unit(starter.unit).facts;
        let (_, last) = self.function(starter).acts;
        let start = started_at(facts, spawn, last)?;
        // In a loop the next round runs beside what this round has started.
        let looped = facts.acts[spawn as usize].in_loop;
        let end = joined_at(facts, start, last);
        Some(if looped { (spawn.min(start), end) } else { (start, end) })
    }

    /// Those who start threads and go on beside them.
    pub(super) fn starter_roots(&self, roots: &[Root]) -> Vec<Root> {
        let mut found: Vec<Root> = Vec::new();
        for root in roots {
            let Some((starter, spawn)) = root.from else { continue };
            let threads = matches!(root.runner, Runner::Thread | Runner::ThreadPool);
            if !threads || root.lent || self.function(starter).is_async || self.waits_at_once(starter, spawn) {
                continue;
            }
            let Some((start, end)) = self.lifetime(starter, spawn) else { continue };
            if start + 1 >= end || found.iter().any(|it| it.function == starter && it.family == root.family) {
                continue;
            }
            found.push(Root {
                function: starter,
                runner: Runner::Caller,
                many: Many::One,
                from: Some((starter, spawn)),
                family: root.family,
                shared: u32::from(matches!(root.family, Family::Class(_))),
                lent: false,
                kept: Vec::new(),
                window: Some((start, end)),
                slot: None,
            });
        }
        found
    }

    /// `list(pool.map(f, items))`: all is done when the next statement begins.
    fn waits_at_once(&self, starter: FunctionRef, spawn: u32) -> bool {
        let facts = &self.unit(starter.unit).facts;
        let ActKind::Call(call) = facts.acts[spawn as usize].kind else { return false };
        let Value::Call(callee, _) = facts.value(call) else { return false };
        matches!(facts.called_name(callee), Some("map" | "starmap" | "imap" | "imap_unordered" | "apply" | "gather"))
    }
}

fn method_of(facts: &FileFacts, act: u32) -> Option<&str> {
    match facts.acts[act as usize].kind {
        ActKind::Call(call) => match facts.value(call) {
            Value::Call(callee, _) => facts.called_name(callee),
            _ => None,
        },
        _ => None,
    }
}

/// A pool runs what it is given at once, a thread waits for its `start`.
fn started_at(facts: &FileFacts, spawn: u32, last: u32) -> Option<u32> {
    if matches!(
        method_of(facts, spawn),
        Some("submit" | "apply_async" | "map_async" | "starmap_async" | "run_in_executor" | "start_new_thread" | "map")
    ) {
        return Some(spawn);
    }
    (spawn..last).find(|at| method_of(facts, *at) == Some("start"))
}

fn joined_at(facts: &FileFacts, start: u32, last: u32) -> u32 {
    let held = facts.acts[start as usize].held;
    let inside = |at: u32| {
        let mut it = facts.acts[at as usize].held;
        loop {
            if it == held {
                return true;
            }
            if it == raddle_facts::file::HeldId::NOTHING {
                return false;
            }
            it = facts.held[it.0 as usize].parent;
        }
    };
    (start + 1..last)
        .find(|at| {
            matches!(
                method_of(facts, *at),
                Some("join" | "result" | "shutdown" | "wait" | "as_completed" | "exception" | "get")
            ) || !inside(*at) && held != raddle_facts::file::HeldId::NOTHING
        })
        .unwrap_or(last)
}
