//! On small random programs, what the search leaves out is nothing that trying every schedule would have shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Do, End, Grain, Program};
use raddle_runtime::{Because, Coverage, Exhaustive, Generator, Identities, Next, Outcome, Recorder, Strategy};

/// Every end with the fewest preemptions that lead to it.
struct Ends {
    fewest: BTreeMap<End, u32>,
    runs: u64,
    coverage: Coverage,
}

fn ends(program: &Program, mut strategy: Exhaustive) -> Option<Ends> {
    let mut recorder = Recorder::default();
    let mut fewest = BTreeMap::new();
    loop {
        let ran = program.run(&mut strategy, &mut recorder);
        if ran.outcome != Outcome::Abandoned {
            let preemptions = recorder.preemptions();
            fewest.entry(ran.end).and_modify(|it: &mut u32| *it = preemptions.min(*it)).or_insert(preemptions);
        }
        match strategy.end_run(ran.outcome, &ran.blocked) {
            Next::Again => {}
            Next::Exhausted => break,
            Next::Budget => return None,
        }
    }
    Some(Ends { fewest, runs: strategy.runs(), coverage: strategy.coverage() })
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Locks,
    Events,
    Starts,
    Timers,
}

fn random_instruction(chance: &mut Generator, kind: Kind) -> Do {
    let object = chance.below(2) as u32;
    let value = chance.below(3) as i32;
    match (kind, chance.below(10)) {
        (_, 0 | 1) => Do::Load(object),
        (_, 2) => Do::Store(object, 1),
        (_, 3) => Do::Put(object, value),
        (_, 4) => Do::Add(object, 1),
        (_, 5) => Do::SkipIf(value, 1),
        (Kind::Plain, _) => Do::Swap(object, value, 2),
        (Kind::Locks, 6 | 7) => Do::Acquire(object),
        (Kind::Locks, 8) => Do::Try(object),
        (Kind::Locks, _) => Do::Release(object),
        (Kind::Events, 6 | 7) => Do::Wait(object),
        (Kind::Events, 8) => Do::Set(object),
        (Kind::Events, _) => Do::Clear(object),
        (Kind::Starts, 6) => Do::Spawn(2),
        (Kind::Starts, 7) => Do::Join(2),
        (Kind::Starts, _) => Do::Join(1),
        (Kind::Timers, 6 | 7) => Do::Sleep(1 + chance.below(3) as u64),
        (Kind::Timers, 8) => Do::AcquireWithin(0, 1 + chance.below(2) as u64),
        (Kind::Timers, _) => Do::Release(0),
    }
}

fn random_program(chance: &mut Generator, kind: Kind, grain: Grain) -> Program {
    let actors = 2 + chance.below(2);
    let length = if actors == 2 { 6 } else { 4 };
    let mut code = Vec::new();
    for _ in 0..actors {
        let mut body: Vec<Do> = (0..1 + chance.below(length)).map(|_| random_instruction(chance, kind)).collect();
        if matches!(kind, Kind::Locks) && chance.below(2) == 0 {
            let lock = chance.below(2) as u32;
            body.insert(0, Do::Acquire(lock));
            body.push(Do::Release(lock));
        }
        if grain == Grain::Awaits {
            body.insert(chance.below(body.len()), Do::Await);
            body.insert(chance.below(body.len()), Do::Await);
        }
        code.push(body);
    }
    // Code that is spawned starts nothing itself, and nobody is spawned twice.
    let mut spawns = 0;
    for (actor, body) in code.iter_mut().enumerate() {
        body.retain(|it| match it {
            Do::Spawn(child) => {
                spawns += 1;
                spawns == 1 && usize::from(*child) < actors && usize::from(*child) != actor
            }
            Do::Join(other) => usize::from(*other) < actors,
            _ => true,
        });
    }
    let spawned = code.iter().flatten().any(|it| *it == Do::Spawn(2));
    Program { started: if spawned { 2 } else { actors }, actors: code, grain, daemons: 0 }
}

/// What is wrong with a search of this program, if anything; nothing either if it is too large.
fn fault(program: &Program, acc: &mut Totals) -> Option<String> {
    let every = ends(program, Exhaustive::brute_force(3_000))?;
    let stable = ends(program, Exhaustive::unbounded(100_000).identities(Identities::Stable)).expect("a small program");
    let wary = ends(program, Exhaustive::unbounded(100_000)).expect("a small program");
    let expected: BTreeSet<_> = every.fewest.keys().collect();
    for found in [&stable, &wary] {
        if found.coverage == Coverage::Some(Because::LeftOver) {
            return None;
        }
        let shown = found.fewest.keys().collect();
        if expected != shown || found.coverage != Coverage::All {
            return Some(format!("{:?}: {expected:#?} is not {shown:#?}", found.coverage));
        }
    }
    for bound in 0..3 {
        let bounded = ends(program, Exhaustive::up_to(bound, 100_000)).expect("a small program");
        let within: BTreeMap<_, _> = every.fewest.clone().into_iter().filter(|it| it.1 <= bound).collect();
        if within != bounded.fewest {
            return Some(format!("up to {bound}: {within:#?} is not {:#?}", bounded.fewest));
        }
        acc.bounded += if bound == 2 { bounded.runs } else { 0 };
    }
    acc.programs += 1;
    acc.schedules += every.runs;
    acc.tried += stable.runs;
    acc.wary += wary.runs;
    None
}

#[derive(Debug, Default)]
struct Totals {
    programs: u64,
    schedules: u64,
    tried: u64,
    wary: u64,
    bounded: u64,
}

/// The program with as few instructions as show a fault.
fn smallest(mut program: Program) -> Program {
    let mut shrunk = true;
    while shrunk {
        shrunk = false;
        for actor in 0..program.actors.len() {
            for at in (0..program.actors[actor].len()).rev() {
                let mut smaller = program.clone();
                smaller.actors[actor].remove(at);
                if fault(&smaller, &mut Totals::default()).is_some() {
                    program = smaller;
                    shrunk = true;
                }
            }
        }
    }
    program
}

fn check_all(kind: Kind, grain: Grain, seed: u64, programs: u64) {
    check_with(kind, grain, 0, seed, programs);
}

fn check_with(kind: Kind, grain: Grain, daemons: usize, seed: u64, programs: u64) {
    let mut totals = Totals::default();
    for number in 0..programs {
        let mut program = random_program(&mut Generator::of_run(seed, number), kind, grain);
        program.daemons = daemons;
        if daemons > 0 {
            let others = program.actors.len() - daemons;
            program.actors[..others].iter_mut().for_each(|code| code.push(Do::End));
        }
        if fault(&program, &mut totals).is_some() {
            let program = smallest(program);
            panic!("program {number}: {program:?}\n{}", fault(&program, &mut totals).expect("it was there"));
        }
    }
    println!("{totals:?}");
    assert!(totals.programs * 2 > programs, "too few were small enough: {totals:?}");
    assert!(daemons > 0 || totals.tried * 2 < totals.schedules, "nothing was left out: {totals:?}");
}

#[test]
fn variables() {
    check_all(Kind::Plain, Grain::Acts, 1, 1_500);
}

#[test]
fn locks() {
    check_all(Kind::Locks, Grain::Acts, 2, 1_500);
}

#[test]
fn events() {
    check_all(Kind::Events, Grain::Acts, 3, 1_500);
}

#[test]
fn starts_and_joins() {
    check_all(Kind::Starts, Grain::Acts, 4, 1_500);
}

#[test]
fn timers() {
    check_all(Kind::Timers, Grain::Acts, 5, 1_000);
}

#[test]
fn tasks() {
    check_all(Kind::Locks, Grain::Awaits, 6, 600);
    check_all(Kind::Events, Grain::Awaits, 7, 600);
    check_all(Kind::Timers, Grain::Awaits, 8, 600);
}

#[test]
fn daemons() {
    check_with(Kind::Plain, Grain::Acts, 1, 9, 300);
    check_with(Kind::Locks, Grain::Acts, 1, 10, 300);
}

#[test]
fn an_end_that_is_no_act_proves_nothing() {
    let mut program = Program::new(&[&[Do::Load(0)], &[Do::Put(0, 1), Do::Put(1, 1)]]);
    program.daemons = 1;
    let found = ends(&program, Exhaustive::unbounded(100)).expect("few");
    assert_eq!(found.coverage, Coverage::Some(Because::LeftOver));
}

#[test]
fn a_run_that_is_cut_proves_nothing() {
    // Spins for ever unless the other comes first.
    let spin: &[Do] = &[Do::Load(0), Do::SkipIf(1, 1), Do::Back(2)];
    let found = ends(&Program::new(&[spin, &[Do::Put(0, 1)]]), Exhaustive::up_to(0, 1_000)).expect("few");
    assert_eq!(found.coverage, Coverage::Some(Because::Cut));
    assert_eq!(found.fewest.keys().map(|end| end.outcome).collect::<Vec<_>>(), ["cut", "passed"]);
}

#[test]
fn more_actors_than_fit_prove_nothing() {
    let actors: Vec<&[Do]> = vec![&[Do::Load(0)]; 65];
    let found = ends(&Program::new(&actors), Exhaustive::unbounded(10)).expect("it gives up");
    assert_eq!(found.coverage, Coverage::Some(Because::TooManyActors));
}

#[test]
fn a_program_that_changes_proves_nothing() {
    let first = Program::new(&[&[Do::Load(0), Do::Load(1)], &[Do::Put(1, 1)]]);
    let ends_sooner = Program::new(&[&[Do::Put(0, 1)], &[]]);
    let does_another_thing = Program::new(&[&[Do::Load(2), Do::Load(1)], &[Do::Put(1, 1)]]);
    for second in [ends_sooner, does_another_thing] {
        let (mut strategy, mut recorder) = (Exhaustive::unbounded(10), Recorder::default());
        for program in [&first, &second] {
            let ran = program.run(&mut strategy, &mut recorder);
            strategy.end_run(ran.outcome, &ran.blocked);
        }
        assert_eq!(strategy.coverage(), Coverage::Some(Because::NotDeterministic), "{second:?}");
    }
}

#[test]
fn brute_force_counts_every_interleaving() {
    let body: &[Do] = &[Do::Load(0), Do::Store(0, 1)];
    let two = ends(&Program::new(&[body, body]), Exhaustive::brute_force(1_000)).expect("few");
    let three = ends(&Program::new(&[body, body, body]), Exhaustive::brute_force(1_000)).expect("few");
    assert_eq!((two.runs, three.runs), (6, 90));
}

#[test]
fn independent_actors_take_one_run() {
    let actors: Vec<Vec<Do>> = (0..5).map(|it| vec![Do::Load(it), Do::Store(it, 1)]).collect();
    let actors: Vec<&[Do]> = actors.iter().map(Vec::as_slice).collect();
    let strategy = Exhaustive::unbounded(1_000).identities(Identities::Stable);
    assert_eq!(ends(&Program::new(&actors), strategy).expect("few").runs, 1);
}
