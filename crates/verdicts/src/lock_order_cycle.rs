//! Locks that are taken in a circle: each holder waits for the next.

use raddle_facts::{ActKind, GuardKind, Test, Value};
use raddle_program::lock_order::{Circle, Order, orders_of};
use raddle_program::locks::summary::Effect;
use raddle_program::locks::{LockKey, Root};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{Said, call_steps, end_of, finding, lock_name, sureness, take_step};

/// The rule's name.
pub const ID: &str = "lock-order-cycle";

/// Finds circles in the order of locks.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let world = program.lock_world();
    let mut orders = program.lock_orders(&world);
    let registered = program.registered_orders(&world);
    for under in &registered {
        if let Effect::Take(to) = &under.reached.effect {
            orders_of(under, to, &mut orders);
        }
    }
    for circle in program.lock_circles(&orders) {
        acc.push(of_circle(program, &circle));
    }
    let mut seen = FxHashSet::default();
    for order in &orders {
        if is_pair(program, order) && seen.insert((order.under.function, order.to.key.clone())) {
            acc.push(of_pair(program, order));
        }
    }
}

fn steps(program: &Program, order: &Order<'_>) -> Vec<Step> {
    let mut story = vec![take_step(program, order.under.function, order.from_act, &lock_name(program, &order.from))];
    story.extend(call_steps(program, order.under));
    let (end, act) = end_of(order.under);
    story.push(take_step(program, end, act, &lock_name(program, &order.to)));
    story
}

fn of_circle(program: &Program, circle: &Circle<'_>) -> Finding {
    let names: Vec<String> = circle.orders.iter().map(|it| lock_name(program, &it.from)).collect();
    let mut confidence = Confidence::Certain;
    let mut because = Vec::new();
    for order in &circle.orders {
        let (sure, why) = sureness(program, order.under);
        confidence = confidence.min(sure);
        because.extend(why.into_iter().filter(|it| !because.contains(it)).collect::<Vec<_>>());
    }
    // Locks of instances may be those of other instances.
    if circle.orders.iter().any(|it| it.from.owner.root != Root::Only || it.to.owner.root != Root::Only) {
        confidence = confidence.min(Confidence::Likely);
        because.push(Message::new("because-instances"));
    }
    let story = circle.orders.iter().flat_map(|it| steps(program, it)).collect();
    let last = circle.orders[circle.orders.len() - 1].under;
    let message = match &names[..] {
        [first, second] => Message::new("pair").arg("first", &**first).arg("second", &**second),
        _ => Message::new("circle").arg("locks", names.join("` → `")),
    };
    let help = Message::new("help").arg("first", &*names[0]);
    let said = Said { message, help, level: Level::Error, confidence, because, story, parts: names };
    finding(program, ID, last.reached.way[0], said)
}

/// The same lock of two objects, in no order that can be seen.
fn is_pair(program: &Program, order: &Order<'_>) -> bool {
    let (from, to) = (&order.from, &order.to);
    let known = |root| matches!(root, Root::Parameter(..));
    from.key == to.key
        && matches!(from.key, LockKey::Member(..))
        && from.owner.root != to.owner.root
        && known(from.owner.root)
        && known(to.owner.root)
        && from.owner.fields == to.owner.fields
        && order.gates.is_empty()
        && order.under.reached.way.len() <= 2
        && !sorts(program, order.under.function)
}

/// Whether a function puts things into an order first.
fn sorts(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    facts.acts_of(function.function).iter().any(|act| {
        let called = match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => match facts.value(callee) {
                    Value::Name(_, name) | Value::Attribute(_, name) => Some(facts.text(name)),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let ordered = |kind| match kind {
            GuardKind::If(test) | GuardKind::Unless(test) => matches!(facts.value(test), Value::Test(Test::Order, _)),
            _ => false,
        };
        called.is_some_and(|it| matches!(it, "sorted" | "sort" | "id" | "min" | "max" | "hash"))
            || facts.guards_of(act).any(ordered)
    })
}

fn of_pair(program: &Program, order: &Order<'_>) -> Finding {
    let name = lock_name(program, &order.from);
    let (sure, mut because) = sureness(program, order.under);
    because.push(Message::new("because-two-objects"));
    let message = Message::new("two-objects").arg("lock", &*name);
    let help = Message::new("help-two-objects");
    let confidence = sure.min(Confidence::Likely);
    let story = steps(program, order);
    let said = Said { message, help, level: Level::Error, confidence, because, story, parts: vec![name] };
    finding(program, ID, order.under.reached.way[0], said)
}
