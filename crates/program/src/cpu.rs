//! Functions that do nothing but compute, in pure Python and for long.
//!
//! CPython runs Python code of one thread at a time while it has a GIL, so such work gains nothing from threads. The
//! shape decides: a loop that does arithmetic and everything around it known and free of waiting. A function that
//! calls anything unknown, waits, or may release the GIL in C is left alone.

use raddle_facts::flow::{BlockId, Flow, LoopKind};
use raddle_facts::{ActKind, FileFacts, FunctionId, Usage, Value, ValueId};
use raddle_vocabulary::{Cause, Span};

use crate::Program;
use crate::calls::Target;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// Why a computation takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// One loop over data of unknown size.
    Loop,
    /// A loop in a loop, or a `while` that counts.
    Nested,
    /// It calls itself more than once each time.
    Recursion,
    /// A loop over many thousands of numbers, or over every byte.
    Long,
}

/// A computation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Calls from the function asked for to the one that computes: caller and act.
    pub way: Vec<(FunctionRef, u32)>,
    /// The function that computes.
    pub function: FunctionRef,
    /// The loop, or the call of itself.
    pub span: Span,
    /// Its shape.
    pub shape: Shape,
}

/// Calls are followed this far.
const DEEPEST: usize = 6;
/// A function that leads to more functions than this is not a kernel.
const WIDEST: usize = 40;

/// Modules whose functions compute under the GIL.
const COMPUTING: &[&str] = &[
    "builtins",
    "math",
    "cmath",
    "itertools",
    "operator",
    "functools",
    "collections",
    "random",
    "bisect",
    "heapq",
    "copy",
    "statistics",
    "decimal",
    "fractions",
    "string",
    "struct",
    "re",
    "typing",
    "dataclasses",
    "enum",
    "array",
    "time",
];

/// Functions among them that wait, or hand control to code that is not seen.
const NOT_COMPUTING: &[&str] =
    &["builtins.open", "builtins.input", "builtins.exec", "builtins.eval", "builtins.__import__", "time.sleep"];

impl Program {
    /// The longest computation that a function does itself or through its callees, if computing is all it does.
    #[must_use]
    pub fn kernel(&self, function: FunctionRef) -> Option<Kernel> {
        let mut search = Search { program: self, stack: Vec::new(), way: Vec::new(), best: None, seen: 0 };
        search.visit(function)?;
        search.best
    }
}

impl Program {
    /// A loop of the function itself that computes for long, without a word in between: no call that waits, no `await`.
    #[must_use]
    pub fn long_loop(&self, function: FunctionRef) -> Option<Span> {
        let (span, shape) = hot_loop(self, function)?;
        let facts = &self.unit(function.unit).facts;
        let within = |act: &&raddle_facts::Act| span.start <= act.span.start && act.span.end <= span.end;
        let gives_way = facts.acts_of(function.function).iter().filter(within).any(|act| {
            matches!(act.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) | ActKind::Yield)
        });
        (shape == Shape::Long && !gives_way).then_some(span)
    }
}

struct Search<'p> {
    program: &'p Program,
    stack: Vec<FunctionRef>,
    way: Vec<(FunctionRef, u32)>,
    best: Option<Kernel>,
    seen: usize,
}

impl Search<'_> {
    /// `None` if the function does anything but compute.
    fn visit(&mut self, function: FunctionRef) -> Option<()> {
        self.seen += 1;
        let it = self.program.function(function);
        if self.stack.len() >= DEEPEST || self.seen > WIDEST || it.is_async || it.is_abstract {
            return None;
        }
        self.stack.push(function);
        let facts = &self.program.unit(function.unit).facts;
        let (start, _) = it.acts;
        let mut itself = 0;
        let mut callees = Vec::new();
        for (at, act) in facts.acts_of(function.function).iter().enumerate() {
            match act.kind {
                ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) | ActKind::Enter(_) => {
                    return None;
                }
                ActKind::Call(call) => {
                    let at = start + at as u32;
                    for callee in self.callees(function, call)? {
                        if callee == function {
                            itself += usize::from(smaller(facts, call));
                            if itself > 1 {
                                self.found(function, act.span, Shape::Recursion);
                            }
                        } else if !self.stack.contains(&callee) {
                            callees.push((at, callee, act.in_loop));
                        }
                    }
                    let waits =
                        self.program.targets(function, act).iter().any(
                            |target| matches!(target, Target::Block { blocking, .. } if blocking.cause != Cause::Cpu),
                        );
                    if waits {
                        return None;
                    }
                }
                _ => {}
            }
        }
        if let Some((span, shape)) = hot_loop(self.program, function) {
            self.found(function, span, shape);
        }
        for (at, callee, in_loop) in callees {
            self.way.push((function, at));
            let before = self.best.as_ref().map(|it| it.shape);
            let computes = self.visit(callee);
            self.way.pop();
            computes?;
            // A loop behind a call that stands in a loop is a loop in a loop.
            if in_loop
                && let Some(best) = &mut self.best
                && before.is_none_or(|it| it < best.shape || best.function == callee)
                && best.function == callee
            {
                best.shape = best.shape.max(Shape::Nested);
            }
        }
        self.stack.pop();
        Some(())
    }

    fn found(&mut self, function: FunctionRef, span: Span, shape: Shape) {
        if self.best.as_ref().is_none_or(|it| it.shape < shape) {
            self.best = Some(Kernel { way: self.way.clone(), function, span, shape });
        }
    }

    /// The project's functions behind a call; `None` if something else than computing may be behind it.
    fn callees(&self, function: FunctionRef, call: ValueId) -> Option<Vec<FunctionRef>> {
        let facts = &self.program.unit(function.unit).facts;
        let Value::Call(callee, _) = facts.value(call) else { return Some(Vec::new()) };
        let vals = self.program.evaluate(ValueRef { unit: function.unit, value: callee });
        if vals.unknown.is_some() || vals.is_empty() {
            return None;
        }
        let mut own = Vec::new();
        for val in &vals.known {
            match val {
                Val::Function(it) | Val::Bound(it, _) if self.program.is_own(it.unit) => own.push(*it),
                Val::Function(it) | Val::Bound(it, _) => computing(&self.program.function_name(*it))?,
                Val::Outside(path, _) => computing(path)?,
                Val::Gives(..) => {}
                Val::Class(class) if !self.program.is_own(class.unit) => computing(&self.program.class_name(*class))?,
                Val::Class(_) => {}
                _ => return None,
            }
        }
        Some(own)
    }
}

/// `fib(n - 1)`: an argument is computed. A walk over a tree calls itself for each branch and is done when the tree is.
fn smaller(facts: &FileFacts, call: ValueId) -> bool {
    let Value::Call(_, arguments) = facts.value(call) else { return false };
    facts.arguments(arguments).iter().any(|it| matches!(facts.value(it.value), Value::Operator(..)))
}

fn computing(path: &str) -> Option<()> {
    let module = path.split('.').next().unwrap_or(path);
    (COMPUTING.contains(&module) && !NOT_COMPUTING.contains(&path)).then_some(())
}

/// The hottest loop of a function that does arithmetic.
pub(crate) fn hot_loop(program: &Program, function: FunctionRef) -> Option<(Span, Shape)> {
    let facts = &program.unit(function.unit).facts;
    let mut best = None;
    loops(program, function, facts, facts.function(function.function).body, 0, &mut best);
    best
}

/// Looks at the loops of a block; gives whether arithmetic is done in it.
fn loops(
    program: &Program,
    function: FunctionRef,
    facts: &FileFacts,
    block: BlockId,
    depth: u32,
    best: &mut Option<(Span, Shape)>,
) -> bool {
    let mut arithmetic = false;
    for flow in facts.block(block) {
        match flow {
            Flow::Acts { start, end } => {
                arithmetic |= facts.acts[*start as usize..*end as usize]
                    .iter()
                    .any(|act| computes(facts, function.function, act.kind));
            }
            Flow::Branch { then, orelse, .. } => {
                for block in [then, orelse] {
                    arithmetic |= loops(program, function, facts, *block, depth, best);
                }
            }
            Flow::Loop { kind, body, span, .. } => {
                let inside = loops(program, function, facts, *body, depth + 1, best);
                if inside {
                    let shape = shape_of(program, function, facts, *kind, depth);
                    if best.is_none_or(|(_, it)| it < shape) {
                        *best = Some((*span, shape));
                    }
                }
                arithmetic |= inside;
            }
            Flow::Try { body, handlers, orelse, finally, .. } => {
                for block in [body, orelse, finally] {
                    arithmetic |= loops(program, function, facts, *block, depth, best);
                }
                let handlers = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
                for handler in handlers {
                    loops(program, function, facts, handler.body, depth, best);
                }
            }
            Flow::With { body, .. } => arithmetic |= loops(program, function, facts, *body, depth, best),
            Flow::Match { cases, .. } => {
                for at in cases.0..cases.0 + cases.1 {
                    arithmetic |= loops(program, function, facts, facts.cases[at as usize], depth, best);
                }
            }
            Flow::Return { .. } | Flow::Raise { .. } | Flow::Break(_) | Flow::Continue(_) | Flow::Unreachable => {}
        }
    }
    arithmetic
}

fn shape_of(program: &Program, function: FunctionRef, facts: &FileFacts, kind: LoopKind, depth: u32) -> Shape {
    let long = match kind {
        LoopKind::For(iterable) => is_long(program, function, facts, iterable),
        LoopKind::While(_) | LoopKind::Forever | LoopKind::AsyncFor(_) => false,
    };
    let counts = matches!(kind, LoopKind::While(_));
    match () {
        () if long => Shape::Long,
        () if depth > 0 || counts => Shape::Nested,
        () => Shape::Loop,
    }
}

/// `range(10_000_000)`, `range(10**7)`, and bytes.
fn is_long(program: &Program, function: FunctionRef, facts: &FileFacts, iterable: ValueId) -> bool {
    if let Value::Call(callee, arguments) = facts.value(iterable)
        && facts.called_name(callee) == Some("range")
    {
        return facts.arguments(arguments).iter().any(|it| match facts.value(it.value) {
            Value::Large => true,
            Value::Operator(left, right) => {
                [left, right].iter().all(|it| matches!(facts.value(*it), Value::One | Value::Number | Value::Large))
            }
            _ => false,
        });
    }
    let vals = program.evaluate(ValueRef { unit: function.unit, value: iterable });
    vals.known.iter().any(|val| match val {
        Val::Instance(class, _) => {
            matches!(&*program.class_name(*class), "builtins.bytes" | "builtins.bytearray" | "builtins.memoryview")
        }
        _ => false,
    })
}

/// Whether an act computes a number from another and keeps it to itself. What a loop writes elsewhere is what it is
/// about, and sharing is another rule's question.
fn computes(facts: &FileFacts, function: FunctionId, act: ActKind) -> bool {
    let scope = facts.function(function).scope;
    match act {
        ActKind::Update(place, value) | ActKind::Write(place, value) if matches!(facts.value(place), Value::Name(its, _) if its == scope) =>
        {
            let is_update = matches!(act, ActKind::Update(..));
            match facts.value(value) {
                Value::Text | Value::Word(_) | Value::Bytes | Value::Display(..) | Value::None => false,
                Value::Operator(left, right) => ![left, right].iter().any(|it| {
                    matches!(facts.value(*it), Value::Text | Value::Word(_) | Value::Bytes | Value::Display(..))
                }),
                _ => is_update,
            }
        }
        _ => false,
    }
}

/// Whether the results of many such calls are waited for at once, so that somebody hoped they would overlap.
#[must_use]
pub fn many_at_once(facts: &FileFacts, function: FunctionId, act: u32, by: &str) -> bool {
    let it = &facts.acts[act as usize];
    let maps = by.rsplit('.').next().is_some_and(|last| last.contains("map"));
    let other =
        facts.acts_of(function).iter().filter(|other| other.kind == it.kind || same_call(facts, other.kind, it.kind));
    let stands_alone = matches!(it.usage, Usage::Awaited);
    it.in_loop && !stands_alone || maps || (!stands_alone && other.count() > 1)
}

/// Whether two calls have the same callee and the same first argument.
fn same_call(facts: &FileFacts, left: ActKind, right: ActKind) -> bool {
    let (ActKind::Call(left), ActKind::Call(right)) = (left, right) else { return false };
    let (Value::Call(callee, ours), Value::Call(other, theirs)) = (facts.value(left), facts.value(right)) else {
        return false;
    };
    let first = |range| facts.arguments(range).first().map(|it| (it.keyword, it.value));
    callee == other && first(ours).is_some() && first(ours) == first(theirs)
}
