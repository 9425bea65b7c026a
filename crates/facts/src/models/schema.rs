//! The shape of a model file: what raddle knows of a library without reading its code.
//!
//! Every name is a full dotted path as an import would spell it (`pathlib.Path.read_text`, `builtins.open`), with the class
//! a method is looked up on (`socket.socket.connect`). `*` as the last segment stands for every method of a class or every
//! function of a module that has no entry of its own.

use raddle_vocabulary::{Cause, Cost};
use serde::{Deserialize, Serialize};

/// One model file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Model {
    /// Name of the distribution on PyPI, or `stdlib`.
    pub distribution: String,
    /// Calls that keep their thread waiting.
    pub blocks: Vec<Blocks>,
    /// Calls that look like a blocking one (they fall under a `*`) and are not.
    pub harmless: Vec<Calls>,
    /// Calls that move a callable off the event loop or to another actor.
    pub offloads: Vec<HandsOver>,
    /// Calls that have the event loop run a callable.
    pub schedules: Vec<HandsOver>,
    /// Calls that run a callable at once, in the caller's actor (`map`, `sorted(key=…)`, `functools.reduce`).
    pub runs: Vec<HandsOver>,
    /// Where a framework enters the program.
    pub entries: Vec<Entry>,
    /// What a call or attribute gives, where no stub or source says so: `"psycopg2.connect" = "psycopg2.extensions.connection"`.
    pub returns: std::collections::BTreeMap<String, String>,
    /// Other paths to the same thing: `"requests.sessions.Session" = "requests.Session"`.
    pub aliases: std::collections::BTreeMap<String, String>,
    /// Base classes, where no stub or source says so: `"redis.Redis" = ["redis.commands.CoreCommands"]`.
    pub bases: std::collections::BTreeMap<String, Vec<String>>,
    /// Classes whose instances are locks.
    pub locks: Vec<LockClass>,
    /// Calls that tell which thread or loop is running: what they guard is taken to know where it runs.
    pub probes: Vec<Calls>,
    /// Decorators that do not change when, where or whether the function's body runs.
    pub transparent: Vec<Calls>,
    /// Calls that send values to another process.
    pub sends: Vec<Sends>,
    /// Classes whose instances cannot be pickled.
    pub unpicklable: Vec<Unpicklable>,
}

/// Calls that send values to another process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sends {
    /// Dotted names.
    pub calls: Vec<String>,
    /// How the values are packed.
    pub by: Packing,
    /// The callable, which is sent too.
    #[serde(default)]
    pub function: Option<Slot>,
    /// Whether what the callable returns comes back packed.
    #[serde(default)]
    pub answers: bool,
    /// Arguments that are sent as they are.
    #[serde(default)]
    pub whole: Vec<Slot>,
    /// Arguments whose items are sent one by one.
    #[serde(default)]
    pub each: Vec<Slot>,
    /// Iterables of tuples: the entries are sent.
    #[serde(default)]
    pub tuples: Vec<Slot>,
    /// From this position on every argument, and each one by an unlisted name, is sent as it is.
    #[serde(default)]
    pub rest: Option<u8>,
    /// From this position on every argument's items are sent one by one.
    #[serde(default)]
    pub each_rest: Option<u8>,
    /// The first argument makes tasks: `delayed(function)(arguments)` for each item.
    #[serde(default)]
    pub tasks: bool,
    /// Only when this argument is a pool of processes.
    #[serde(default)]
    pub pool: Option<u8>,
}

/// Where an argument stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slot {
    /// Keyword name.
    #[serde(default)]
    pub name: Option<String>,
    /// Position, counted from 0 without `self`.
    #[serde(default)]
    pub position: Option<u8>,
}

/// How values get into another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// `pickle`: functions and classes by name.
    Pickle,
    /// `cloudpickle`, `dill`: functions and classes by value where their name is not enough.
    ByValue,
    /// As the process starts: inherited under `fork`, otherwise pickled, and then locks and queues of
    /// `multiprocessing` may come along.
    Start,
}

/// Classes whose instances cannot be pickled, whatever packs them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unpicklable {
    /// Dotted names.
    pub classes: Vec<String>,
    /// What they are, as a shared word without its `held-`: `lock`, `file`, `database`.
    pub what: String,
    /// Whether a process inherits them when it starts.
    #[serde(default)]
    pub inherited: bool,
}

/// Calls by name, nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calls {
    /// Dotted names.
    pub calls: Vec<String>,
}

/// Blocking calls that share a cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Blocks {
    /// Dotted names.
    pub calls: Vec<String>,
    /// What they wait for.
    pub cause: Cause,
    /// For how long they tend to.
    pub cost: Cost,
    /// What to use instead in async code, as the reader would write it (`asyncio.sleep`, `httpx.AsyncClient`); without
    /// one the help offers a thread.
    #[serde(default)]
    pub instead: Option<String>,
    /// The call does not block when any of these holds of its arguments.
    #[serde(default)]
    pub unless: Vec<Argument>,
    /// The call blocks only when all of these hold of its arguments.
    #[serde(default)]
    pub only_if: Vec<Argument>,
}

/// Something that is true of one argument of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Argument {
    /// Keyword name.
    #[serde(default)]
    pub name: Option<String>,
    /// Position, counted from 0 without `self`.
    #[serde(default)]
    pub position: Option<u8>,
    /// What it is.
    pub is: Is,
}

/// What can be said of an argument from its literal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// The literal `True`.
    True,
    /// The literal `False`.
    False,
    /// The literal `0` or `0.0`.
    Zero,
    /// The literal `None`.
    None,
    /// Given at all.
    Present,
    /// Not given.
    Absent,
    /// A string or bytes literal (so not a path or a URL that someone else chose).
    Text,
    /// An object in memory: `io.StringIO`, `io.BytesIO`.
    InMemory,
}

/// A call that takes a callable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HandsOver {
    /// Dotted names. A decorator that does it (`@sync_to_async`) is listed by the same name, with `position = 0`.
    pub calls: Vec<String>,
    /// Keyword name of the callable.
    #[serde(default)]
    pub name: Option<String>,
    /// Position of the callable, counted from 0 without `self`.
    #[serde(default)]
    pub position: Option<u8>,
    /// Who runs it: `event-loop`, `thread`, `thread-pool`, `process`, `signal-handler`, `finalizer`, or `caller`.
    pub to: Runner,
}

/// Who runs a callable that is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// The actor that made the call, before the call returns.
    Caller,
    /// An event loop.
    EventLoop,
    /// A thread of its own.
    Thread,
    /// A worker of a thread pool.
    ThreadPool,
    /// Another process.
    Process,
    /// A signal handler in the main thread.
    SignalHandler,
    /// A finalizer.
    Finalizer,
}

/// Where a framework calls the program. Exactly one of `base`, `decorator`, `call` names the place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Name of the framework as a reader knows it: `FastAPI`.
    pub framework: String,
    /// Classes whose subclasses' methods the framework calls.
    #[serde(default)]
    pub base: Vec<String>,
    /// The methods, for `base`; `*` at the end of a name matches a prefix (`on_*`).
    #[serde(default)]
    pub methods: Vec<String>,
    /// Decorators: a function, or a method of an instance (`fastapi.FastAPI.get`).
    #[serde(default)]
    pub decorator: Vec<String>,
    /// Calls that register a callable: `fastapi.Depends`, with `name`/`position` of the callable.
    #[serde(default)]
    pub call: Vec<String>,
    /// Keyword name of the callable, for `call`.
    #[serde(default)]
    pub name: Option<String>,
    /// Position of the callable, for `call`.
    #[serde(default)]
    pub position: Option<u8>,
    /// Who runs a plain `def`.
    pub plain: Runner,
    /// How often the framework enters: once at start-up or shut-down, or for every request, message or event.
    #[serde(default)]
    pub often: Often,
}

/// How often an entry point runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Often {
    /// For every request, message, event or command.
    #[default]
    EachTime,
    /// Once, when the program starts or stops.
    Once,
}

/// A class whose instances are locks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockClass {
    /// Dotted names of the classes or of the factories that make them.
    pub classes: Vec<String>,
    /// `mutex`, `semaphore`, `condition`, `read-write`.
    pub kind: LockKind,
    /// Whether the holder may take it again.
    pub reentrant: bool,
    /// Who waits for it.
    pub waiter: Waiter,
}

/// What kind of lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// One holder.
    Mutex,
    /// Several holders.
    Semaphore,
    /// A lock with a waiting room.
    Condition,
    /// Many readers or one writer.
    ReadWrite,
}

/// Who waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiter {
    /// The thread: an event loop that waits stops.
    Thread,
    /// The task: the event loop goes on.
    Task,
    /// The process.
    Process,
}
