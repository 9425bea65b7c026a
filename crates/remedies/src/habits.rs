//! How a project takes work off its event loop: with which calls, and through which helpers of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, FunctionId, ParameterKind, Value, ValueId};
use raddle_program::{FunctionRef, Program, UnitId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How a call takes work to a thread.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shape {
    /// `asyncio.to_thread(f, …)`: a function of a library, by module and name; whether it passes keywords on.
    Library(String, String, bool),
    /// `loop.run_in_executor(None, f, …)`.
    Executor,
    /// `sync_to_async(f)(…)`.
    Curried,
    /// A function of the project, by module and name; whether it passes keywords on.
    Function(String, String, bool),
    /// A method of the project, by name; whether it passes keywords on.
    Method(String, bool),
}

/// One way that a file has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habit {
    pub(crate) shape: Shape,
    /// What the method is called on, as it is written.
    pub(crate) receiver: String,
    pub(crate) count: u32,
}

/// How the files of a project take work off their event loops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    by_file: BTreeMap<Arc<str>, Vec<Habit>>,
}

/// Functions of libraries that run a function in a thread: how they are called, where they are, and whether they pass
/// keywords on.
const LIBRARY: &[(&str, &str, &str, bool)] = &[
    ("to_thread", "asyncio", "to_thread", true),
    ("run_in_threadpool", "starlette.concurrency", "run_in_threadpool", true),
    ("anyio.to_thread.run_sync", "anyio", "to_thread.run_sync", false),
    ("trio.to_thread.run_sync", "trio", "to_thread.run_sync", false),
    ("to_thread.run_sync", "anyio", "to_thread.run_sync", false),
];

/// A helper of the project.
struct Helper {
    function: FunctionRef,
    passes_arguments: bool,
    passes_keywords: bool,
}

impl Habits {
    /// The habits of a program.
    #[must_use]
    pub fn of(program: &Program) -> Habits {
        let units: Vec<UnitId> = program.own_units().map(|(unit, _)| unit).collect();
        let helpers: Vec<Helper> = units.par_iter().flat_map_iter(|unit| helpers_of(program, *unit)).collect();
        let mut by_name: BTreeMap<&str, Vec<&Helper>> = BTreeMap::new();
        for helper in helpers.iter().filter(|it| it.passes_arguments) {
            let facts = &program.unit(helper.function.unit).facts;
            by_name.entry(facts.text(program.function(helper.function).name)).or_default().push(helper);
        }
        let by_file: Vec<(Arc<str>, Vec<Habit>)> = units
            .par_iter()
            .map(|unit| (program.unit(*unit).path.clone(), habits_of(program, *unit, &by_name, &helpers)))
            .filter(|(_, habits)| !habits.is_empty())
            .collect();
        Habits { by_file: by_file.into_iter().collect() }
    }

    /// The habits of the file, or of the nearest folder that has any, the most frequent first.
    pub(crate) fn near(&self, path: &str) -> Vec<Habit> {
        if let Some(habits) = self.by_file.get(path) {
            return by_count(habits.clone());
        }
        let mut folder = path;
        loop {
            folder = folder.rsplit_once('/').map_or("", |(before, _)| before);
            let inside = |it: &str| folder.is_empty() || it.strip_prefix(folder).is_some_and(|it| it.starts_with('/'));
            let mut merged: Vec<Habit> = Vec::new();
            for habit in self.by_file.iter().filter(|(it, _)| inside(it)).flat_map(|(_, habits)| habits) {
                add(&mut merged, habit.clone());
            }
            if !merged.is_empty() || folder.is_empty() {
                return by_count(merged);
            }
        }
    }
}

fn by_count(mut habits: Vec<Habit>) -> Vec<Habit> {
    let total = |habits: &[Habit], shape: &Shape| -> u32 {
        habits.iter().filter(|it| it.shape == *shape).map(|it| it.count).sum()
    };
    let all = habits.clone();
    habits.sort_by(|a, b| {
        let key = |it: &Habit| (std::cmp::Reverse(total(&all, &it.shape)), std::cmp::Reverse(it.count));
        key(a).cmp(&key(b)).then_with(|| (&a.shape, &a.receiver).cmp(&(&b.shape, &b.receiver)))
    });
    habits
}

fn add(habits: &mut Vec<Habit>, new: Habit) {
    match habits.iter_mut().find(|it| it.shape == new.shape && it.receiver == new.receiver) {
        Some(known) => known.count += new.count,
        None => habits.push(new),
    }
}

/// The functions of a unit that hand their first argument to a pool of threads and can be awaited.
fn helpers_of(program: &Program, unit: UnitId) -> Vec<Helper> {
    let facts = &program.unit(unit).facts;
    let offloads = ["run_in_executor", "to_thread", "run_sync", "run_in_threadpool"];
    if !offloads.iter().any(|it| facts.symbols.find(it).is_some()) {
        return Vec::new();
    }
    let hands_over = |function: FunctionRef, place: u16| {
        facts.acts_of(function.function).iter().any(|act| {
            let ActKind::Call(call) = act.kind else { return false };
            let Value::Call(callee, arguments) = facts.value(call) else { return false };
            let first = Value::Parameter(function.function, place);
            let given = |value: ValueId| match facts.value(value) {
                Value::Call(partial, inner) => {
                    facts.last_name(partial) == Some("partial")
                        && facts.arguments(inner).iter().any(|it| facts.value(it.value) == first)
                }
                other => other == first,
            };
            facts.called_name(callee).is_some_and(|it| offloads.contains(&it))
                && facts.arguments(arguments).iter().any(|it| given(it.value))
        })
    };
    program
        .functions_of(unit)
        .filter(|it| it.function != FunctionId::MODULE)
        .filter_map(|function| {
            let it = program.function(function);
            // Nobody outside of a function can call what is defined inside of it.
            if it.is_lambda || program.enclosing_function(function).is_some() {
                return None;
            }
            let place = u16::from(it.class.is_some());
            let has = |kind: ParameterKind| it.parameters.iter().any(|it| it.kind == kind);
            let awaitable = it.is_async || !it.returned.is_empty();
            let to_pool = || program.uses(function, place).elsewhere.contains(&Runner::ThreadPool);
            (awaitable && hands_over(function, place) && to_pool()).then(|| Helper {
                function,
                passes_arguments: has(ParameterKind::Star),
                passes_keywords: has(ParameterKind::DoubleStar),
            })
        })
        .collect()
}

fn habits_of(
    program: &Program,
    unit: UnitId,
    by_name: &BTreeMap<&str, Vec<&Helper>>,
    helpers: &[Helper],
) -> Vec<Habit> {
    let facts = &program.unit(unit).facts;
    let mut habits = Vec::new();
    // How a helper does it is its own business.
    let is_helper = |function: &FunctionRef| helpers.iter().any(|it| it.function == *function);
    for function in program.functions_of(unit).filter(|it| !is_helper(it)) {
        for act in facts.acts_of(function.function).iter().filter(|act| act.awaited) {
            let ActKind::Call(call) = act.kind else { continue };
            let Value::Call(callee, _) = facts.value(call) else { continue };
            if let Some((shape, receiver)) = shape_of(program, function, callee, by_name) {
                add(&mut habits, Habit { shape, receiver, count: 1 });
            }
        }
    }
    habits
}

fn shape_of(
    program: &Program,
    function: FunctionRef,
    callee: ValueId,
    helpers: &BTreeMap<&str, Vec<&Helper>>,
) -> Option<(Shape, String)> {
    let facts = &program.unit(function.unit).facts;
    if let Value::Call(curried, _) = facts.value(callee) {
        return (facts.called_name(curried) == Some("sync_to_async")).then(|| (Shape::Curried, String::new()));
    }
    let name = facts.called_name(callee)?;
    let known = LIBRARY.iter().any(|(_, _, member, _)| member.ends_with(name));
    if !known && name != "run_in_executor" && !helpers.contains_key(name) {
        return None;
    }
    let written = program.written(function, callee);
    if let Some(helpers) = helpers.get(name) {
        let keywords = helpers.iter().all(|it| it.passes_keywords);
        let is_method = |it: &&&Helper| program.function(it.function).class.is_some();
        return match written.rsplit_once('.') {
            Some((receiver, _)) if helpers.iter().any(|it| is_method(&it)) => {
                Some((Shape::Method(name.to_owned(), keywords), receiver.to_owned()))
            }
            _ => {
                let helper = helpers.iter().find(|it| !is_method(it))?;
                let module = program.unit(helper.function.unit).module.to_string();
                Some((Shape::Function(module, name.to_owned(), keywords), String::new()))
            }
        };
    }
    if name == "run_in_executor" {
        let receiver = written.strip_suffix(".run_in_executor").unwrap_or_default();
        return Some((Shape::Executor, receiver.to_owned()));
    }
    let (_, module, member, keywords) = LIBRARY.iter().find(|(it, ..)| written.ends_with(it))?;
    Some((Shape::Library((*module).to_owned(), (*member).to_owned(), *keywords), String::new()))
}
