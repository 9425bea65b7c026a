//! Textbook programs, each with its bug and with the bug mended: every strategy finds the one, and the search proves the other.

use raddle_runtime::{
    Coverage, Exhaustive, Next, Outcome, Pct, Pos, Random, Recorder, Replay, Schedule, Strategy, Trial, shrink,
};

use crate::model::{Do, End, Grain, Program};
use Do::*;

struct Classic {
    name: &'static str,
    broken: Program,
    mended: Program,
    is_bad: fn(&End) -> bool,
    /// The fewest preemptions that show the bug.
    preemptions: u32,
}

fn classic(
    name: &'static str,
    preemptions: u32,
    is_bad: fn(&End) -> bool,
    broken: &[&[Do]],
    mended: &[&[Do]],
) -> Classic {
    Classic { name, broken: Program::new(broken), mended: Program::new(mended), is_bad, preemptions }
}

fn breaks(end: &End) -> bool {
    matches!(end.outcome, "failed" | "deadlock")
}

fn lost(end: &End) -> bool {
    breaks(end) || end.variables[0] != 2
}

fn twice(end: &End) -> bool {
    breaks(end) || end.variables[1] != 1
}

const X: u32 = 0;
const Y: u32 = 1;
const READY: u32 = 0;

/// Enters a section that nobody else may be in.
const ALONE: [Do; 4] = [Add(3, 1), SkipIf(0, 1), Fail, Add(3, -1)];

fn counters() -> Vec<Classic> {
    let naive: &[Do] = &[Load(X), Store(X, 1)];
    let locked: &[Do] = &[Acquire(0), Load(X), Store(X, 1), Release(0)];
    let unchecked: &[Do] = &[Load(X), SkipUnless(0, 4), Acquire(0), Add(Y, 1), Put(X, 1), Release(0)];
    let rechecked: &[Do] =
        &[Load(X), SkipUnless(0, 6), Acquire(0), Load(X), SkipUnless(0, 2), Add(Y, 1), Put(X, 1), Release(0)];
    let sell: &[Do] = &[Load(X), SkipUnless(0, 2), Add(Y, 1), Put(X, 1)];
    let sell_once: &[Do] = &[Swap(X, 0, 1), SkipUnless(1, 1), Add(Y, 1)];
    let mut tasks = classic(
        "lost update across an await",
        0,
        lost,
        &[&[Load(X), Await, Store(X, 1)], &[Load(X), Await, Store(X, 1)]],
        &[&[Await, Load(X), Store(X, 1)], &[Await, Load(X), Store(X, 1)]],
    );
    tasks.broken.grain = Grain::Awaits;
    tasks.mended.grain = Grain::Awaits;
    vec![
        classic("lost update", 1, lost, &[naive, naive], &[locked, locked]),
        classic("double-checked locking that checks once", 1, twice, &[unchecked, unchecked], &[rechecked, rechecked]),
        classic("the last ticket sold twice", 1, twice, &[sell, sell], &[sell_once, sell_once]),
        classic(
            "published before it is made",
            1,
            breaks,
            &[&[Put(READY, 1), Put(Y, 1)], &[Load(READY), SkipUnless(1, 3), Load(Y), SkipIf(1, 1), Fail]],
            &[&[Put(Y, 1), Put(READY, 1)], &[Load(READY), SkipUnless(1, 3), Load(Y), SkipIf(1, 1), Fail]],
        ),
        tasks,
    ]
}

fn locks() -> Vec<Classic> {
    let forth: &[Do] = &[Acquire(0), Acquire(1), Release(1), Release(0)];
    let back: &[Do] = &[Acquire(1), Acquire(0), Release(0), Release(1)];
    let fork = |left, right| [Acquire(left), Acquire(right), Release(right), Release(left)];
    vec![
        classic("two locks in two orders", 1, breaks, &[forth, back], &[forth, forth]),
        classic(
            "dining philosophers",
            1,
            breaks,
            &[&fork(0, 1), &fork(1, 2), &fork(2, 0)],
            &[&fork(0, 1), &fork(1, 2), &fork(0, 2)],
        ),
        classic(
            "a join while the lock is held",
            0,
            breaks,
            &[&[Acquire(0), Join(1), Release(0)], &[Acquire(0), Release(0)]],
            &[&[Acquire(0), Release(0), Join(1)], &[Acquire(0), Release(0)]],
        ),
        classic(
            "nested monitors",
            0,
            breaks,
            &[&[Acquire(0), Wait(0), Release(0)], &[Acquire(0), Set(0), Release(0)]],
            &[&[Wait(0), Acquire(0), Release(0)], &[Acquire(0), Set(0), Release(0)]],
        ),
        classic(
            "a reader between two writes",
            1,
            breaks,
            &[&[Put(X, 1), Put(Y, 1)], &[Load(X), SkipUnless(1, 3), Load(Y), SkipIf(1, 1), Fail]],
            &[
                &[Acquire(0), Put(X, 1), Put(Y, 1), Release(0)],
                &[Acquire(0), Load(X), SkipUnless(1, 3), Load(Y), SkipIf(1, 1), Fail, Release(0)],
            ],
        ),
        classic(
            "a reply that is too late",
            0,
            |end| breaks(end) || end.registers[1] == -1,
            &[&[Acquire(0), Sleep(5), Release(0)], &[AcquireWithin(0, 1), SkipIf(-1, 1), Release(0)]],
            &[&[Acquire(0), Sleep(5), Release(0)], &[Acquire(0), Release(0)]],
        ),
    ]
}

fn conditions() -> Vec<Classic> {
    let make: &[Do] = &[Acquire(0), Add(X, 1), Set(0), Release(0)];
    let make_two: &[Do] = &[Acquire(0), Add(X, 2), Set(0), Release(0)];
    // Looks once, and takes what may be gone.
    let take_if: &[Do] = &[
        Acquire(0),
        Load(X),
        SkipUnless(0, 4),
        Clear(0),
        Release(0),
        Wait(0),
        Acquire(0),
        Load(X),
        SkipUnless(0, 1),
        Fail,
        Store(X, -1),
        Release(0),
    ];
    let take_while: &[Do] = &[
        Acquire(0),
        Load(X),
        SkipUnless(0, 5),
        Clear(0),
        Release(0),
        Wait(0),
        Acquire(0),
        Back(6),
        Store(X, -1),
        Release(0),
    ];
    vec![
        classic(
            "a lost wake-up",
            0,
            breaks,
            &[&[Load(X), SkipIf(1, 1), Wait(0)], &[Put(X, 1), Set(0), Clear(0)]],
            &[&[Load(X), SkipIf(1, 1), Wait(0)], &[Put(X, 1), Set(0)]],
        ),
        classic(
            "a bounded buffer that asks with `if`",
            0,
            breaks,
            &[take_if, take_if, make],
            &[take_while, take_while, make_two],
        ),
    ]
}

fn without_locks() -> Vec<Classic> {
    // The stack A over B over C, told by its top: 0, 1, 2. One pops A if B is below it (Y is 0); the other pops A and B and puts
    // A back over C.
    let pop: &[Do] = &[Load(Y), SkipUnless(0, 1), Swap(X, 0, 1)];
    let pop_pop_push: &[Do] =
        &[Swap(X, 0, 1), SkipUnless(1, 4), Swap(X, 1, 2), SkipUnless(1, 2), Put(Y, 1), Swap(X, 2, 0)];
    let guarded = |body: &[Do]| [&[Acquire(0)][..], body, &[Release(0)]].concat();
    let (own, other) = (|it: u32| it, |it: u32| 1 - it);
    let peterson = |me: u32| {
        let ask = vec![Put(own(me), 1), Put(2, other(me) as i32), Load(other(me)), SkipIf(0, 2), Load(2)];
        // Enters if the other does not want to, or if it is this one's turn; else gives up.
        let enter = vec![SkipUnless(me as i32, 4)];
        [ask, enter, ALONE.to_vec(), vec![Put(own(me), 0)]].concat()
    };
    let hasty = |me: u32| {
        let look = vec![Load(other(me)), SkipUnless(0, 6), Put(own(me), 1)];
        [look, ALONE.to_vec(), vec![Put(own(me), 0)]].concat()
    };
    vec![
        classic(
            "ABA",
            1,
            |end| end.variables[0] == 1 && end.registers == [1, 1],
            &[pop, pop_pop_push],
            &[&guarded(pop), &guarded(pop_pop_push)],
        ),
        classic(
            "a flag that is raised after looking",
            2,
            breaks,
            &[&hasty(0), &hasty(1)],
            &[&peterson(0), &peterson(1)],
        ),
    ]
}

fn all() -> Vec<Classic> {
    [counters(), locks(), conditions(), without_locks()].into_iter().flatten().collect()
}

/// The first run that goes wrong, as the strategy leads.
fn first_bad(program: &Program, is_bad: fn(&End) -> bool, strategy: &mut dyn Strategy) -> Option<(Trial, End)> {
    let mut recorder = Recorder::default();
    loop {
        let ran = program.run(strategy, &mut recorder);
        if ran.outcome != Outcome::Abandoned && is_bad(&ran.end) {
            return Some((trial(&recorder), ran.end));
        }
        if strategy.end_run(ran.outcome, &ran.blocked) != Next::Again {
            return None;
        }
    }
}

fn trial(recorder: &Recorder) -> Trial {
    Trial { schedule: recorder.schedule(7), preemptions: recorder.preemptions(), points: recorder.len() }
}

/// One run again.
fn again(program: &Program, schedule: &Schedule) -> (Trial, End, bool) {
    let mut recorder = Recorder::default();
    let mut replay = Replay::new(schedule.clone());
    let ran = program.run(&mut replay, &mut recorder);
    replay.end_run(ran.outcome, &ran.blocked);
    (trial(&recorder), ran.end, replay.divergence().is_none())
}

#[test]
fn every_strategy_finds_every_bug() {
    for it in all() {
        let strategies: [(&str, Box<dyn Strategy>); 5] = [
            ("random", Box::new(Random::new(1, 1_000))),
            ("pct", Box::new(Pct::new(1, 3, 1_000))),
            ("pos", Box::new(Pos::new(1, 1_000))),
            ("up to two", Box::new(Exhaustive::up_to(2, 10_000))),
            ("unbounded", Box::new(Exhaustive::unbounded(10_000))),
        ];
        for (name, mut strategy) in strategies {
            let found = first_bad(&it.broken, it.is_bad, strategy.as_mut());
            assert!(found.is_some(), "{name} misses: {}", it.name);
        }
    }
}

#[test]
fn the_fewest_preemptions_are_found_and_no_fewer() {
    for it in all() {
        let found = first_bad(&it.broken, it.is_bad, &mut Exhaustive::up_to(it.preemptions, 10_000));
        assert_eq!(found.map(|it| it.0.preemptions), Some(it.preemptions), "{}", it.name);
        if let Some(fewer) = it.preemptions.checked_sub(1) {
            let mut strategy = Exhaustive::up_to(fewer, 10_000);
            assert_eq!(first_bad(&it.broken, it.is_bad, &mut strategy), None, "{}", it.name);
            assert_eq!(strategy.coverage(), Coverage::UpTo { preemptions: fewer }, "{}", it.name);
        }
    }
}

#[test]
fn what_is_mended_is_proved() {
    for it in all() {
        let mut strategy = Exhaustive::unbounded(20_000);
        assert_eq!(first_bad(&it.mended, it.is_bad, &mut strategy), None, "{}", it.name);
        assert_eq!(strategy.coverage(), Coverage::All, "{}", it.name);
        println!("{}: {} runs", it.name, strategy.runs());
    }
}

#[test]
fn a_failure_is_replayed_and_shrunk() {
    for it in all() {
        for seed in 0..20 {
            let (found, end) =
                first_bad(&it.broken, it.is_bad, &mut Random::new(seed, 5_000)).expect("random finds it");
            let token = found.schedule.token();
            let read = Schedule::from_token(&token).expect("a token of ours");
            let (same, same_end, followed) = again(&it.broken, &read);
            assert!(followed, "{} at {token}", it.name);
            assert_eq!((&same, &same_end), (&found, &end), "{} at {token}", it.name);
            let small = shrink(found.clone(), 200, |schedule| {
                let (trial, end, _) = again(&it.broken, schedule);
                (it.is_bad)(&end).then_some(trial)
            });
            assert!(small.preemptions <= found.preemptions, "{} at {token}", it.name);
            assert!(small.preemptions <= 3, "{}: {small:?} from {token}", it.name);
            let (same, end, followed) = again(&it.broken, &small.schedule);
            assert!(followed && (it.is_bad)(&end) && same == small, "{} at {token}", it.name);
        }
    }
}

#[test]
fn a_schedule_of_other_code_diverges() {
    let it = &counters()[0];
    let (found, _) = first_bad(&it.broken, it.is_bad, &mut Random::new(1, 100)).expect("random finds it");
    assert!(!found.schedule.switches.is_empty());
    let (_, _, followed) = again(&Program::new(&[&[Put(Y, 1)]]), &found.schedule);
    assert!(!followed);
}

#[test]
fn pct_keeps_its_promise() {
    for it in all().iter().filter(|it| it.broken.grain == Grain::Acts) {
        // One for the order of starts, one for each preemption, one for a wake-up that comes first.
        let depth = it.preemptions + 2;
        let mut strategy = Pct::new(11, depth, 4_000);
        let mut recorder = Recorder::default();
        let (mut hits, mut longest) = (0, 0);
        loop {
            let ran = it.broken.run(&mut strategy, &mut recorder);
            hits += u32::from((it.is_bad)(&ran.end));
            longest = longest.max(recorder.len());
            if strategy.end_run(ran.outcome, &ran.blocked) != Next::Again {
                break;
            }
        }
        let ways = it.broken.actors.len() as f64 * (longest as f64).powi(depth as i32 - 1);
        // Four standard deviations below the promise would still be chance.
        let least = 4_000.0 / ways - 4.0 * (4_000.0 / ways).sqrt();
        assert!(f64::from(hits) >= least, "{}: {hits} hits, promised {}", it.name, 4_000.0 / ways);
    }
}
