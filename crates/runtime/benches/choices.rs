//! How many choices a second each strategy makes, for actors that do nothing themselves: a number for each, by the clock.

use std::time::Instant;

use raddle_runtime::{
    ActorId, Choice, Exhaustive, Identities, Next, ObjectId, Operation, Outcome, Pct, Point, Pos, Random, Reason,
    Recorder, Strategy, Turn,
};

/// One run of some actors that each read and write one variable a number of times; how many choices it took.
fn run(strategy: &mut dyn Strategy, recorder: &mut Recorder, actors: u16, acts: u16) -> u64 {
    let mut left = vec![acts; usize::from(actors)];
    let mut runnable = Vec::with_capacity(left.len());
    let mut current = None;
    let mut choices = 0;
    strategy.begin_run();
    recorder.begin_run();
    loop {
        runnable.clear();
        for (actor, left) in (0..).zip(&left).filter(|it| *it.1 > 0) {
            let object = ObjectId(0);
            let operation = if left % 2 == 0 { Operation::Read(object) } else { Operation::Write(object) };
            runnable.push(Choice { actor: ActorId(actor), operation });
        }
        if runnable.is_empty() {
            return choices;
        }
        let reason = match current {
            None => Reason::Start,
            Some(ActorId(actor)) if left[usize::from(actor)] == 0 => Reason::Ended,
            Some(_) => Reason::Access,
        };
        let key = choices + 1;
        let point = Point { current, reason, key, runnable: &runnable, blocked: &[], timers: &[] };
        let Turn::Run(chosen) = strategy.choose(&point) else { return choices };
        recorder.note(&point, chosen);
        left[usize::from(chosen.0)] -= 1;
        current = Some(chosen);
        choices += 1;
    }
}

fn measure(name: &str, mut strategy: impl Strategy, actors: u16, acts: u16) {
    let mut recorder = Recorder::default();
    let start = Instant::now();
    let (mut choices, mut runs) = (0, 0);
    loop {
        choices += run(&mut strategy, &mut recorder, actors, acts);
        runs += 1;
        if strategy.end_run(Outcome::Passed, &[]) != Next::Again {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let (per_choice, per_run) = (choices as f64 / seconds / 1e6, f64::from(runs) / seconds / 1e3);
    println!("{name}, {actors} actors of {acts} acts: {per_choice:.2} M choices/s, {per_run:.0} k runs/s, {runs} runs");
}

fn main() {
    for (actors, acts) in [(2, 2), (3, 20)] {
        let runs = if acts == 2 { 300_000 } else { 20_000 };
        measure("random", Random::new(1, runs), actors, acts);
        measure("pct", Pct::new(1, 3, runs), actors, acts);
        measure("pos", Pos::new(1, runs), actors, acts);
    }
    for (actors, acts) in [(2, 6), (3, 4), (2, 8)] {
        measure("brute force", Exhaustive::brute_force(30_000), actors, acts);
        measure("unbounded", Exhaustive::unbounded(30_000).identities(Identities::Stable), actors, acts);
        measure("up to 2", Exhaustive::up_to(2, 30_000), actors, acts);
    }
}
