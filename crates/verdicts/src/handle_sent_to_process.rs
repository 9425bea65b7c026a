//! Handles and locks of a module that other processes use: a fork shares the handle, and the lock protects nothing.

use raddle_facts::{ActKind, ScopeId, Value, ValueId};
use raddle_program::crossing::Start;
use raddle_program::sharing::Place;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::plain::{Found, calls, method};
use crate::processes::{InProcess, in_processes};
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "handle-sent-to-process";

/// Calls that open what a forked process must not use together with its parent.
const HANDLES: &[&str] = &[
    "sqlalchemy.create_engine",
    "psycopg2.connect",
    "psycopg.connect",
    "psycopg.Connection.connect",
    "sqlite3.connect",
    "sqlite3.dbapi2.connect",
    "pymysql.connect",
    "MySQLdb.connect",
    "mysql.connector.connect",
    "pymongo.MongoClient",
    "redis.Redis",
    "redis.StrictRedis",
    "redis.from_url",
    "duckdb.connect",
    "socket.socket",
    "socket.create_connection",
    "pika.BlockingConnection",
    "kafka.KafkaProducer",
    "grpc.insecure_channel",
    "h5py.File",
    "builtins.open",
    "io.open",
    "_io.open",
];
const LOCKS: &[&str] = &["threading.Lock", "threading.RLock", "threading.Semaphore", "threading.Condition"];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let mut told: FxHashSet<(FunctionRef, ValueId)> = FxHashSet::default();
    for one in in_processes(program) {
        let forks = match one.crossing.start {
            Start::Fork => true,
            Start::Default => program.python_version < (3, 14),
            Start::Spawn | Start::Forkserver => false,
        };
        if forks && !closes(program, &one) {
            handles(program, &one, &mut told, acc);
        }
        // What it calls may lock for the threads of its own process.
        if one.is_handed {
            locks(program, &one, &mut told, acc);
        }
    }
}

/// Whether a file says what becomes of its handle in a child.
fn closes(program: &Program, one: &InProcess<'_>) -> bool {
    let facts = &program.unit(one.function.unit).facts;
    ["dispose", "register_at_fork", "getpid"].iter().any(|it| facts.symbols.find(it).is_some())
}

fn handles(
    program: &Program,
    one: &InProcess<'_>,
    told: &mut FxHashSet<(FunctionRef, ValueId)>,
    acc: &mut Vec<Finding>,
) {
    for called in calls(program, one.function) {
        let Some((base, _)) = method(program, one.function, called.callee) else { continue };
        let Some(made) = made_by_module(program, one.function, base, HANDLES) else { continue };
        if told.insert((one.function, base)) {
            acc.push(finding(program, one, (base, called.act.span), made, "handle"));
        }
    }
}

fn locks(program: &Program, one: &InProcess<'_>, told: &mut FxHashSet<(FunctionRef, ValueId)>, acc: &mut Vec<Finding>) {
    let facts = &program.unit(one.function.unit).facts;
    for act in facts.acts_of(one.function.function) {
        let ActKind::Enter(lock) = act.kind else { continue };
        let Some(made) = made_by_module(program, one.function, lock, LOCKS) else { continue };
        // Threads of the same process may share it too.
        if program.spawns().iter().any(|it| it.callee == one.function && it.act != one.crossing.act) {
            continue;
        }
        if told.insert((one.function, lock)) {
            acc.push(finding(program, one, (lock, act.span), made, "lock"));
        }
    }
}

/// Where the module makes what a variable of it holds, if one of these calls does.
fn made_by_module(
    program: &Program,
    function: FunctionRef,
    value: ValueId,
    by: &[&str],
) -> Option<(FunctionRef, Span)> {
    let spot = program.spot_at(function, value)?;
    let Place::Global(unit, name) = spot.place else { return None };
    let facts = &program.unit(unit).facts;
    let [(_, bound)] = facts.bindings(ScopeId::MODULE, &name) else { return None };
    let Value::Call(callee, _) = facts.value(*bound) else { return None };
    let names = program.known_names(ValueRef { unit, value: callee });
    if !names.iter().any(|it| by.contains(&&**it)) {
        return None;
    }
    let module = FunctionRef { unit, function: raddle_facts::FunctionId::MODULE };
    let made = calls(program, module).find(|it| it.call == *bound)?;
    Some((module, made.act.span))
}

fn finding(
    program: &Program,
    one: &InProcess<'_>,
    (value, span): (ValueId, Span),
    (module, made): (FunctionRef, Span),
    key: &str,
) -> Finding {
    let name = program.written(one.function, value);
    let crossing = one.crossing;
    let step = |unit, span, actor, act, key: &str| Step {
        actor,
        act,
        site: site_of(program, unit, span),
        message: Message::new(key).arg("name", &*name).arg("function", program.short_name(one.function)),
    };
    let handed = act_at(program, crossing.function, crossing.act).span;
    Found {
        rule: ID,
        function: one.function,
        span,
        message: Message::new(key).arg("name", &*name).arg("function", program.short_name(one.function)),
        help: if key == "lock" { "help-lock" } else { "help-own" },
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new(if key == "lock" { "because-copy" } else { "because-fork" })],
        story: vec![
            step(module.unit, made, Actor::Import, Act::Keep, "step-made"),
            step(crossing.function.unit, handed, Actor::Main, Act::Spawn, "step-process"),
            step(one.function.unit, span, Actor::Process, Act::Compute, "step-used"),
        ],
    }
    .finish(program)
}
