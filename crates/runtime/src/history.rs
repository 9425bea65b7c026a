//! Whether a recorded history could have happened one call at a time (Wing and Gong, 1993, with the memory of Lowe, 2017).

use std::hash::Hash;

use rustc_hash::FxHashSet;

/// One call, from when it began to when it ended.
#[derive(Clone, Debug)]
pub struct Call<Input, Output> {
    /// What was asked.
    pub input: Input,
    /// What came back; nothing if it never did, and then it may have taken effect or not.
    pub output: Option<Output>,
    /// When it began.
    pub begin: u64,
    /// When it ended, if it did.
    pub end: u64,
}

/// Whether there is such an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These calls, by index, in this order.
    Order(Vec<usize>),
    /// None.
    Impossible,
    /// More calls than can be told apart.
    TooManyCalls,
}

const MOST_CALLS: usize = 128;

/// An order of calls that a sequential object would have answered in the same way. `apply` gives the state after a call, or
/// nothing if the object would not have answered so; it is given no output for a call that never came back.
pub fn linearization<State, Input, Output>(
    start: State,
    calls: &[Call<Input, Output>],
    apply: impl Fn(&State, &Input, Option<&Output>) -> Option<State>,
) -> Verdict
where
    State: Clone + Eq + Hash,
{
    if calls.len() > MOST_CALLS {
        return Verdict::TooManyCalls;
    }
    let must =
        calls.iter().enumerate().filter(|(_, call)| call.output.is_some()).fold(0, |set, (at, _)| set | 1u128 << at);
    let mut seen: FxHashSet<(u128, State)> = FxHashSet::default();
    // Each entry is a state, the call that led to it, and the next call to try from it.
    let mut path: Vec<(State, usize, usize)> = vec![(start, usize::MAX, 0)];
    let mut done = 0u128;
    loop {
        if done & must == must {
            return Verdict::Order(path[1..].iter().map(|(_, call, _)| *call).collect());
        }
        let Some((state, call, next)) = path.last_mut() else { return Verdict::Impossible };
        let deadline = earliest_end(calls, done);
        let step = (*next..calls.len()).find_map(|at| {
            let one = &calls[at];
            let may_be_next = done & (1 << at) == 0 && one.begin <= deadline;
            let after = may_be_next.then(|| apply(state, &one.input, one.output.as_ref())).flatten()?;
            seen.insert((done | 1 << at, after.clone())).then_some((at, after))
        });
        if let Some((at, after)) = step {
            *next = at + 1;
            done |= 1 << at;
            path.push((after, at, 0));
        } else {
            if *call != usize::MAX {
                done &= !(1 << *call);
            }
            path.pop();
        }
    }
}

/// The first of the ends of the calls that are left: whatever begins after it cannot be next.
fn earliest_end<Input, Output>(calls: &[Call<Input, Output>], done: u128) -> u64 {
    let left = calls.iter().enumerate().filter(|(at, call)| done & (1 << at) == 0 && call.output.is_some());
    left.map(|(_, call)| call.end).min().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[derive(Clone, Copy, Debug)]
    enum Ask {
        Push(u8),
        Pop,
    }

    #[allow(clippy::ptr_arg, reason = "the state is a vector")]
    fn queue(state: &Vec<u8>, ask: &Ask, answer: Option<&Option<u8>>) -> Option<Vec<u8>> {
        let mut after = state.clone();
        let given = match ask {
            Ask::Push(value) => {
                after.push(*value);
                None
            }
            Ask::Pop if after.is_empty() => None,
            Ask::Pop => Some(after.remove(0)),
        };
        answer.is_none_or(|answer| *answer == given).then_some(after)
    }

    fn call(input: Ask, output: Option<Option<u8>>, begin: u64, end: u64) -> Call<Ask, Option<u8>> {
        Call { input, output, begin, end }
    }

    #[test]
    fn overlapping_calls_may_be_exchanged_and_others_not() {
        let pop = |begin, end| call(Ask::Pop, Some(Some(1)), begin, end);
        let push = |begin, end| call(Ask::Push(1), Some(None), begin, end);
        assert_eq!(linearization(vec![], &[pop(0, 3), push(1, 2)], queue), Verdict::Order(vec![1, 0]));
        assert_eq!(linearization(vec![], &[pop(0, 1), push(2, 3)], queue), Verdict::Impossible);
        let twice = [push(0, 9), pop(0, 9), pop(0, 9)];
        assert_eq!(linearization(vec![], &twice, queue), Verdict::Impossible);
    }

    #[test]
    fn a_call_that_never_came_back_may_have_happened() {
        let calls = [call(Ask::Push(4), None, 0, 0), call(Ask::Pop, Some(Some(4)), 5, 6)];
        assert_eq!(linearization(vec![], &calls, queue), Verdict::Order(vec![0, 1]));
    }

    #[test]
    fn agrees_with_trying_every_order() {
        let mut chance = Generator::of_run(3, 0);
        let mut possible = 0;
        for _ in 0..2_000 {
            let calls: Vec<_> = (0..1 + chance.below(5))
                .map(|_| {
                    let begin = chance.below(6) as u64;
                    let input = if chance.below(2) == 0 { Ask::Pop } else { Ask::Push(chance.below(2) as u8) };
                    let output = match input {
                        Ask::Push(_) => None,
                        Ask::Pop => (chance.below(3) > 0).then(|| chance.below(2) as u8),
                    };
                    call(input, Some(output), begin, begin + chance.below(4) as u64)
                })
                .collect();
            let found = linearization(vec![], &calls, queue) != Verdict::Impossible;
            assert_eq!(found, by_force(&calls, &mut Vec::new()), "{calls:?}");
            possible += usize::from(found);
        }
        assert!((200..1_800).contains(&possible), "{possible} of 2,000 say little");
    }

    fn by_force(calls: &[Call<Ask, Option<u8>>], order: &mut Vec<usize>) -> bool {
        if order.len() == calls.len() {
            let state =
                order.iter().try_fold(vec![], |state, at| queue(&state, &calls[*at].input, calls[*at].output.as_ref()));
            let ordered = order
                .iter()
                .enumerate()
                .all(|(at, one)| order[at..].iter().all(|it| calls[*it].end >= calls[*one].begin));
            return state.is_some() && ordered;
        }
        (0..calls.len()).any(|next| {
            if order.contains(&next) {
                return false;
            }
            order.push(next);
            let found = by_force(calls, order);
            order.pop();
            found
        })
    }
}
