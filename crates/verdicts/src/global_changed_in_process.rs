//! Globals that another process changes, and that this one reads: it sees its own copy only.

use raddle_facts::{ActKind, FunctionId, ScopeId, Value};
use raddle_program::sharing::Place;
use raddle_program::sharing::touches::Touch;
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::plain::Found;
use crate::processes::{InProcess, in_processes};
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "global-changed-in-process";

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let all = in_processes(program);
    let inside: FxHashSet<FunctionRef> = all.iter().map(|it| it.function).collect();
    let mut told: FxHashSet<(FunctionRef, u32)> = FxHashSet::default();
    for one in &all {
        for touched in &program.all_touches(one.function).all {
            let Place::Global(_, name) = &touched.spot.place else { continue };
            let changes = matches!(touched.touch, Touch::Set | Touch::Update | Touch::Change | Touch::Remove);
            if !changes || is_shared(program, &touched.spot.place) || told.contains(&(one.function, touched.act)) {
                continue;
            }
            let Some(read) = read_after(program, &inside, one, &touched.spot.place) else { continue };
            told.insert((one.function, touched.act));
            acc.push(finding(program, one, touched.act, read, name));
        }
    }
}

/// Whether a global holds what processes share: something of `multiprocessing`, or a proxy of a manager.
fn is_shared(program: &Program, place: &Place) -> bool {
    let Place::Global(unit, name) = place else { return false };
    let facts = &program.unit(*unit).facts;
    facts.bindings(ScopeId::MODULE, name).iter().any(|(_, value)| {
        let at = ValueRef { unit: *unit, value: *value };
        let by_name = program.made_by(at).is_some_and(|(callee, _)| {
            let owner = &program.unit(callee.unit).facts;
            let names = program.known_names(callee);
            names.iter().any(|it| it.contains("multiprocess") || it.contains("torch") || it.contains("numpy"))
                || owner.called_name(callee.value).is_some_and(|it| {
                    matches!(
                        it,
                        "Value" | "Array" | "Queue" | "SimpleQueue" | "Manager" | "SharedMemory" | "list" | "dict"
                    ) && !names.iter().any(|it| it.starts_with("builtins."))
                })
        });
        let of_library = |name: &str| name.starts_with("multiprocessing.") || name.starts_with("multiprocess.");
        by_name
            || program.evaluate(at).known.iter().any(|val| match val {
                Val::Instance(class, _) => of_library(&program.class_name(*class)),
                Val::OutsideInstance(class) => of_library(class),
                _ => false,
            })
    })
}

/// Where the function that hands the work over reads the global afterwards, if no process runs that function too.
fn read_after(program: &Program, inside: &FxHashSet<FunctionRef>, one: &InProcess<'_>, place: &Place) -> Option<u32> {
    let caller = one.crossing.function;
    if inside.contains(&caller) {
        return None;
    }
    if caller.function == FunctionId::MODULE {
        return shown_after(program, one, place);
    }
    let touches = program.all_touches(caller);
    let after = touches.all.iter().filter(|it| it.spot.place == *place && it.act > one.crossing.act);
    let mut after = after.filter(|it| matches!(it.touch, Touch::Read | Touch::Iterate));
    after.next().map(|it| it.act)
}

/// The same for the code of a module, where a name stands for what was assigned to it: who shows or counts that.
fn shown_after(program: &Program, one: &InProcess<'_>, place: &Place) -> Option<u32> {
    let caller = one.crossing.function;
    let Place::Global(unit, name) = place else { return None };
    if *unit != caller.unit {
        return None;
    }
    let facts = &program.unit(caller.unit).facts;
    let bound = facts.bindings(ScopeId::MODULE, name);
    let (_, end) = facts.function(caller.function).acts;
    (one.crossing.act + 1..end).find(|at| {
        let ActKind::Call(call) = facts.acts[*at as usize].kind else { return false };
        let Value::Call(callee, arguments) = facts.value(call) else { return false };
        facts.called_name(callee).is_some_and(|it| SHOWS.contains(&it))
            && facts.arguments(arguments).iter().any(|it| bound.iter().any(|(_, value)| *value == it.value))
    })
}

/// Functions that show or count what they are given.
const SHOWS: &[&str] = &["print", "len", "sum", "sorted", "max", "min", "list", "dict", "set", "str", "repr"];

fn finding(program: &Program, one: &InProcess<'_>, changed: u32, read: u32, name: &str) -> Finding {
    let step = |function: FunctionRef, at: u32, actor, act, key: &str| Step {
        actor,
        act,
        site: site_of(program, function.unit, act_at(program, function, at).span),
        message: Message::new(key).arg("name", name).arg("function", program.short_name(one.function)),
    };
    let crossing = one.crossing;
    Found {
        rule: ID,
        function: one.function,
        span: act_at(program, one.function, changed).span,
        message: Message::new("changed")
            .arg("name", name)
            .arg("function", program.short_name(one.function))
            .arg("reader", program.short_name(crossing.function)),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-copy")],
        story: vec![
            step(crossing.function, crossing.act, Actor::Main, Act::Spawn, "step-process"),
            step(one.function, changed, Actor::Process, Act::Write, "step-changes"),
            step(crossing.function, read, Actor::Main, Act::Read, "step-reads"),
        ],
    }
    .finish(program)
}
