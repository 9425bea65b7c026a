//! The door between Python and the scheduler's brain: Python runs the actors, `runtime` says who goes on.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use raddle_rulebook::{Lang, Rulebook, say_shared};
use raddle_runtime::{
    ActorId, Blocked, Choice, Coverage, Exhaustive, Next, ObjectId, Operation, Orders, Outcome, Pct, Point, Random,
    Reason, Recorder, Replay, Schedule, Strategy, Timer, Trial, Turn,
};
use raddle_vocabulary::Message;

/// An actor, the code of its operation, and the object (or the actor that is joined).
type Pending = (u16, u8, u32);
/// The same, and who holds the object; negative where nobody is known to.
type Waiting = (u16, u8, u32, i32);
/// An actor, its object, when it is due, and whether it may fire.
type Armed = (u16, u32, u64, bool);

fn operation(code: u8, object: u32) -> Operation {
    let it = ObjectId(object);
    match code {
        0 => Operation::Local,
        1 => Operation::Read(it),
        2 => Operation::Write(it),
        3 => Operation::Update(it),
        4 => Operation::Acquire(it),
        5 => Operation::TryAcquire(it),
        6 => Operation::Release(it),
        7 => Operation::Clock,
        8 => Operation::Spawn,
        9 => Operation::Join(ActorId(u16::try_from(object).unwrap_or(u16::MAX))),
        10 => Operation::Step,
        _ => Operation::Opaque,
    }
}

fn reason(code: u8) -> Reason {
    match code {
        0 => Reason::Start,
        1 => Reason::Access,
        2 => Reason::Blocked,
        3 => Reason::Yielded,
        4 => Reason::Awaited,
        _ => Reason::Ended,
    }
}

fn outcome(code: u8) -> Outcome {
    match code {
        0 => Outcome::Passed,
        1 => Outcome::Failed,
        2 => Outcome::Deadlock,
        3 => Outcome::Cut,
        _ => Outcome::Abandoned,
    }
}

fn actor(number: i32) -> Option<ActorId> {
    u16::try_from(number).ok().map(ActorId)
}

fn blocked(waiting: Vec<Waiting>) -> Vec<Blocked> {
    let one = |(who, code, object, holder)| Blocked {
        actor: ActorId(who),
        operation: operation(code, object),
        holder: actor(holder),
    };
    waiting.into_iter().map(one).collect()
}

/// One search: a strategy and what its last run was.
#[pyclass]
struct Search {
    strategy: Box<dyn Strategy + Send + Sync>,
    recorder: Recorder,
}

#[pymethods]
impl Search {
    /// `kind` names the strategy; `limit` is its depth or its bound, or nothing.
    #[new]
    #[pyo3(signature = (kind, seed=0, limit=3, budget=u64::MAX, token=""))]
    fn new(kind: &str, seed: u64, limit: u32, budget: u64, token: &str) -> PyResult<Self> {
        let strategy: Box<dyn Strategy + Send + Sync> = match kind {
            "random" => Box::new(Random::new(seed, budget)),
            "pct" => Box::new(Pct::new(seed, limit, budget)),
            "exhaustive" => Box::new(Exhaustive::unbounded(budget)),
            "bounded" => Box::new(Exhaustive::up_to(limit, budget)),
            "orders" => Box::new(Orders::new(budget)),
            "replay" => Box::new(Replay::new(schedule(token)?)),
            other => return Err(PyValueError::new_err(format!("no strategy is called {other:?}"))),
        };
        Ok(Self { strategy, recorder: Recorder::default() })
    }

    fn begin(&mut self) {
        self.recorder.begin_run();
        self.strategy.begin_run();
    }

    /// Who goes on; -1 when the run shows nothing new.
    fn choose(
        &mut self,
        current: i32,
        why: u8,
        key: u64,
        runnable: Vec<Pending>,
        waiting: Vec<Waiting>,
        timers: Vec<Armed>,
    ) -> i32 {
        let one = |(who, code, object)| Choice { actor: ActorId(who), operation: operation(code, object) };
        let runnable: Vec<Choice> = runnable.into_iter().map(one).collect();
        let waiting = blocked(waiting);
        let armed = |(who, object, due, ready)| Timer { actor: ActorId(who), object: ObjectId(object), due, ready };
        let timers: Vec<Timer> = timers.into_iter().map(armed).collect();
        let (runnable, blocked, timers) = (&runnable[..], &waiting[..], &timers[..]);
        let point = Point { current: actor(current), reason: reason(why), key, runnable, blocked, timers };
        match self.strategy.choose(&point) {
            Turn::Run(chosen) => {
                self.recorder.note(&point, chosen);
                i32::from(chosen.0)
            }
            Turn::Abandon => -1,
        }
    }

    /// Which of the ready steps goes on, by its place among them; -1 when the run shows nothing new.
    fn choose_step(&mut self, current: i32, numbers: Vec<u16>) -> i32 {
        let one = |number: &u16| Choice { actor: ActorId(*number), operation: Operation::Step };
        let runnable: Vec<Choice> = numbers.iter().map(one).collect();
        let current = actor(current);
        let point = Point { current, reason: Reason::Awaited, key: 1, runnable: &runnable, blocked: &[], timers: &[] };
        let Turn::Run(chosen) = self.strategy.choose(&point) else { return -1 };
        self.recorder.note(&point, chosen);
        numbers.iter().position(|it| *it == chosen.0).and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)
    }

    fn observe(&mut self, code: u8, object: u32) {
        self.strategy.observe(operation(code, object));
    }

    /// Whether another run is wanted.
    fn end(&mut self, how: u8, waiting: Vec<Waiting>) -> bool {
        self.strategy.end_run(outcome(how), &blocked(waiting)) == Next::Again
    }

    /// What is covered: `all`, `bound` with its number, `sample` with its runs, or `some`.
    fn coverage(&self) -> (&'static str, u64) {
        match self.strategy.coverage() {
            Coverage::All => ("all", 0),
            Coverage::UpTo { preemptions } => ("bound", u64::from(preemptions)),
            Coverage::Sample { runs, .. } => ("sample", runs),
            Coverage::Some(_) => ("some", 0),
        }
    }

    /// The last run as a token, with its preemptions and points.
    fn last(&self, fingerprint: u32) -> (String, u32, usize) {
        (self.recorder.schedule(fingerprint).token(), self.recorder.preemptions(), self.recorder.len())
    }
}

fn schedule(token: &str) -> PyResult<Schedule> {
    Schedule::from_token(token).map_err(|_| PyValueError::new_err(format!("not a schedule: {token:?}")))
}

/// The program a token belongs to.
#[pyfunction]
fn fingerprint(token: &str) -> PyResult<u32> {
    schedule(token).map(|it| it.fingerprint)
}

/// Shrinks a failing run; `again` takes a token and gives the run back if it failed in the same way.
#[pyfunction]
fn shrink(start: (String, u32, usize), budget: usize, again: &Bound<'_, PyAny>) -> PyResult<(String, u32, usize)> {
    let trial = |(token, preemptions, points): (String, u32, usize)| -> PyResult<Trial> {
        Ok(Trial { schedule: schedule(&token)?, preemptions, points })
    };
    let mut trouble = None;
    let best = raddle_runtime::shrink(trial(start)?, budget, |shorter| {
        let answer = again.call1((shorter.token(),)).and_then(|it| it.extract::<Option<(String, u32, usize)>>());
        match answer.and_then(|it| it.map(trial).transpose()) {
            Ok(found) => found,
            Err(error) => {
                trouble.get_or_insert(error);
                None
            }
        }
    });
    match trouble {
        Some(error) => Err(error),
        None => Ok((best.schedule.token(), best.preemptions, best.points)),
    }
}

/// A shared word or sentence in a language, with its placeholders filled.
#[pyfunction]
fn say(lang: &str, key: &str, args: Vec<(String, String)>) -> String {
    let message = args.into_iter().fold(Message::new(key), |message, (name, value)| message.arg(&name, value));
    say_shared(Lang::from_locale(lang), &message)
}

/// The name of a rule for a reader, where there is such a rule.
#[pyfunction]
fn rule(lang: &str, name: &str) -> Option<String> {
    Rulebook::built_in().card(name).map(|card| card.title(Lang::from_locale(lang)).to_owned())
}

/// The extension module.
#[pymodule]
fn _bridge(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Search>()?;
    module.add_function(wrap_pyfunction!(fingerprint, module)?)?;
    module.add_function(wrap_pyfunction!(say, module)?)?;
    module.add_function(wrap_pyfunction!(rule, module)?)?;
    module.add_function(wrap_pyfunction!(shrink, module)?)
}
