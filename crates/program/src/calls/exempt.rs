//! Calls that would block and, from what stands around them, do not: a future that is done, a socket that never waits.

use raddle_facts::{ActKind, Display, FileFacts, GuardKind, Keyword, Test, Value, ValueId};

use super::Place;
use crate::Program;

/// Aliases are followed this far.
const DEEPEST: u32 = 4;

impl Program {
    /// Whether the function around a call has made sure that the call does not wait.
    pub(super) fn is_exempt(&self, path: &str, place: Place<'_>) -> bool {
        let facts = &self.unit(place.function.unit).facts;
        // A server's context asks clients for nothing, so it loads no certificates (`Lib/ssl.py`, 3.10 to 3.14).
        if path == "ssl.create_default_context" {
            let arguments = facts.arguments(place.arguments);
            return arguments.iter().any(|it| names(facts, it.value, "CLIENT_AUTH"))
                && arguments
                    .iter()
                    .all(|it| !matches!(it.keyword, Keyword::Named(sym) if facts.text(sym).starts_with("ca")));
        }
        // The null device is no disk.
        if matches!(path, "os.open" | "builtins.open" | "open" | "io.open") {
            let first = facts.arguments(place.arguments).first();
            return first.is_some_and(|it| names(facts, it.value, "devnull"));
        }
        let Some(receiver) = receiver(facts, place) else { return false };
        match path {
            "concurrent.futures.Future.result" | "concurrent.futures.Future.exception" => {
                facts.guards_of(place.act).any(|guard| match guard {
                    GuardKind::If(test) => says_done(facts, test, receiver, true),
                    GuardKind::Unless(test) => says_done(facts, test, receiver, false),
                    _ => false,
                })
            }
            // Connecting a datagram socket only notes the address (POSIX, `connect`).
            "socket.socket.connect" if is_datagram(facts, receiver, 0) => true,
            _ if path.starts_with("socket.socket.") => {
                let kept = match facts.value(receiver) {
                    Value::Attribute(_, name) => self.never_waits(facts.text(name)),
                    _ => false,
                };
                kept || facts
                    .acts_of(place.function.function)
                    .iter()
                    .take_while(|act| act.span.start < place.act.span.start)
                    .any(|act| switches_waiting_off(facts, act.kind, receiver))
            }
            _ => false,
        }
    }
}

/// The value whose method is called.
fn receiver(facts: &FileFacts, place: Place<'_>) -> Option<ValueId> {
    let ActKind::Call(call) = place.act.kind else { return None };
    let Value::Call(callee, _) = facts.value(call) else { return None };
    match facts.value(callee) {
        Value::Attribute(receiver, _) => Some(receiver),
        _ => None,
    }
}

/// Whether a condition that holds (or does not) says `receiver.done()`.
fn says_done(facts: &FileFacts, test: ValueId, receiver: ValueId, holds: bool) -> bool {
    match facts.value(test) {
        Value::Call(callee, _) => {
            holds
                && matches!(facts.value(callee), Value::Attribute(base, name)
                    if base == receiver && matches!(facts.text(name), "done" | "cancelled"))
        }
        Value::Test(Test::Not, parts) => facts.list(parts).iter().any(|it| says_done(facts, *it, receiver, !holds)),
        Value::Test(Test::And, parts) if holds => {
            facts.list(parts).iter().any(|it| says_done(facts, *it, receiver, true))
        }
        Value::Test(Test::Or, parts) if !holds => {
            facts.list(parts).iter().any(|it| says_done(facts, *it, receiver, false))
        }
        _ => false,
    }
}

/// `socket.socket(family, socket.SOCK_DGRAM)`, bound to a name or entered.
fn is_datagram(facts: &FileFacts, value: ValueId, depth: u32) -> bool {
    if depth > DEEPEST {
        return false;
    }
    match facts.value(value) {
        Value::Call(_, arguments) => facts.arguments(arguments).iter().any(|it| names(facts, it.value, "SOCK_DGRAM")),
        Value::Entered(manager) => is_datagram(facts, manager, depth + 1),
        Value::Union(list) | Value::Display(Display::Tuple, list) => {
            facts.list(list).iter().any(|it| is_datagram(facts, *it, depth + 1))
        }
        Value::Name(scope, name) => raddle_facts::file::equal_range(&facts.scope(scope).bindings, name)
            .iter()
            .any(|(_, bound)| *bound != value && is_datagram(facts, *bound, depth + 1)),
        _ => false,
    }
}

/// Whether a value is written with this constant, alone or combined with others.
fn names(facts: &FileFacts, value: ValueId, constant: &str) -> bool {
    match facts.value(value) {
        Value::Attribute(_, name) | Value::ImportFrom(_, name) | Value::Name(_, name) => facts.text(name) == constant,
        Value::Operator(left, right) => names(facts, left, constant) || names(facts, right, constant),
        _ => false,
    }
}

/// `receiver.setblocking(False)`, `receiver.settimeout(0)`.
fn switches_waiting_off(facts: &FileFacts, kind: ActKind, receiver: ValueId) -> bool {
    let ActKind::Call(call) = kind else { return false };
    let Value::Call(callee, arguments) = facts.value(call) else { return false };
    let Value::Attribute(base, name) = facts.value(callee) else { return false };
    let first = facts.arguments(arguments).first().map(|it| facts.value(it.value));
    base == receiver
        && matches!(facts.text(name), "setblocking" | "settimeout")
        && matches!(first, Some(Value::False | Value::Zero))
}
