//! Jobs that wait for other jobs of the pool they run in.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Keyword, Value, ValueId};
use raddle_program::calls::Target;
use raddle_program::locks::{LockKey, key_text};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{Said, finding, function_name, step};
use crate::story::act_at;

/// The rule's name.
pub const ID: &str = "pool-waits-for-itself";

/// Calls inside a job are followed this far.
const DEEPEST: usize = 4;

/// A job that is given to a pool.
struct Job {
    pool: LockKey,
    job: FunctionRef,
    at: (FunctionRef, u32),
}

/// A wait for a job of a pool.
struct Wait {
    given: u32,
    waits: u32,
    jobs: Vec<FunctionRef>,
    timed: bool,
}

/// Finds jobs that wait for their own pool.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let mut told = FxHashSet::default();
    for job in jobs(program) {
        for way in inside(program, job.job) {
            let at = way[way.len() - 1];
            let Some(wait) = wait_in(program, at, &job.pool) else { continue };
            if told.insert((at, wait.waits)) {
                acc.push(found(program, &job, &way, &wait));
            }
        }
    }
}

/// What is given to pools of threads that have a name.
fn jobs(program: &Program) -> Vec<Job> {
    let mut jobs = Vec::new();
    for spawn in program.spawns().iter().filter(|it| it.to == Runner::ThreadPool && program.is_own(it.callee.unit)) {
        if let Some(pool) = pool_of(program, spawn.function, spawn.act) {
            jobs.push(Job { pool, job: spawn.callee, at: (spawn.function, spawn.act) });
        }
    }
    jobs
}

/// The pool that a call gives a job to.
fn pool_of(program: &Program, function: FunctionRef, act: u32) -> Option<LockKey> {
    let facts = &program.unit(function.unit).facts;
    let ActKind::Call(call) = act_at(program, function, act).kind else { return None };
    let Value::Call(callee, arguments) = facts.value(call) else { return None };
    let Value::Attribute(base, name) = facts.value(callee) else { return None };
    let pool = match facts.text(name) {
        "submit" | "map" | "apply" | "apply_async" | "map_async" | "imap" | "imap_unordered" | "starmap" => base,
        "run_in_executor" => facts.arguments(arguments).first()?.value,
        _ => return None,
    };
    let key = program.place_key(function, pool)?;
    matches!(key, LockKey::Global(..) | LockKey::Member(..) | LockKey::Local(..)).then_some(key)
}

/// The functions that a job runs itself, each with the way to it.
fn inside(program: &Program, job: FunctionRef) -> Vec<Vec<FunctionRef>> {
    let mut ways = vec![vec![job]];
    let mut seen: FxHashSet<FunctionRef> = [job].into_iter().collect();
    let mut at = 0;
    while at < ways.len() && ways.len() < 60 {
        let way = ways[at].clone();
        at += 1;
        if way.len() >= DEEPEST {
            continue;
        }
        let here = way[way.len() - 1];
        let facts = &program.unit(here.unit).facts;
        for act in facts.acts_of(here.function).iter().filter(|it| matches!(it.kind, ActKind::Call(_))) {
            for target in program.targets(here, act) {
                if let Target::Run { callee, .. } = target
                    && program.is_own(callee.unit)
                    && seen.insert(callee)
                {
                    let mut longer = way.clone();
                    longer.push(callee);
                    ways.push(longer);
                }
            }
        }
    }
    ways
}

/// Where a function gives a job to the pool and waits for it.
fn wait_in(program: &Program, function: FunctionRef, pool: &LockKey) -> Option<Wait> {
    let facts = &program.unit(function.unit).facts;
    let (start, end) = program.function(function).acts;
    let mut given: Option<(u32, ValueId, bool)> = None;
    for act in start..end {
        let kind = act_at(program, function, act).kind;
        let waits = given.filter(|(_, value, maps)| match kind {
            ActKind::Call(call) => waits_for(program, function, call, *value, *maps),
            ActKind::Iterate(value_of) => *maps && value_of == *value,
            _ => false,
        });
        if let Some((given, ..)) = waits {
            let jobs = program.targets(function, act_at(program, function, given));
            let jobs = jobs.iter().filter_map(|it| match it {
                Target::Hand { callee, .. } => Some(*callee),
                _ => None,
            });
            return Some(Wait { given, waits: act, jobs: jobs.collect(), timed: is_timed(program, function, kind) });
        }
        let ActKind::Call(call) = kind else { continue };
        if pool_of(program, function, act).as_ref() != Some(pool) {
            continue;
        }
        let Value::Call(callee, _) = facts.value(call) else { continue };
        match facts.called_name(callee) {
            Some("submit" | "apply_async" | "map_async") => given = Some((act, call, false)),
            Some("map" | "imap" | "imap_unordered") => given = Some((act, call, true)),
            _ => {}
        }
    }
    None
}

/// Whether a call waits for what was given to the pool.
fn waits_for(program: &Program, function: FunctionRef, call: ValueId, given: ValueId, maps: bool) -> bool {
    let facts = &program.unit(function.unit).facts;
    let Value::Call(callee, arguments) = facts.value(call) else { return false };
    let arguments = facts.arguments(arguments);
    if maps {
        let consumes = matches!(facts.called_name(callee), Some("list" | "tuple" | "set" | "sum" | "dict" | "sorted"));
        return consumes && arguments.iter().any(|it| it.value == given);
    }
    let names = program.known_names(ValueRef { unit: function.unit, value: callee });
    match facts.value(callee) {
        Value::Attribute(base, name) if matches!(facts.text(name), "result" | "exception" | "get") => {
            let of_future = names.iter().any(|it| it.starts_with("concurrent.futures.") || it.contains("AsyncResult."));
            let element = matches!(facts.value(base), Value::Element(_));
            base == given || facts.text(name) != "get" && (of_future || element)
        }
        _ => names.iter().any(|it| matches!(&**it, "concurrent.futures.wait" | "concurrent.futures.as_completed")),
    }
}

/// Whether a wait gives up by itself.
fn is_timed(program: &Program, function: FunctionRef, kind: ActKind) -> bool {
    let facts = &program.unit(function.unit).facts;
    let ActKind::Call(call) = kind else { return false };
    let Value::Call(_, arguments) = facts.value(call) else { return false };
    let named =
        |it: &raddle_facts::Argument| matches!(it.keyword, Keyword::Named(name) if facts.text(name) == "timeout");
    let is_method = matches!(facts.value(call), Value::Call(callee, _) if facts.called_name(callee) == Some("result"));
    facts.arguments(arguments).iter().any(|it| named(it) || is_method && it.keyword == Keyword::Positional)
}

/// Whether the pool is made with one worker.
fn has_one_worker(program: &Program, pool: &LockKey) -> bool {
    let Some((unit, bindings)) = program.bindings_of_lock(pool) else { return false };
    let facts = &program.unit(unit).facts;
    let made = bindings.iter().filter(|(_, value)| facts.value(*value) != Value::None);
    let one = |value: ValueId| {
        let Value::Call(_, arguments) = facts.value(value) else { return false };
        facts.arguments(arguments).iter().enumerate().any(|(at, it)| {
            let is_count = match it.keyword {
                Keyword::Positional => at == 0,
                Keyword::Named(name) => matches!(facts.text(name), "max_workers" | "processes"),
                _ => false,
            };
            is_count && facts.value(it.value) == Value::One
        })
    };
    let mut made = made.peekable();
    made.peek().is_some() && made.all(|(_, value)| one(*value))
}

fn found(program: &Program, job: &Job, way: &[FunctionRef], wait: &Wait) -> Finding {
    let at = way[way.len() - 1];
    let pool = key_text(program, &job.pool);
    let one = has_one_worker(program, &job.pool);
    let again = wait.jobs.iter().any(|it| way.contains(it));
    let known = match (one, again) {
        (true, _) => Confidence::Certain,
        (false, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let confidence =
        if wait.timed || program.is_test(at) || program.is_test(job.at.0) { Confidence::Possible } else { known };
    let key = match (one, again) {
        (true, _) => "one",
        (false, true) => "again",
        (false, false) => "several",
    };
    let job_name = function_name(program, job.job);
    let handed = Message::new("step-job").arg("job", &*job_name).arg("pool", &*pool);
    let mut story = vec![step(program, job.at, Act::Spawn, handed)];
    let given = Message::new("step-inner").arg("function", function_name(program, at)).arg("pool", &*pool);
    story.push(step(program, (at, wait.given), Act::Spawn, given));
    let message = Message::new(key).arg("job", &*job_name).arg("pool", &*pool);
    let help = Message::new("help").arg("pool", &*pool);
    let because = vec![Message::new("because-pool")];
    let said = Said { message, help, level: Level::Error, confidence, because, story, parts: vec![pool] };
    finding(program, ID, (at, wait.waits), said)
}
