//! Orders of steps: each once for each bound, none left out, and what is said about them.

use std::collections::BTreeSet;

use raddle_runtime::{
    ActorId, Because, Choice, Coverage, Next, Operation, Orders, Outcome, Point, Reason, Strategy, Turn,
};

/// One run of tasks with so many steps each, in a queue; gives the order.
fn run(strategy: &mut Orders, steps: &[u16]) -> Vec<u16> {
    let mut left = steps.to_vec();
    let mut queue: Vec<u16> = (0..).take(steps.len()).collect();
    let mut order = Vec::new();
    strategy.begin_run();
    while !queue.is_empty() {
        let runnable: Vec<Choice> =
            queue.iter().map(|it| Choice { actor: ActorId(*it), operation: Operation::Step }).collect();
        let current = order.last().map(|it| ActorId(*it));
        let point = Point { current, reason: Reason::Awaited, key: 1, runnable: &runnable, blocked: &[], timers: &[] };
        let Turn::Run(ActorId(chosen)) = strategy.choose(&point) else { return order };
        queue.retain(|it| *it != chosen);
        order.push(chosen);
        left[usize::from(chosen)] -= 1;
        if left[usize::from(chosen)] > 0 {
            queue.push(chosen);
        }
    }
    order
}

fn all(steps: &[u16]) -> (BTreeSet<Vec<u16>>, Coverage) {
    let mut strategy = Orders::new(u64::MAX);
    let mut seen = BTreeSet::new();
    loop {
        seen.insert(run(&mut strategy, steps));
        if strategy.end_run(Outcome::Passed, &[]) != Next::Again {
            return (seen, strategy.coverage());
        }
    }
}

#[test]
fn every_order_is_tried() {
    // (a + b + c)! / (a! b! c!)
    for (steps, count) in [(&[1][..], 1), (&[3, 3], 20), (&[2, 2, 2], 90), (&[4, 1, 3], 280), (&[1, 1, 1, 1], 24)] {
        let (seen, coverage) = all(steps);
        assert_eq!((seen.len(), coverage), (count, Coverage::All), "{steps:?}");
    }
}

#[test]
fn few_departures_come_first_and_are_named() {
    let mut strategy = Orders::new(u64::MAX);
    let mut first = Vec::new();
    while strategy.coverage() == Coverage::Some(Because::Unfinished) {
        first.push(run(&mut strategy, &[2, 2, 2]));
        assert_eq!(strategy.end_run(Outcome::Passed, &[]), Next::Again);
    }
    assert_eq!(strategy.coverage(), Coverage::UpTo { preemptions: 1 });
    assert_eq!(first[0], [0, 1, 2, 0, 1, 2]);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
}

#[test]
fn a_program_that_does_otherwise_proves_nothing() {
    let mut strategy = Orders::new(u64::MAX);
    for steps in [&[2, 2][..], &[1, 1, 2]].into_iter().cycle() {
        run(&mut strategy, steps);
        if strategy.end_run(Outcome::Passed, &[]) != Next::Again {
            break;
        }
    }
    assert_eq!(strategy.coverage(), Coverage::Some(Because::NotDeterministic));
}

#[test]
fn a_run_that_was_cut_proves_nothing() {
    let mut strategy = Orders::new(u64::MAX);
    run(&mut strategy, &[1]);
    assert_eq!(strategy.end_run(Outcome::Cut, &[]), Next::Exhausted);
    assert_eq!(strategy.coverage(), Coverage::Some(Because::Cut));
}
