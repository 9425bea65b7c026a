//! Calls that keep the event loop's thread waiting, however many helpers away.
//!
//! A finding stands where a person would mend it. The function that the loop calls first (the *boundary*) is what can
//! be moved to a thread: everything that blocks behind one boundary is one finding, at the call in the coroutine. A
//! blocking function that many boundaries reach is one finding of its own, at the blocking call.

use raddle_facts::ActKind;
use raddle_program::calls::{Sure, Via};
use raddle_program::effects::{Blocked, Reach};
use raddle_program::guards::Guarded;
use raddle_program::runs_on::{EntryKind, Sink};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Cause, Confidence, Cost, Finding, Level, Message, Proof, RuleId, Step};
use rustc_hash::FxHashMap;

use crate::Judged;
use crate::story::{act_at, class_of_method, edge_step, entry_step, sink_step, site_of};

/// The rule's name.
pub const ID: &str = "blocking-call-in-coroutine";

/// From so many boundaries on, the blocking function itself is the place to mend.
const MANY_BOUNDARIES: usize = 3;
/// From so many coroutines on, the helper is the place to mend.
const MANY_COROUTINES: usize = 3;
/// So many other coroutines are named in the story; the title counts all.
const MOST_NAMED: usize = 4;

/// Finds what blocks the event loop.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let blocked = program.blocked(&judged.loop_code);
    let mut by_boundary: FxHashMap<FunctionRef, Vec<(usize, Vec<usize>)>> = FxHashMap::default();
    for (at, it) in blocked.iter().enumerate() {
        if it.direct {
            acc.push(direct(judged, it));
        }
        let mut boundaries: FxHashMap<FunctionRef, Vec<usize>> = FxHashMap::default();
        for (reach_at, reach) in it.reaches.iter().enumerate() {
            boundaries.entry(boundary(judged, reach)).or_default().push(reach_at);
        }
        if boundaries.len() >= MANY_BOUNDARIES || (boundaries.len() > 1 && it.reaches.len() >= MANY_COROUTINES) {
            acc.push(behind_one(judged, it.function, &[(it, (0..it.reaches.len()).collect())]));
        } else {
            for (function, reaches) in boundaries {
                by_boundary.entry(function).or_default().push((at, reaches));
            }
        }
    }
    for (function, behind) in one_per_call(judged, &blocked, by_boundary) {
        let behind: Vec<(&Blocked, Vec<usize>)> = behind.into_iter().map(|(at, it)| (&blocked[at], it)).collect();
        acc.push(behind_one(judged, function, &behind));
    }
    for entry in &judged.loop_code.entries {
        spins(judged, entry.function, acc);
        held_locks(judged, entry.function, acc);
        user_code(judged, entry.function, acc);
    }
}

type Behind = Vec<(usize, Vec<usize>)>;

/// Boundaries that stand behind the same call (overrides of one method) are one cause.
fn one_per_call(
    judged: &Judged<'_>,
    blocked: &[Blocked],
    by_boundary: FxHashMap<FunctionRef, Behind>,
) -> Vec<(FunctionRef, Behind)> {
    let mut boundaries: Vec<(FunctionRef, Behind)> = by_boundary.into_iter().collect();
    boundaries.sort_unstable_by_key(|(function, _)| *function);
    let mut first_at: FxHashMap<(FunctionRef, u32), usize> = FxHashMap::default();
    let mut merged: Vec<(FunctionRef, Behind)> = Vec::new();
    for (function, behind) in boundaries {
        let calls: Vec<(FunctionRef, u32)> = behind
            .iter()
            .flat_map(|(at, reaches)| reaches.iter().map(|reach| &blocked[*at].reaches[*reach]))
            .map(|reach| &judged.loop_code.edges[reach.edges[0]])
            .map(|edge| (edge.caller, edge.act))
            .collect();
        let same = calls.iter().find_map(|call| first_at.get(call)).copied();
        let at = same.unwrap_or(merged.len());
        for call in calls {
            first_at.entry(call).or_insert(at);
        }
        match same {
            Some(at) => merged[at].1.extend(behind),
            None => merged.push((function, behind)),
        }
    }
    merged
}

/// The first function that the loop's own code calls on the way.
fn boundary(judged: &Judged<'_>, reach: &Reach) -> FunctionRef {
    judged.loop_code.edges[reach.edges[0]].callee
}

fn direct(judged: &Judged<'_>, it: &Blocked) -> Finding {
    let program = judged.program;
    let sink = &judged.loop_code.sinks[it.sinks[0]];
    // The first call that counts stands for all: that is where a reader starts.
    let shown = it
        .sinks
        .iter()
        .map(|at| &judged.loop_code.sinks[*at])
        .filter(|it| level(it.blocking.cost) > Level::Note)
        .min_by_key(|it| it.act)
        .unwrap_or(sink);
    let call = Program::shown(&shown.path);
    let message = match &shown.via {
        Via::Iterate => Message::new("iterate").arg("iterable", written(program, shown)).arg("call", &*call),
        Via::Enter => Message::new("enter").arg("manager", written(program, shown)).arg("call", &*call),
        _ => Message::new("direct")
            .arg("call", &*call)
            .arg("function", program.short_name(it.function))
            .arg("cause", cause(it.cause)),
    };
    let mut story = vec![entry_step(program, &judged.loop_code, it.function)];
    story.push(sink_step(program, shown, "step-block"));
    also_blocks(judged, it, shown, &mut story);
    let judgement = judge(judged, it.function, it, None, shown);
    Finding {
        rule: RuleId(ID.to_owned()),
        site: site_of(program, it.function.unit, act_at(program, shown.function, shown.act).span),
        function: program.short_name(it.function),
        message,
        help: Some(help(judged, shown, it.function, None)),
        level: judgement.level,
        confidence: judgement.confidence,
        story,
        proof: Proof::Inferred { because: judgement.because },
        remedy: None,
        identity: identity(program, it.function, &shown.path, it.cause),
    }
}

/// Everything that blocks behind one function that the loop calls.
fn behind_one(judged: &Judged<'_>, function: FunctionRef, behind: &[(&Blocked, Vec<usize>)]) -> Finding {
    let program = judged.program;
    let code = &judged.loop_code;
    // The witness: a known way to the worst call.
    let (it, reaches) = behind
        .iter()
        .min_by_key(|(it, reaches)| {
            let judgement = judge(
                judged,
                it.reaches[reaches[0]].entry,
                it,
                Some(&it.reaches[reaches[0]]),
                &code.sinks[it.sinks[0]],
            );
            (
                std::cmp::Reverse((judgement.level, judgement.confidence, it.cost)),
                it.reaches[reaches[0]].edges.len(),
                it.function,
                it.cause,
            )
        })
        .expect("a boundary was found on the way to something that blocks");
    let reach = &it.reaches[reaches[0]];
    let sink = &code.sinks[it.sinks[0]];
    let mut coroutines: Vec<FunctionRef> = Vec::new();
    for (it, reaches) in behind {
        for at in reaches {
            let entry = it.reaches[*at].entry;
            if !coroutines.contains(&entry) {
                coroutines.push(entry);
            }
        }
    }
    let judgement = judge(judged, reach.entry, it, Some(reach), sink);
    let first = &code.edges[reach.edges[0]];
    let call = Program::shown(&sink.path);
    let many = coroutines.len() >= MANY_COROUTINES;
    let helper = program.short_name(first.callee);
    let (at, place, message) = if many {
        let message = Message::new("helper-many")
            .arg("helper", program.short_name(it.function))
            .arg("call", &*call)
            .arg("count", coroutines.len().to_string())
            .arg("cause", cause(it.cause));
        (site_of(program, it.function.unit, act_at(program, sink.function, sink.act).span), it.function, message)
    } else {
        let message = match &first.via {
            Via::Iterate => Message::new("iterate").arg("iterable", helper.clone()).arg("call", &*call),
            Via::Enter => Message::new("enter").arg("manager", helper.clone()).arg("call", &*call),
            Via::Construct => Message::new("through-helper")
                .arg("helper", class_of_method(&helper))
                .arg("function", program.short_name(reach.entry))
                .arg("call", &*call)
                .arg("cause", cause(it.cause)),
            _ => Message::new("through-helper")
                .arg("helper", helper.clone())
                .arg("function", program.short_name(reach.entry))
                .arg("call", &*call)
                .arg("cause", cause(it.cause)),
        };
        (site_of(program, first.caller.unit, act_at(program, first.caller, first.act).span), reach.entry, message)
    };
    let mut story = vec![entry_step(program, code, reach.entry)];
    story.extend(reach.edges.iter().map(|edge| edge_step(program, &code.edges[*edge])));
    story.push(sink_step(program, sink, "step-block"));
    also_blocks(judged, it, sink, &mut story);
    for (other, _) in behind.iter().filter(|(other, _)| !std::ptr::eq(*other, *it)) {
        story.push(sink_step(program, &code.sinks[other.sinks[0]], "step-also-block"));
    }
    also_from(judged, behind, reach, &mut story);
    Finding {
        rule: RuleId(ID.to_owned()),
        site: at,
        function: program.short_name(place),
        message,
        help: Some(help(judged, sink, reach.entry, Some(function))),
        level: judgement.level,
        confidence: judgement.confidence,
        story,
        proof: Proof::Inferred { because: judgement.because },
        remedy: None,
        identity: identity(program, place, &sink.path, it.cause),
    }
}

fn also_blocks(judged: &Judged<'_>, it: &Blocked, shown: &Sink, story: &mut Vec<Step>) {
    let mut others: Vec<&Sink> =
        it.sinks.iter().map(|at| &judged.loop_code.sinks[*at]).filter(|sink| !std::ptr::eq(*sink, shown)).collect();
    others.sort_by_key(|sink| sink.act);
    story.extend(others.into_iter().map(|sink| sink_step(judged.program, sink, "step-also-block")));
}

/// The other coroutines that come the same way, at their own calls.
fn also_from(judged: &Judged<'_>, behind: &[(&Blocked, Vec<usize>)], witness: &Reach, story: &mut Vec<Step>) {
    let program = judged.program;
    let mut seen = vec![witness.entry];
    for (it, reaches) in behind {
        for reach in reaches.iter().map(|at| &it.reaches[*at]) {
            if seen.contains(&reach.entry) {
                continue;
            }
            if seen.len() > MOST_NAMED {
                return;
            }
            seen.push(reach.entry);
            let edge = &judged.loop_code.edges[reach.edges[0]];
            let span = act_at(program, edge.caller, edge.act).span;
            story.push(Step {
                actor: Actor::EventLoop,
                act: Act::Compute,
                site: site_of(program, edge.caller.unit, span),
                message: Message::new("step-also-from").arg("function", program.short_name(reach.entry)),
            });
        }
    }
}

/// How bad, how sure, and why.
struct Judgement {
    level: Level,
    confidence: Confidence,
    because: Vec<Message>,
}

fn judge(judged: &Judged<'_>, entry: FunctionRef, it: &Blocked, reach: Option<&Reach>, sink: &Sink) -> Judgement {
    let program = judged.program;
    let code = &judged.loop_code;
    let mut because = Vec::new();
    let mut confidence = Confidence::Certain;
    let mut lower = |to: Confidence, reason: Message, because: &mut Vec<Message>| {
        confidence = confidence.min(to);
        because.push(reason);
    };
    let sure = reach.map_or(Sure::Only, |it| it.sure).max(sink.sure);
    match sure {
        Sure::Only => because.push(Message::new("because-known")),
        Sure::Perhaps => lower(Confidence::Likely, Message::new("because-types"), &mut because),
        Sure::OneOf(count) => {
            let to = if count > 4 { Confidence::Possible } else { Confidence::Likely };
            lower(to, Message::new("because-several").arg("count", count.to_string()), &mut because);
        }
        Sure::Override => {
            let callee = reach
                .and_then(|reach| reach.edges.iter().find(|at| code.edges[**at].sure == Sure::Override))
                .map_or_else(|| program.short_name(it.function), |at| program.short_name(code.edges[*at].callee));
            lower(Confidence::Likely, Message::new("because-override").arg("callee", callee), &mut because);
        }
    }
    because.push(
        Message::new("because-model")
            .arg("distribution", &*sink.blocking.distribution)
            .arg("call", &*Program::shown(&sink.path)),
    );
    because.push(Message::new("because-cost").arg("cost", format!("@cost-{}", cost_word(it.cost))));
    let on_the_way = reach.map(|it| it.guarded).unwrap_or_default();
    let guarded = Guarded {
        knows_where: false,
        on_error: on_the_way.on_error || it.guarded.on_error,
        by_mode: on_the_way.by_mode || it.guarded.by_mode,
        once: on_the_way.once || it.guarded.once || program.decoration(it.function).is_once,
    };
    if guarded.on_error && it.cost <= Cost::Disk {
        lower(Confidence::Possible, Message::new("because-error"), &mut because);
    }
    if guarded.by_mode {
        lower(Confidence::Possible, Message::new("because-guard").arg("guard", "…"), &mut because);
    }
    // Nobody is served yet, or any more, while what runs once at the start or the end of a program runs.
    let unserved = program.runs_once(entry, code);
    let mild = it.cost <= if unserved { Cost::DiskLarge } else { Cost::Disk };
    if guarded.once || unserved {
        let to = if mild { Confidence::Possible } else { Confidence::Likely };
        lower(to, Message::new("because-once"), &mut because);
    }
    if starts_up(judged, entry, it, reach, sink) {
        lower(Confidence::Possible, Message::new("because-startup"), &mut because);
    }
    if reach.is_some_and(|it| it.chosen) {
        lower(Confidence::Possible, Message::new("because-chosen"), &mut because);
    }
    if reach.is_some() && sink.path.starts_with("threading.Condition.wait") {
        lower(Confidence::Possible, Message::new("because-condition"), &mut because);
    }
    if code.commands.contains(&entry) {
        lower(Confidence::Possible, Message::new("because-command"), &mut because);
    }
    if program.is_test(entry) {
        lower(Confidence::Possible, Message::new("because-test"), &mut because);
    }
    if let Some(EntryKind::Framework(framework)) = code.entry_of.get(&entry).map(|at| &code.entries[*at].kind) {
        because.push(Message::new("because-framework").arg("framework", &**framework));
    }
    Judgement { level: level(it.cost), confidence, because }
}

/// Disk reads of the program's first coroutine, before anything else runs on the loop, delay nobody.
fn starts_up(judged: &Judged<'_>, entry: FunctionRef, it: &Blocked, reach: Option<&Reach>, sink: &Sink) -> bool {
    let act = reach.map_or(sink.act, |reach| judged.loop_code.edges[reach.edges[0]].act);
    it.cause == Cause::Disk && judged.loop_code.roots.contains(&entry) && judged.program.before_first_await(entry, act)
}

fn level(cost: Cost) -> Level {
    match cost {
        Cost::Instant | Cost::DiskSmall => Level::Note,
        Cost::Disk => Level::Warning,
        Cost::DiskLarge | Cost::Network | Cost::Unbounded => Level::Error,
    }
}

fn cost_word(cost: Cost) -> &'static str {
    match cost {
        Cost::Instant => "instant",
        Cost::DiskSmall => "disk-small",
        Cost::Disk => "disk",
        Cost::DiskLarge => "disk-large",
        Cost::Network => "network",
        Cost::Unbounded => "unbounded",
    }
}

fn cause(cause: Cause) -> String {
    format!("@{}", cause.word())
}

/// The value that is iterated over or entered, as it is written.
fn written(program: &Program, sink: &Sink) -> String {
    match act_at(program, sink.function, sink.act).kind {
        ActKind::Iterate(value) | ActKind::Enter(value) | ActKind::Call(value) => program.written(sink.function, value),
        _ => String::new(),
    }
}

fn help(judged: &Judged<'_>, sink: &Sink, entry: FunctionRef, boundary: Option<FunctionRef>) -> Message {
    let program = judged.program;
    match (boundary, &sink.blocking.instead) {
        (Some(boundary), _) if boundary != sink.function || sink.blocking.instead.is_none() => {
            Message::new("help-thread-helper").arg("callee", program.short_name(boundary))
        }
        (_, Some(instead)) => Message::new("help-await").arg("instead", &**instead),
        (_, None) => {
            let _ = entry;
            Message::new("help-thread").arg("callee", &*Program::shown(&sink.path))
        }
    }
}

fn identity(program: &Program, function: FunctionRef, path: &str, cause: Cause) -> Vec<String> {
    vec![
        ID.to_owned(),
        program.unit(function.unit).module.to_string(),
        program.short_name(function),
        path.to_owned(),
        cause.word().to_owned(),
    ]
}

/// A confidence, where the coroutine is not only run by tests or alone by a command.
fn in_service(judged: &Judged<'_>, function: FunctionRef, confidence: Confidence) -> Confidence {
    if judged.program.is_test(function) || judged.loop_code.commands.contains(&function) {
        return Confidence::Possible;
    }
    confidence
}

/// Loops in coroutines that ask again and again and never let anybody else run.
fn spins(judged: &Judged<'_>, function: FunctionRef, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let facts = &program.unit(function.unit).facts;
    for act in facts.acts_of(function.function).iter().filter(|act| act.kind == ActKind::Spin) {
        let site = site_of(program, function.unit, act.span);
        let confidence = in_service(judged, function, Confidence::Certain);
        acc.push(Finding {
            rule: RuleId(ID.to_owned()),
            site: site.clone(),
            function: program.short_name(function),
            message: Message::new("spin"),
            help: Some(Message::new("help-spin")),
            level: Level::Error,
            confidence,
            story: vec![
                entry_step(program, &judged.loop_code, function),
                Step { actor: Actor::EventLoop, act: Act::Block, site, message: Message::new("spin") },
            ],
            proof: Proof::Inferred { because: vec![Message::new("because-known")] },
            remedy: None,
            identity: identity(program, function, "while", Cause::Spin),
        });
    }
}

/// Thread locks that a coroutine still holds when it lets other tasks run.
fn held_locks(judged: &Judged<'_>, function: FunctionRef, acc: &mut Vec<Finding>) {
    let program = judged.program;
    if !program.function(function).is_async {
        return;
    }
    for held in program.held_across_await(function) {
        let site = site_of(program, function.unit, held.taken);
        let waits = site_of(program, function.unit, held.waits);
        let step = |act, site, key: &str| Step {
            actor: Actor::EventLoop,
            act,
            site,
            message: Message::new(key).arg("lock", &*held.lock),
        };
        let confidence = in_service(judged, function, Confidence::Certain);
        acc.push(Finding {
            rule: RuleId(ID.to_owned()),
            site: site.clone(),
            function: program.short_name(function),
            message: Message::new("lock-across-await").arg("lock", &*held.lock),
            help: Some(Message::new("help-lock")),
            level: Level::Error,
            confidence,
            story: vec![
                entry_step(program, &judged.loop_code, function),
                step(Act::Acquire, site, "step-acquire"),
                step(Act::Await, waits, "step-await-held"),
            ],
            proof: Proof::Inferred { because: vec![Message::new("because-known")] },
            remedy: None,
            identity: identity(program, function, &held.lock, Cause::Lock),
        });
    }
}

/// Plain functions of a library's user that a coroutine runs as they are.
fn user_code(judged: &Judged<'_>, function: FunctionRef, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for call in program.user_code_on_loop(function) {
        let site = site_of(program, function.unit, call.span);
        let message = Message::new("user-code").arg("callee", &*call.callee);
        let confidence = in_service(judged, function, Confidence::Likely);
        let step = Step { actor: Actor::EventLoop, act: Act::Block, site: site.clone(), message: message.clone() };
        acc.push(Finding {
            rule: RuleId(ID.to_owned()),
            site,
            function: program.short_name(function),
            message,
            help: Some(Message::new("help-user-code")),
            level: Level::Warning,
            confidence,
            story: vec![entry_step(program, &judged.loop_code, function), step],
            proof: Proof::Inferred { because: vec![Message::new("because-user-code")] },
            remedy: None,
            identity: identity(program, function, &call.callee, Cause::UserCode),
        });
    }
}
