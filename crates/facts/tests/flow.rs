//! The control flow of functions, shown by a domain that follows which names are held.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, Depth, Environment, FileFacts, FunctionId, Held, Usage, Value, ValueId, walk};

/// `x.acquire()` holds `x`, `x.release()` lets go; what is held on some way counts.
struct Holding<'a> {
    facts: &'a FileFacts,
}

impl Holding<'_> {
    fn name(&self, value: ValueId) -> String {
        match self.facts.value(value) {
            Value::Name(_, name) | Value::ImportFrom(_, name) => self.facts.text(name).to_owned(),
            Value::Attribute(base, name) => format!("{}.{}", self.name(base), self.facts.text(name)),
            Value::Call(callee, _) => format!("{}()", self.name(callee)),
            Value::Parameter(function, place) => {
                let parameter = &self.facts.function(function).parameters[place as usize];
                self.facts.text(parameter.name).to_owned()
            }
            other => format!("{other:?}"),
        }
    }
}

impl Domain for Holding<'_> {
    type State = BTreeSet<String>;

    fn act(&mut self, state: &mut Self::State, _at: u32, act: &Act) {
        let ActKind::Call(call) = act.kind else { return };
        let name = self.name(call);
        if let Some(lock) = name.strip_suffix(".acquire()") {
            state.insert(lock.to_owned());
        } else if let Some(lock) = name.strip_suffix(".release()") {
            state.remove(lock);
        }
    }

    fn join(&mut self, state: &mut Self::State, other: &Self::State) {
        state.extend(other.iter().cloned());
    }

    fn raises(&mut self, _state: &Self::State, _at: u32, act: &Act) -> bool {
        matches!(act.kind, ActKind::Call(call) if self.name(call) == "work()")
    }

    fn catches(&mut self, _state: &Self::State, handler: &Handler) -> Catch {
        if handler.class.is_none() { Catch::All } else { Catch::Some }
    }

    fn enter(&mut self, state: &mut Self::State, held: &Held) {
        state.insert(self.name(held.manager));
    }

    fn leave(&mut self, state: &mut Self::State, held: &Held) {
        state.remove(&self.name(held.manager));
    }
}

fn facts(text: &str) -> FileFacts {
    let parsed = raddle_source::syntax::parse_module(text).expect("the snippet is Python");
    walk(parsed.syntax(), Depth::Everything, Environment { python_version: (3, 13) })
}

/// How the second function of a file is left, and what is held then.
fn check(body: &str, expected: Expect) {
    let text = format!("def f(a, b, work):\n{}", body.lines().map(|it| format!("    {it}\n")).collect::<String>());
    let facts = facts(&text);
    let mut domain = Holding { facts: &facts };
    let exits = interpret(&facts, FunctionId(1), &mut domain, BTreeSet::new());
    let mut said = String::new();
    for (word, state) in
        [("falls", &exits.fall), ("returns", &exits.returned), ("raises", &exits.raised), ("breaks", &exits.broke)]
    {
        if let Some(state) = state {
            let held: Vec<&str> = state.iter().map(String::as_str).collect();
            said.push_str(&format!("{word}: {}\n", held.join(" ")));
        }
    }
    expected.assert_eq(&said);
}

#[test]
fn a_release_on_the_good_way_only() {
    check(
        "a.acquire()\nwork()\na.release()",
        expect![[r#"
            falls: 
            raises: a
        "#]],
    );
}

#[test]
fn finally_runs_on_every_way() {
    check(
        "a.acquire()\ntry:\n    if b:\n        return work()\n    work()\nfinally:\n    a.release()",
        expect![[r#"
            falls: 
            returns: 
            raises: 
        "#]],
    );
}

#[test]
fn items_of_one_with_are_entered_in_order() {
    check(
        "with a, b:\n    return work()",
        expect![[r#"
            returns: 
            raises: 
        "#]],
    );
}

#[test]
fn loops_come_to_rest() {
    check(
        "while work():\n    if b:\n        a.acquire()\n        break\n    b.acquire()\nelse:\n    b.release()",
        expect![[r#"
            falls: a b
            raises: b
        "#]],
    );
}

#[test]
fn a_loop_without_end_is_left_by_break_alone() {
    check("while True:\n    a.acquire()\n    if b:\n        continue\n    a.release()", expect![""]);
    check(
        "while True:\n    a.acquire()\n    if b:\n        break",
        expect![[r#"
            falls: a
        "#]],
    );
}

#[test]
fn handlers_take_what_was_raised() {
    check(
        "a.acquire()\ntry:\n    work()\nexcept ValueError:\n    a.release()\nexcept:\n    raise\nelse:\n    b.acquire()",
        expect![[r#"
            falls: a b
            raises: a
        "#]],
    );
}

#[test]
fn match_may_fit_nothing() {
    check(
        "match b:\n    case 1:\n        a.acquire()\n    case 2:\n        return",
        expect![[r#"
            falls: a
            returns: 
        "#]],
    );
}

/// Each level of nesting doubles the ways; the walk ends all the same.
#[test]
fn deep_nesting_costs_no_more_than_its_budget() {
    let loops: String = (0..60).map(|at| format!("{}for x{at} in b:\n", " ".repeat(at))).collect();
    let body = format!("a.acquire()\n{loops}{}work()", " ".repeat(60));
    check(
        &body,
        expect![[r#"
            falls: a
            raises: a
        "#]],
    );
    let tries: String = (0..40).map(|at| format!("{0}try:\n{0} work()\n{0}finally:\n", " ".repeat(at))).collect();
    let body = format!("a.acquire()\n{tries}{}work()", " ".repeat(40));
    check(
        &body,
        expect![[r#"
            falls: a
            raises: a
        "#]],
    );
}

#[test]
fn what_becomes_of_calls() {
    let text = "async def f(g, self):\n    g()\n    await g()\n    x = g()\n    if g():\n        self.y = [g()]\n    \
                g().z\n    print(f'{g()}', g())\n    return x\n";
    let facts = facts(text);
    let usages: Vec<Usage> = facts
        .acts_of(FunctionId(1))
        .iter()
        .filter(|act| matches!(act.kind, ActKind::Call(call) if matches!(facts.value(call), Value::Call(callee, _) if matches!(facts.value(callee), Value::Parameter(..)))))
        .map(|act| act.usage)
        .collect();
    assert_eq!(
        usages,
        [
            Usage::Discarded,
            Usage::Awaited,
            Usage::Bound,
            Usage::Tested,
            Usage::Element,
            Usage::Receiver,
            Usage::Formatted,
            Usage::Argument,
        ]
    );
    let reads = facts.acts_of(FunctionId(1)).iter().filter(|act| matches!(act.kind, ActKind::Read(_)));
    assert_eq!(reads.map(|act| act.usage).collect::<Vec<_>>(), [Usage::Returned]);
}
