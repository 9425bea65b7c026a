//! What a reader sees, in every format and both languages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use anstream::adapter::strip_str;
use expect_test::{Expect, expect};
use raddle_report::{
    FileTrouble, Outcome, Place, SCHEMA, Sources, TroubleKind, concise, fingerprints, json, statistics, summary, text,
    trouble,
};
use raddle_rulebook::{Card, Lang, Rulebook};
use raddle_vocabulary::{
    Act, Actor, Confidence, Edit, Finding, Level, Message, Proof, Remedy, RuleId, Site, Span, Step,
};

const CARD: &str = r#"# sleepy-coroutine · 协程里的睡眠

```toml
pitfall = 4
level = "error"
confidence = "likely"
legs = ["check"]
since = "0.1.0"
```

## Messages

| key | en | zh |
| --- | --- | --- |
| title | `{function}` waits for {cause} and stops {actor} | `{function}` 等待{cause}，让{actor}停住 |
| runs | {actor} runs `{function}` | {actor}运行 `{function}` |
| calls | `{function}` calls `{callee}` | `{function}` 调用 `{callee}` |
| waits | `{callee}` waits for {cause} | `{callee}` 等待{cause} |
| help | `await asyncio.to_thread({callee}, …)` lets others run | 改用 `await asyncio.to_thread({callee}, …)`，让其他任务得以运行 |
| resolved | `{callee}` has one definition | `{callee}` 只有一个定义 |
| fix | await it in a thread | 放到线程里等待 |

## Why

It stops.

## 为什么

会停住。
"#;

const APP: &str = "\
import asyncio
from helpers import load

async def handle(path):
    名字 = '心跳'; data = load(path)
    return data


asyncio.run(handle('a'))
";

const HELPERS: &str = "\
def load(path):
    return read(
        path,
    )

def read(path):
    with open(path) as file:
        return file.read()
";

struct Folder(BTreeMap<&'static str, Arc<str>>);

impl Folder {
    fn new() -> Folder {
        Folder([("app.py", APP.into()), ("pkg/helpers.py", HELPERS.into())].into())
    }
}

impl Sources for Folder {
    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).cloned()
    }
}

fn site(path: &str, needle: &str) -> Site {
    let source = if path == "app.py" { APP } else { HELPERS };
    let start = u32::try_from(source.find(needle).expect("the needle is in the text")).unwrap();
    Site { path: path.into(), span: Span { start, end: start + u32::try_from(needle.len()).unwrap() } }
}

fn step(actor: Actor, act: Act, site: Site, message: Message) -> Step {
    Step { actor, act, site, message }
}

fn message(key: &str) -> Message {
    Message::new(key).arg("cause", "@cause-disk").arg("actor", "@actor-event-loop")
}

fn finding() -> Finding {
    let calls = |function: &str, callee: &str| message("calls").arg("function", function).arg("callee", callee);
    Finding {
        rule: RuleId("sleepy-coroutine".to_owned()),
        site: site("app.py", "load(path)"),
        function: "handle".to_owned(),
        message: message("title").arg("function", "handle").arg("cost", "@cost-disk"),
        help: Some(message("help").arg("callee", "load")),
        level: Level::Error,
        confidence: Confidence::Certain,
        story: vec![
            step(Actor::EventLoop, Act::Compute, site("app.py", "handle"), message("runs").arg("function", "handle")),
            step(Actor::EventLoop, Act::Compute, site("app.py", "load(path)"), calls("handle", "load")),
            step(
                Actor::EventLoop,
                Act::Compute,
                site("pkg/helpers.py", "read(\n        path,\n    )"),
                calls("load", "read"),
            ),
            step(
                Actor::EventLoop,
                Act::Block,
                site("pkg/helpers.py", "open(path)"),
                message("waits").arg("callee", "open"),
            ),
        ],
        proof: Proof::Inferred {
            because: vec![
                message("resolved").arg("callee", "load"),
                message("resolved").arg("callee", "read"),
                Message::new("reason-certain"),
            ],
        },
        remedy: None,
        identity: vec!["sleepy-coroutine".to_owned(), "handle".to_owned(), "load".to_owned()],
    }
}

/// The finding without its story, as a remedy would mend it.
fn mendable() -> Finding {
    let call = site("app.py", "load(path)");
    let edit = |at: u32, to: u32, text: &str| Edit {
        site: Site { path: "app.py".into(), span: Span { start: at, end: to } },
        text: text.to_owned(),
    };
    Finding {
        level: Level::Warning,
        confidence: Confidence::Likely,
        story: Vec::new(),
        proof: Proof::Inferred { because: Vec::new() },
        remedy: Some(Remedy {
            message: Message::new("fix"),
            safe: true,
            edits: vec![
                edit(call.span.start, call.span.start + 5, "await asyncio.to_thread(load, "),
                edit(call.span.end, call.span.end, ""),
            ],
        }),
        ..finding()
    }
}

struct Run {
    findings: Vec<Finding>,
    troubles: Vec<FileTrouble>,
    files: usize,
    lang: Lang,
}

impl Run {
    fn of(findings: Vec<Finding>) -> Run {
        Run { findings, troubles: Vec::new(), files: 120, lang: Lang::En }
    }

    fn zh(self) -> Run {
        Run { lang: Lang::Zh, ..self }
    }

    fn show<T>(&self, show: impl FnOnce(&Outcome<'_>) -> T) -> T {
        let rulebook = Rulebook::of([Card::parse(CARD).unwrap()]);
        show(&Outcome {
            findings: &self.findings,
            files: self.files,
            troubles: &self.troubles,
            unknown: &[("call".to_owned(), 7)].into(),
            sources: &Folder::new(),
            rulebook: &rulebook,
            lang: self.lang,
        })
    }

    fn text(&self) -> String {
        let mut out = Vec::new();
        self.show(|outcome| text(outcome, 80, &mut out)).unwrap();
        strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    fn json(&self) -> serde_json::Value {
        let mut out = Vec::new();
        self.show(|outcome| json(outcome, &mut out)).unwrap();
        serde_json::from_slice(&out).unwrap()
    }
}

#[track_caller]
fn check(run: &Run, expected: Expect) {
    expected.assert_eq(&run.text());
}

#[test]
fn a_story_over_two_files() {
    check(
        &Run::of(vec![finding()]),
        expect![[r#"
        error[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
         --> app.py:5:23
          |
        4 | async def handle(path):
          |           ------ 1. the event loop runs `handle`
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^ 2. `handle` calls `load`
          |
         ::: pkg/helpers.py:2:12
          |
        2 |     return read(
          |            ----- 3. `load` calls `read`
        ...
        7 |     with open(path) as file:
          |          ---------- 4. `open` waits for the disk
          |
          = help: `await asyncio.to_thread(load, …)` lets others run
          = because: certain: `load` has one definition; `read` has one definition;
                     every call on the way is known
    "#]],
    );
}

#[test]
fn a_story_over_two_files_in_chinese() {
    check(
        &Run::of(vec![finding()]).zh(),
        expect![[r#"
        错误[sleepy-coroutine]: `handle` 等待磁盘，让事件循环停住
         --> app.py:5:23
          |
        4 | async def handle(path):
          |           ------ 1. 事件循环运行 `handle`
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^ 2. `handle` 调用 `load`
          |
         ::: pkg/helpers.py:2:12
          |
        2 |     return read(
          |            ----- 3. `load` 调用 `read`
        ...
        7 |     with open(path) as file:
          |          ---------- 4. `open` 等待磁盘
          |
          = 帮助: 改用 `await asyncio.to_thread(load, …)`，让其他任务得以运行
          = 依据: 确定：`load` 只有一个定义；`read` 只有一个定义；途中的每个调用都已确认
    "#]],
    );
}

#[test]
fn a_remedy_is_shown_as_the_change_it_makes() {
    check(
        &Run::of(vec![mendable()]),
        expect![[r#"
        warning[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
         --> app.py:5:23
          |
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^
          |
          = help: `await asyncio.to_thread(load, …)` lets others run
          = because: likely: every step has one reasonable reading
        fix: await it in a thread
          |
        5 -     名字 = '心跳'; data = load(path)
        5 +     名字 = '心跳'; data = await asyncio.to_thread(load, path)
          |
    "#]],
    );
}

#[test]
fn a_long_story_is_told_from_both_ends() {
    let mut long = finding();
    let middle = long.story[2].clone();
    long.story.splice(2..2, std::iter::repeat_n(middle, 7));
    check(
        &Run::of(vec![long]),
        expect![[r#"
        error[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
         --> app.py:5:23
          |
        4 | async def handle(path):
          |           ------ 1. the event loop runs `handle`
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^ 2. `handle` calls `load`
          |
         ::: pkg/helpers.py:2:12
          |
        2 |     return read(
          |            -----
          |            |
          |            3. `load` calls `read`
          |            4. `load` calls `read`
          |            9. `load` calls `read`
          |            10. `load` calls `read`
        ...
        7 |     with open(path) as file:
          |          ---------- 11. `open` waits for the disk
          |
          = note: and 4 more steps between 4 and 9
          = help: `await asyncio.to_thread(load, …)` lets others run
          = because: certain: `load` has one definition; `read` has one definition;
                     every call on the way is known
    "#]],
    );
}

#[test]
fn replayed_and_seen_findings_say_so() {
    let replayed = Finding { proof: Proof::Replayed { schedule: "k7f2".to_owned() }, story: Vec::new(), ..finding() };
    let seen = Finding { proof: Proof::Seen { times: 3 }, help: None, ..replayed.clone() };
    check(
        &Run::of(vec![replayed, seen]),
        expect![[r#"
        error[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
         --> app.py:5:23
          |
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^
          |
          = help: `await asyncio.to_thread(load, …)` lets others run
          = because: certain: a schedule shows it; `raddle replay k7f2` runs it again

        error[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
         --> app.py:5:23
          |
        5 |     名字 = '心跳'; data = load(path)
          |                           ^^^^^^^^^^
          |
          = because: certain: seen 3 times in a running program
    "#]],
    );
}

#[test]
fn a_file_whose_text_is_gone_is_only_named() {
    let nowhere = Site { path: "gone.py".into(), span: Span { start: 40, end: 50 } };
    let gone = Finding { site: nowhere, story: Vec::new(), ..finding() };
    check(
        &Run::of(vec![gone.clone()]),
        expect![[r#"
        error[sleepy-coroutine]: `handle` waits for the disk and stops the event loop
        --> gone.py
         = help: `await asyncio.to_thread(load, …)` lets others run
         = because: certain: `load` has one definition; `read` has one definition; every
                    call on the way is known
    "#]],
    );
    assert_eq!(Run::of(vec![gone]).json()["findings"][0]["line"], 1);
}

#[test]
fn names_from_the_code_cannot_drive_the_terminal() {
    let mut sly = finding();
    sly.story.clear();
    sly.help = Some(message("help").arg("callee", "\u{1b}[31mload\u{202e}"));
    let shown = Run::of(vec![sly]).text();
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
}

#[test]
fn one_line_each() {
    let both = vec![finding(), mendable()];
    let mut out = Vec::new();
    Run::of(both).show(|outcome| concise(outcome, &mut out)).unwrap();
    expect![[r#"
        app.py:5:23: error[sleepy-coroutine] `handle` waits for the disk and stops the event loop
        app.py:5:23: warning[sleepy-coroutine] `handle` waits for the disk and stops the event loop
    "#]]
    .assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn json_is_as_its_schema_says() {
    let place = Some(Place { line: 3, column: 7 });
    let trouble = |place, kind, reason: &str| FileTrouble {
        path: "bad.py".to_owned(),
        place,
        cell: None,
        kind,
        reason: reason.to_owned(),
    };
    let replayed = Finding { proof: Proof::Replayed { schedule: "k7f2".to_owned() }, help: None, ..finding() };
    let run = Run {
        troubles: vec![
            trouble(place, TroubleKind::Syntax, "Expected `:`"),
            trouble(None, TroubleKind::Unreadable, "permission denied"),
        ],
        ..Run::of(vec![finding(), mendable(), replayed])
    };
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document = run.json();
    let faults: Vec<String> =
        validator.iter_errors(&document).map(|fault| format!("{}: {fault}", fault.instance_path)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(validator.is_valid(&Run::of(Vec::new()).json()));
    let mut stray = document.clone();
    stray["findings"][0]["colour"] = "red".into();
    assert!(!validator.is_valid(&stray), "the schema notices a field it does not know");
    expect![[r#"
        {
          "rule": "sleepy-coroutine",
          "pitfall": 4,
          "level": "warning",
          "confidence": "likely",
          "file": "app.py",
          "line": 5,
          "column": 23,
          "end_line": 5,
          "end_column": 33,
          "function": "handle",
          "message": "`handle` waits for the disk and stops the event loop",
          "help": "`await asyncio.to_thread(load, …)` lets others run",
          "story": [],
          "proof": {
            "kind": "inferred",
            "because": []
          },
          "fingerprint": "5af831e4bca9ca65",
          "fix": {
            "message": "await it in a thread",
            "safe": true,
            "edits": [
              {
                "file": "app.py",
                "line": 5,
                "column": 23,
                "end_line": 5,
                "end_column": 28,
                "text": "await asyncio.to_thread(load, "
              },
              {
                "file": "app.py",
                "line": 5,
                "column": 33,
                "end_line": 5,
                "end_column": 33,
                "text": ""
              }
            ]
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&document["findings"][1]).unwrap());
    expect![[r#"
        [
          {
            "file": "bad.py",
            "line": 3,
            "column": 7,
            "cell": null,
            "kind": "syntax",
            "message": "Expected `:`"
          },
          {
            "file": "bad.py",
            "line": null,
            "column": null,
            "cell": null,
            "kind": "unreadable",
            "message": "permission denied"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&document["errors"]).unwrap());
}

#[test]
fn fingerprints_survive_edits_above_and_tell_twins_apart() {
    let names = |findings: &[Finding]| fingerprints(findings, &Folder::new());
    let down = |finding: &Finding, by: u32| {
        let mut moved = finding.clone();
        moved.site.span.start += by;
        moved.site.span.end += by;
        moved
    };
    let (first, second) = (finding(), down(&finding(), 20));
    let before = names(&[first.clone(), second.clone()]);
    assert_ne!(before[0], before[1]);
    assert_eq!(before, names(&[down(&first, 400), down(&second, 400)]));
    assert_eq!(names(&[second, first]), [before[1].clone(), before[0].clone()]);
    let split = |identity: &[&str]| {
        let identity = identity.iter().map(|part| (*part).to_owned()).collect();
        names(&[Finding { identity, ..finding() }])
    };
    assert_ne!(split(&["ab", "c"]), split(&["a", "bc"]));
}

#[test]
fn the_summary_counts() {
    let some = || vec![finding(), mendable(), finding()];
    let line = |run: Run| run.show(summary);
    assert_eq!(line(Run::of(some())), "found 3 problems (2 errors, 1 warning) in 120 files");
    assert_eq!(line(Run::of(some()).zh()), "在 120 个文件中发现 3 个问题（2 个错误，1 个警告）");
    assert_eq!(line(Run { files: 1, ..Run::of(vec![finding()]) }), "found 1 problem (1 error) in 1 file");
    assert_eq!(line(Run::of(Vec::new())), "nothing found in 120 files");
    assert_eq!(line(Run::of(Vec::new()).zh()), "检查了 120 个文件，没有发现问题");
    assert_eq!(line(Run { files: 0, ..Run::of(Vec::new()) }), "no Python files found");
    let place = Some(Place { line: 3, column: 7 });
    let bad = FileTrouble {
        path: "bad.py".to_owned(),
        place,
        cell: None,
        kind: TroubleKind::Syntax,
        reason: "Expected `:`".to_owned(),
    };
    let run = Run { troubles: vec![bad.clone(), bad.clone()], ..Run::of(Vec::new()) };
    assert_eq!(line(run), "nothing found in 120 files; 1 file could not be read in full");
    assert_eq!(trouble(Lang::En, &bad), "bad.py:3:7: syntax error: Expected `:`");
    assert_eq!(trouble(Lang::Zh, &bad), "bad.py:3:7: 语法错误：Expected `:`");
}

#[test]
fn statistics_by_rule_and_cause() {
    let mut network = mendable();
    network.message = network.message.arg("cause", "@cause-network").arg("cost", "@cost-network");
    let table = |run: Run| strip_str(&run.show(statistics)).to_string();
    let some = || vec![network.clone(), finding(), mendable()];
    expect![[r#"
        rule              waits for    for how long        errors  warnings  total
        sleepy-coroutine  the disk     up to milliseconds       1         1      2
        sleepy-coroutine  the network  a round trip             0         1      1
        total                                                   1         2      3
    "#]]
    .assert_eq(&table(Run::of(some())));
    expect![[r#"
        规则              等待  时长          错误  警告  合计
        sleepy-coroutine  磁盘  毫秒级           1     1     2
        sleepy-coroutine  网络  一次网络往返     0     1     1
        合计                                     1     2     3
    "#]]
    .assert_eq(&table(Run::of(some()).zh()));
}
