//! Who waits for whom, and the circle in which nobody can go on.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::operation::{ActorId, Operation};
use crate::point::Blocked;

/// One step of a circle: an actor, what it wants, and who would have to go on first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who waits.
    pub actor: ActorId,
    /// For what.
    pub operation: Operation,
    /// For whom.
    pub holder: ActorId,
}

/// The circle among blocked actors, beginning with the smallest actor in it; nothing if they wait for something that nobody
/// holds, as in a lost wake-up.
#[must_use]
pub fn wait_cycle(blocked: &[Blocked]) -> Option<Vec<Link>> {
    let links: FxHashMap<ActorId, Link> = blocked.iter().filter_map(|it| Some((it.actor, link(it)?))).collect();
    let mut starts: Vec<ActorId> = links.keys().copied().collect();
    starts.sort_unstable();
    let mut known_free = FxHashSet::default();
    for start in starts {
        let mut path = Vec::new();
        let mut on_path = FxHashSet::default();
        let mut at = start;
        while let Some(link) = links.get(&at) {
            if known_free.contains(&at) || !on_path.insert(at) {
                break;
            }
            path.push(*link);
            at = link.holder;
        }
        if on_path.contains(&at) && !known_free.contains(&at) {
            let begin = path.iter().position(|link| link.actor == at).unwrap_or(0);
            let mut cycle = path.split_off(begin);
            let smallest = (0..cycle.len()).min_by_key(|index| cycle[*index].actor).unwrap_or(0);
            cycle.rotate_left(smallest);
            return Some(cycle);
        }
        known_free.extend(on_path);
    }
    None
}

fn link(blocked: &Blocked) -> Option<Link> {
    let holder = match blocked.operation {
        Operation::Join(actor) => actor,
        _ => blocked.holder?,
    };
    Some(Link { actor: blocked.actor, operation: blocked.operation, holder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::ObjectId;

    fn wants(actor: u16, lock: u32, holder: Option<u16>) -> Blocked {
        Blocked { actor: ActorId(actor), operation: Operation::Acquire(ObjectId(lock)), holder: holder.map(ActorId) }
    }

    fn check(blocked: &[Blocked], expected: &[u16]) {
        let cycle = wait_cycle(blocked).unwrap_or_default();
        assert_eq!(cycle.iter().map(|link| link.actor.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn two_locks_in_two_orders() {
        check(&[wants(2, 1, Some(1)), wants(1, 2, Some(2))], &[1, 2]);
    }

    #[test]
    fn a_bystander_is_not_in_the_circle() {
        check(&[wants(0, 1, Some(1)), wants(1, 2, Some(2)), wants(2, 1, Some(1))], &[1, 2]);
    }

    #[test]
    fn a_lock_of_ones_own() {
        check(&[wants(3, 1, Some(3))], &[3]);
    }

    #[test]
    fn a_join_closes_a_circle() {
        let join = Blocked { actor: ActorId(0), operation: Operation::Join(ActorId(1)), holder: None };
        check(&[join, wants(1, 1, Some(0))], &[0, 1]);
    }

    #[test]
    fn nobody_holds_a_lost_wake_up() {
        check(&[wants(0, 1, None), wants(1, 2, Some(0))], &[]);
    }
}
