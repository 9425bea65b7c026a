//! Shared data: what several actors do with one place, judged by what a write rests on.
//!
//! One finding for each place and rule: the first gap stands for all, the others are steps of its story.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value};
use raddle_program::actors::{Many, Root};
use raddle_program::sharing::Place;
use raddle_program::sharing::races::{Builds, Fault, Race, Side};
use raddle_program::sharing::touches::{Gap, Rests};
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
/// A write whose read stands before an `await`.
pub const AWAIT: &str = "await-splits-update";

/// Finds updates that may be lost.
pub fn update(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, UPDATE, acc);
}

/// Finds tests that may be out of date when they are acted on.
pub fn check(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, CHECK, acc);
}

/// Finds values that may be made twice.
pub fn lazy(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, LAZY, acc);
}

/// Finds containers that may change while they are gone through.
pub fn iterate(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, ITERATE, acc);
}

/// Finds updates with an `await` in the middle.
pub fn splits(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    of_rule(judged.program, AWAIT, acc);
    let program = judged.program;
    let raced: Vec<&Place> = program.races().iter().filter(|it| it.tasks).map(|it| &it.place).collect();
    let mut seen: Vec<Place> = Vec::new();
    for (function, gap) in program.split_updates() {
        if !raced.contains(&&gap.spot.place) && !seen.contains(&gap.spot.place) {
            seen.push(gap.spot.place.clone());
            acc.push(of_coroutine(program, function, &gap));
        }
    }
}

fn rule_of(program: &Program, race: &Race) -> &'static str {
    match &race.fault {
        Fault::Iterate(_) => ITERATE,
        Fault::Gap(_) if race.tasks => AWAIT,
        Fault::Gap(gap) => match gap.rests {
            Rests::Update | Rests::Value | Rests::Derived => UPDATE,
            Rests::Absence if sets_flag(program, &race.side) => CHECK,
            Rests::Absence => LAZY,
            Rests::Contents | Rests::Test => CHECK,
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
    let several = root.many != Many::One && root.function == race.side.function;
    if race.tasks && hoped && !several && !(root.many != Many::One && makes_resource(program, &race.side)) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-called-twice"));
    }
    let same_flag = sets_flag(program, &race.side) && sets_flag(program, &race.other);
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
        Builds::Any | Builds::FreeThreaded if rule == UPDATE || rule == AWAIT || rule == ITERATE => Level::Error,
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
        Fault::Iterate(act) => {
            return vec![step(program, function, *act, Act::Read, "step-shared-iterates", &place, race)];
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
    steps.push(step(program, function, gap.write, Act::Write, "step-shared-writes", &place, race));
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
fn of_coroutine(program: &Program, function: FunctionRef, gap: &Gap) -> Finding {
    let place = program.short_place_name(&gap.spot.place);
    let name = function_name(program, function);
    let message = Message::new("alone").arg("place", &*place).arg("function", &*name).arg("other", &*name);
    let at = |act: u32, does: Act, key: &str| {
        let message = Message::new(key).arg("place", &*place).arg("function", &*name);
        Step { actor: Actor::EventLoop, act: does, site: site(program, function, act), message }
    };
    let mut story = Vec::new();
    if gap.look < gap.write {
        story.push(at(gap.look, Act::Read, "step-shared-looks"));
    }
    if let Some(awaited) = gap.awaited.filter(|it| *it < gap.write) {
        story.push(at(awaited, Act::Await, "step-shared-awaits"));
    }
    let writes = if gap.rests == Rests::Update { "step-shared-updates" } else { "step-shared-writes" };
    story.push(at(gap.write, Act::Write, writes));
    let rests_on_value = matches!(gap.rests, Rests::Update | Rests::Value);
    let sure = rests_on_value && !program.is_test(function);
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let because = vec![Message::new("because-no-lock"), Message::new("because-called-twice")];
    let help = Message::new("help").arg("place", &*place);
    let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![place.clone()] };
    finding(program, AWAIT, (function, gap.write), said)
}
