//! Shared data: what several actors do with one place, judged by what a write rests on.
//!
//! One finding for each place and rule: the first gap stands for all, the others are steps of its story.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value};
use raddle_program::actors::{Many, Root};
use raddle_program::sharing::Place;
use raddle_program::sharing::interrupting::Interrupt;
use raddle_program::sharing::processes::ProcessUpdate;
use raddle_program::sharing::races::{Builds, Fault, Race, Side};
use raddle_program::sharing::split::SplitLoop;
use raddle_program::sharing::touches::{Gap, Rests, Touch};
use raddle_program::val::Val;
use raddle_program::{Ancestor, FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::locking::{Said, finding, function_name, site};
use crate::story::site_of;

/// A write that rests on the value before it.
pub const UPDATE: &str = "unguarded-shared-write";
/// A write that rests on a test.
pub const CHECK: &str = "check-then-act";
/// A value that is made when there is none yet.
pub const LAZY: &str = "lazy-init-race";
/// A container that changes while it is gone through.
pub const ITERATE: &str = "mutated-while-iterated";
/// A queue that is asked whether it is empty.
pub const QUEUE: &str = "queue-empty-then-get";
/// A write whose read stands before an `await`.
pub const AWAIT: &str = "await-splits-update";

/// Finds updates that may be lost.
pub fn update(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, UPDATE, acc);
    acc.extend(judged.program.process_updates().iter().map(|it| of_processes(judged.program, it)));
}

/// An update of what several processes share.
fn of_processes(program: &Program, it: &ProcessUpdate) -> Finding {
    let function = function_name(program, it.function);
    let said = |key: &str| Message::new(key).arg("place", &*it.name).arg("function", &*function);
    let start = if it.many == Many::One { "step-shared-start" } else { "step-shared-start-several" };
    let step = |at: (FunctionRef, u32), act, message| Step {
        actor: Actor::Process,
        act,
        site: site(program, at.0, at.1),
        message,
    };
    let story = vec![
        step(it.from, Act::Spawn, said(start).arg("actor", format!("@{}", Actor::Process.word()))),
        step((it.function, it.act), Act::Write, said("step-shared-updates")),
    ];
    let test = program.is_test(it.function) || program.is_test(it.from.0);
    let said = Said {
        message: said("processes"),
        help: Message::new("help-processes").arg("place", &*it.name),
        level: Level::Error,
        confidence: if test { Confidence::Possible } else { Confidence::Likely },
        because: vec![Message::new("because-no-lock"), Message::new("because-two-steps")],
        story,
        parts: vec![it.name.clone()],
    };
    finding(program, UPDATE, (it.function, it.act), said)
}

/// Finds tests that may be out of date when they are acted on.
pub fn check(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, CHECK, acc);
    split(judged.program, CHECK, acc);
    of_interrupts(judged.program, CHECK, acc);
}

/// Finds values that may be made twice.
pub fn lazy(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, LAZY, acc);
}

/// Finds queues that may be empty by the time something is taken out.
pub fn queue(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, QUEUE, acc);
}

/// Finds containers that may change while they are gone through.
pub fn iterate(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    of_rule(program, ITERATE, acc);
    let raced: Vec<&Place> =
        program.races().iter().filter(|it| rule_of(program, it) == ITERATE).map(|it| &it.place).collect();
    let mut seen: Vec<Place> = Vec::new();
    for it in program.split_loops() {
        let place = &it.iteration.spot.place;
        if !raced.contains(&place) && !seen.contains(place) {
            seen.push(place.clone());
            acc.push(of_loop(program, &it));
        }
    }
    of_interrupts(program, ITERATE, acc);
}

fn of_interrupts(program: &Program, rule: &str, acc: &mut Vec<Finding>) {
    for it in program.interrupts() {
        let here = if matches!(it.fault, Fault::Iterate(_)) { ITERATE } else { CHECK };
        if here == rule {
            acc.push(of_interrupt(program, rule, &it));
        }
    }
}

/// A callback that comes in the middle of a loop, or between a look and the use of what was found.
fn of_interrupt(program: &Program, rule: &str, it: &Interrupt) -> Finding {
    let place = program.short_place_name(&it.place);
    let says =
        |key: &str, function| Message::new(key).arg("place", &*place).arg("function", function_name(program, function));
    let at = |at: (FunctionRef, u32), does: Act, key: &str, actor| Step {
        actor,
        act: does,
        site: site(program, at.0, at.1),
        message: says(key, at.0),
    };
    let (actor, comes, because) = match it.signal {
        true => (Actor::SignalHandler, "step-shared-signal", "because-signal"),
        false => (Actor::Finalizer, "step-shared-dies", "because-dies"),
    };
    let (act, first, second) = match &it.fault {
        Fault::Iterate(loops) => {
            (loops.act, at((it.function, loops.act), Act::Read, "step-shared-iterates", Actor::Main), None)
        }
        Fault::Gap(gap) => {
            let look = at((it.function, gap.look), Act::Read, "step-shared-looks", Actor::Main);
            (gap.write, look, Some(at((it.function, gap.write), Act::Read, "step-shared-relies", Actor::Main)))
        }
    };
    let mut story = vec![at(it.registered, Act::Spawn, comes, actor), first];
    story.push(at(it.other, Act::Write, "step-shared-other", actor));
    story.extend(second);
    let test = program.is_test(it.function) || program.is_test(it.registered.0);
    let said = Said {
        message: says("two", it.function).arg("other", function_name(program, it.other.0)),
        help: Message::new("help").arg("place", &*place),
        level: Level::Warning,
        confidence: if test { Confidence::Possible } else { Confidence::Likely },
        because: vec![Message::new(because)],
        story,
        parts: vec![place.clone()],
    };
    finding(program, rule, (it.function, act), said)
}

/// Finds updates with an `await` in the middle.
pub fn splits(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, AWAIT, acc);
    split(judged.program, AWAIT, acc);
}

fn split(program: &Program, rule: &'static str, acc: &mut Vec<Finding>) {
    let raced: Vec<&Place> =
        program.races().iter().filter(|it| it.tasks && rule_of(program, it) == rule).map(|it| &it.place).collect();
    let mut seen: Vec<Place> = Vec::new();
    for (function, gap) in program.split_updates() {
        let here = if gap.keeps.is_some() { CHECK } else { AWAIT };
        if here == rule && !raced.contains(&&gap.spot.place) && !seen.contains(&gap.spot.place) {
            seen.push(gap.spot.place.clone());
            acc.push(of_coroutine(program, rule, function, &gap));
        }
    }
}

fn rule_of(program: &Program, race: &Race) -> &'static str {
    match &race.fault {
        Fault::Iterate(_) => ITERATE,
        Fault::Gap(gap) if gap.rests == Rests::Queued => QUEUE,
        Fault::Gap(gap) if gap.keeps.is_some() => CHECK,
        Fault::Gap(_) if race.tasks => AWAIT,
        Fault::Gap(gap) => match gap.rests {
            Rests::Update | Rests::Value | Rests::Derived => UPDATE,
            Rests::Absence if sets_flag(program, &race.side) => CHECK,
            Rests::Absence => LAZY,
            Rests::Contents | Rests::Test | Rests::Queued | Rests::IsNone => CHECK,
        },
    }
}

fn of_rule(program: &Program, rule: &str, acc: &mut Vec<Finding>) {
    let guarded: Vec<&Place> = program.unguarded().iter().map(|it| &it.place).collect();
    let mut races: Vec<&Race> =
        program.races().iter().filter(|it| rule_of(program, it) == rule && !guarded.contains(&&it.place)).collect();
    // The side without a lock is where it is mended.
    races.sort_by_key(|it| it.locked);
    for (at, race) in races.iter().enumerate() {
        if races[..at].iter().any(|it| it.place == race.place) {
            continue;
        }
        let others: Vec<&&Race> = races[at + 1..].iter().filter(|it| it.place == race.place).collect();
        acc.push(of_race(program, rule, race, &others));
    }
}

fn of_race(program: &Program, rule: &str, race: &Race, others: &[&&Race]) -> Finding {
    let place = program.short_place_name(&race.place);
    let function = function_name(program, race.side.function);
    let other = function_name(program, race.other.function);
    let alone = race.side.function == race.other.function;
    let message = Message::new(if alone { "alone" } else { "two" })
        .arg("place", &*place)
        .arg("function", function)
        .arg("other", other);
    let mut story = start_steps(program, &race.side);
    story.extend(fault_steps(program, race));
    if !alone {
        story.extend(start_steps(program, &race.other));
        story.push(step(program, race.other.function, race.other.act, Act::Write, "step-shared-other", &place, race));
    }
    for also in others.iter().take(5) {
        story.push(step(program, also.side.function, also.side.act, Act::Write, "step-shared-also", &place, race));
    }
    let builds = match (race.tasks, race.builds) {
        (true, _) => "because-tasks",
        (false, Builds::Any) => "because-any-build",
        (false, Builds::FreeThreaded) => "because-free-threaded",
    };
    let mut because = vec![Message::new("because-no-lock"), Message::new(builds)];
    let mut confidence = Confidence::Likely;
    // One task after the other is the rule where nothing starts several.
    let root = &program.actors().roots[race.side.root];
    let hoped = matches!(&race.fault, Fault::Gap(gap) if !matches!(gap.rests, Rests::Update | Rests::Value));
    let read = matches!(&race.fault, Fault::Gap(gap) if gap.keeps.is_some());
    let near = root.function == race.side.function
        || root.many == Many::Same && program.actors().way(race.side.root, race.side.function).len() < 4;
    let several = root.many != Many::One && near;
    if race.tasks && hoped && !several && !(root.many != Many::One && makes_resource(program, &race.side)) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-called-twice"));
    }
    let same_flag = sets_flag(program, &race.side) && sets_flag(program, &race.other);
    if read && !race.tasks && race.builds == Builds::FreeThreaded {
        confidence = Confidence::Possible;
    }
    if same_flag || rule == LAZY && race.builds == Builds::FreeThreaded {
        confidence = Confidence::Possible;
        because.push(Message::new("because-harmless"));
    }
    let tests = |side: &Side| program.is_test(side.function) || from_test(program, side.root);
    if tests(&race.side) || tests(&race.other) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-lock-test"));
    }
    let level = match race.builds {
        Builds::FreeThreaded if !race.tasks => Level::Warning,
        Builds::Any | Builds::FreeThreaded if matches!(rule, UPDATE | AWAIT | ITERATE | QUEUE) => Level::Error,
        Builds::Any | Builds::FreeThreaded => Level::Warning,
    };
    let help = Message::new("help").arg("place", &*place);
    let said = Said { message, help, level, confidence, because, story, parts: vec![place] };
    finding(program, rule, (race.side.function, race.side.act), said)
}

/// Whether a write keeps something that has to be closed: a second one leaks.
fn makes_resource(program: &Program, side: &Side) -> bool {
    let facts = &program.unit(side.function.unit).facts;
    let ActKind::Write(_, value) = facts.acts[side.act as usize].kind else { return false };
    let vals = program.evaluate(ValueRef { unit: side.function.unit, value });
    vals.known.iter().any(|val| {
        let Val::Instance(class, _) = val else { return false };
        program.ancestors(*class).iter().any(|it| {
            let Ancestor::Class(class) = it else { return false };
            let facts = &program.unit(class.unit).facts;
            let scope = facts.class(class.class).scope;
            let closes = ["close", "aclose", "dispose", "shutdown", "disconnect", "stop", "cancel"];
            closes.iter().any(|it| !facts.bindings(scope, it).is_empty())
        })
    })
}

/// Whether a write only sets a flag.
fn sets_flag(program: &Program, side: &Side) -> bool {
    let facts = &program.unit(side.function.unit).facts;
    match facts.acts[side.act as usize].kind {
        ActKind::Write(_, value) => facts.value(value) == Value::True,
        _ => false,
    }
}

fn from_test(program: &Program, root: usize) -> bool {
    program.actors().roots[root].from.is_some_and(|(function, _)| program.is_test(function))
}

fn step(program: &Program, function: FunctionRef, act: u32, does: Act, key: &str, place: &str, race: &Race) -> Step {
    let message = Message::new(key).arg("place", place).arg("function", function_name(program, function));
    let actor = if race.tasks { Actor::EventLoop } else { Actor::Thread };
    Step { actor, act: does, site: site(program, function, act), message }
}

/// The look, what may come in between, and the write.
fn fault_steps(program: &Program, race: &Race) -> Vec<Step> {
    let place = program.short_place_name(&race.place);
    let function = race.side.function;
    let gap = match &race.fault {
        Fault::Iterate(it) => {
            let mut steps = vec![step(program, function, it.act, Act::Read, "step-shared-iterates", &place, race)];
            if let Some(awaited) = it.awaited.filter(|_| race.tasks) {
                steps.push(step(program, function, awaited, Act::Await, "step-shared-awaits", &place, race));
            }
            return steps;
        }
        Fault::Gap(gap) => gap,
    };
    if gap.rests == Rests::Update {
        return vec![step(program, function, gap.write, Act::Write, "step-shared-updates", &place, race)];
    }
    let between = if race.tasks { gap.awaited } else { gap.call.or(gap.awaited) };
    let mut steps = vec![step(program, function, gap.look, Act::Read, "step-shared-looks", &place, race)];
    if let Some(between) = between.filter(|it| *it > gap.look && *it < gap.write) {
        let key = if race.tasks { "step-shared-awaits" } else { "step-shared-switch" };
        let act = if race.tasks { Act::Await } else { Act::Compute };
        steps.push(step(program, function, between, act, key, &place, race));
    }
    steps.push(match gap.keeps {
        Some(_) => step(program, function, gap.write, Act::Read, "step-shared-relies", &place, race),
        None if gap.touch == Touch::Remove => {
            step(program, function, gap.write, Act::Write, "step-shared-takes", &place, race)
        }
        None => step(program, function, gap.write, Act::Write, "step-shared-writes", &place, race),
    });
    steps
}

/// How an actor comes to a function.
fn start_steps(program: &Program, side: &Side) -> Vec<Step> {
    let actors = program.actors();
    let root = &actors.roots[side.root];
    let mut steps = vec![root_step(program, root)];
    let way = actors.way(side.root, side.function);
    for (caller, act, callee) in way {
        let message = Message::new("step-shared-calls").arg("callee", function_name(program, callee));
        steps.push(Step { actor: actor(root), act: Act::Compute, site: site(program, caller, act), message });
    }
    steps
}

fn actor(root: &Root) -> Actor {
    match root.runner {
        Runner::EventLoop => Actor::EventLoop,
        Runner::ThreadPool => Actor::ThreadPool,
        Runner::Caller => Actor::Main,
        Runner::Thread | Runner::Process | Runner::SignalHandler | Runner::Finalizer => Actor::Thread,
    }
}

fn root_step(program: &Program, root: &Root) -> Step {
    let name = function_name(program, root.function);
    let key = match (root.from, root.runner, root.many) {
        _ if root.window.is_some() => "step-shared-goes-on",
        (Some(_), _, Many::One) => "step-shared-start",
        (Some(_), _, Many::Same) => "step-shared-start-several",
        (Some(_), _, Many::Repeated) => "step-shared-start-repeated",
        (None, Runner::Caller, _) => "step-shared-caller",
        (None, _, Many::Repeated) => "step-shared-framework",
        (None, _, Many::One | Many::Same) => "step-shared-class",
    };
    let place = match root.from {
        Some((function, act)) => site(program, function, act),
        None => site_of(program, root.function.unit, program.function(root.function).name_span),
    };
    let message = Message::new(key).arg("function", name).arg("actor", format!("@{}", actor(root).word()));
    Step { actor: actor(root), act: Act::Spawn, site: place, message }
}

/// A coroutine that may run twice, as far as one can tell.
fn of_coroutine(program: &Program, rule: &str, function: FunctionRef, gap: &Gap) -> Finding {
    let place = program.short_place_name(&gap.spot.place);
    let name = function_name(program, function);
    let taken = program.taken_elsewhere(function, gap);
    let other = taken.map_or_else(|| name.clone(), |(other, _)| function_name(program, other));
    let message = Message::new(if taken.is_some() { "two" } else { "alone" })
        .arg("place", &*place)
        .arg("function", &*name)
        .arg("other", other);
    let in_task = |function, act: u32, does: Act, key: &str| {
        let message = Message::new(key).arg("place", &*place).arg("function", function_name(program, function));
        Step { actor: Actor::EventLoop, act: does, site: site(program, function, act), message }
    };
    let at = |act: u32, does: Act, key: &str| in_task(function, act, does, key);
    let mut story = Vec::new();
    if gap.look < gap.write {
        story.push(at(gap.look, Act::Read, "step-shared-looks"));
    }
    if let Some(awaited) = gap.awaited.filter(|it| *it < gap.write) {
        story.push(at(awaited, Act::Await, "step-shared-awaits"));
    }
    if let Some((other, act)) = taken {
        story.push(in_task(other, act, Act::Write, "step-shared-other"));
    }
    let (does, writes) = match (gap.keeps.is_some(), gap.rests) {
        (true, _) => (Act::Read, "step-shared-relies"),
        (_, Rests::Update) => (Act::Write, "step-shared-updates"),
        _ => (Act::Write, "step-shared-writes"),
    };
    story.push(at(gap.write, does, writes));
    let rests_on_value = matches!(gap.rests, Rests::Update | Rests::Value) || taken.is_some();
    let sure = rests_on_value && !program.is_test(function);
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let because = vec![Message::new("because-no-lock"), Message::new("because-called-twice")];
    let help = Message::new("help").arg("place", &*place);
    let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![place.clone()] };
    finding(program, rule, (function, gap.write), said)
}

/// A loop that awaits while others may change what it goes through.
fn of_loop(program: &Program, it: &SplitLoop) -> Finding {
    let place = program.short_place_name(&it.iteration.spot.place);
    let at = |function, act: u32, does: Act, key: &str| {
        let message = Message::new(key).arg("place", &*place).arg("function", function_name(program, function));
        Step { actor: Actor::EventLoop, act: does, site: site(program, function, act), message }
    };
    let mut story = vec![at(it.function, it.iteration.act, Act::Read, "step-shared-iterates")];
    if let Some(awaited) = it.iteration.awaited {
        story.push(at(it.function, awaited, Act::Await, "step-shared-awaits"));
    }
    story.push(at(it.other.0, it.other.1, Act::Write, "step-shared-other"));
    let message = Message::new("two")
        .arg("place", &*place)
        .arg("function", function_name(program, it.function))
        .arg("other", function_name(program, it.other.0));
    let test = program.is_test(it.function) || program.is_test(it.other.0);
    let confidence = if test || !it.often { Confidence::Possible } else { Confidence::Likely };
    let because = vec![Message::new("because-no-lock"), Message::new("because-tasks")];
    let help = Message::new("help").arg("place", &*place);
    let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![place.clone()] };
    finding(program, ITERATE, (it.function, it.iteration.act), said)
}
