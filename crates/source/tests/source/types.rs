//! Types of expressions, and what becomes of questions that would never end.

use expect_test::{Expect, expect};
use raddle_source::{Answer, Because, Types};
use raddle_vocabulary::Span;

use crate::folder::{Folder, notebook};

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Instance(classes) => classes.join(" | "),
        Answer::Class(classes) => format!("class {}", classes.join(" | ")),
        Answer::Module(module) => format!("module {module}"),
        Answer::Unknown(because) => format!("unknown: {because:?}"),
    }
}

/// Asks for the last occurrence of each expression in the named file.
fn ask(folder: &Folder, types: &Types, file: &str, expressions: &[&str]) -> String {
    let project = folder.discover(&["."]);
    let file = project.files.iter().find(|found| &*found.display == file).unwrap();
    let text = file.read().unwrap();
    let lines = expressions.iter().map(|expression| {
        let start = text.content.rfind(expression).unwrap() as u32;
        let span = Span { start, end: start + expression.len() as u32 };
        format!("{expression}: {}", shown(&types.classes(&file.path, span, &text)))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check(content: &str, expressions: &[&str], expected: Expect) {
    let folder = Folder::new(&[("pyproject.toml", ""), ("a.py", content)]);
    let types = Types::new(&folder.discover(&["."])).unwrap();
    expected.assert_eq(&ask(&folder, &types, "a.py", expressions));
}

#[test]
fn classes_of_the_standard_library() {
    check(
        "import asyncio, queue, threading, time\n\
         from concurrent.futures import ThreadPoolExecutor\n\
         from pathlib import Path\n\
         lock = threading.Lock()\nguard = asyncio.Lock()\nwaiting = queue.Queue()\n\
         pool = ThreadPoolExecutor()\nfuture = pool.submit(len, 'x')\nhandle = open('x')\nwhere = Path('x') / 'y'\n\
         (lock, guard, waiting, pool, future, handle, where, 1, 'text', None, [2], time, Path, len, lock.acquire)\n",
        &[
            "lock",
            "guard",
            "waiting",
            "pool",
            "future",
            "handle",
            "where",
            "1",
            "'text'",
            "None",
            "[2]",
            "time",
            "Path",
            "len",
            "lock.acquire",
        ],
        expect![[r#"
            lock: _thread.lock
            guard: asyncio.locks.Lock
            waiting: queue.Queue
            pool: concurrent.futures.thread.ThreadPoolExecutor
            future: concurrent.futures._base.Future
            handle: _io.TextIOWrapper
            where: pathlib.Path
            1: builtins.int
            'text': builtins.str
            None: types.NoneType
            [2]: builtins.list
            time: module time
            Path: class pathlib.Path
            len: types.FunctionType
            lock.acquire: types.MethodType"#]],
    );
}

#[test]
fn classes_of_the_project() {
    let folder = Folder::new(&[
        ("pyproject.toml", ""),
        ("src/app/__init__.py", ""),
        (
            "src/app/base.py",
            "import enum\nclass Client:\n    class Inner: ...\n    def close(self): (self, type(self))\n    \
             @classmethod\n    def make(cls): cls\nclass Kind(enum.Enum):\n    ONE = 1\n",
        ),
        (
            "src/app/main.py",
            "from .base import Client, Kind\n\
             import app.base\n\
             def make():\n    class Local: ...\n    return Local()\n\
             class Service:\n    def __init__(self, given):\n        self.client = Client()\n\
             \x20       self.given = given\n\
             def run(service: Service, maybe: Client | None, either: type[Client]):\n\
             \x20   (service.client, service.given, maybe, either, make())\n\
             \x20   (Client.Inner(), Kind.ONE, app.base, service)\n",
        ),
    ]);
    let types = Types::new(&folder.discover(&["."])).unwrap();
    let expressions = [
        "service.client",
        "service.given",
        "maybe",
        "either",
        "make()",
        "Client.Inner()",
        "Kind.ONE",
        "app.base",
        "service",
    ];
    expect![[r#"
        service.client: app.base.Client
        service.given: unknown: Dynamic
        maybe: app.base.Client | types.NoneType
        either: class app.base.Client
        make(): unknown: Dynamic
        Client.Inner(): app.base.Client.Inner
        Kind.ONE: app.base.Kind
        app.base: module app.base
        service: app.main.Service"#]]
    .assert_eq(&ask(&folder, &types, "src/app/main.py", &expressions));
    expect![[r#"
        self: app.base.Client
        cls: class app.base.Client"#]]
    .assert_eq(&ask(&folder, &types, "src/app/base.py", &["self", "cls"]));
    let counts = types.counts();
    assert_eq!((counts.questions, counts.answers, counts.budget_hits, counts.panics), (11, 9, 0, 0));
}

#[test]
fn what_is_not_known_says_why() {
    check(
        "import requests\n\
         def f(given):\n    return\n    unreachable\n\
         session = requests.Session()\n\
         (session, given)\n",
        &["session", "given", "unreachable"],
        expect![[r#"
            session: unknown: Dynamic
            given: unknown: Dynamic
            unreachable: unknown: Dynamic"#]],
    );
}

#[test]
fn spans_that_are_no_expressions() {
    let folder = Folder::new(&[("a.py", "value = call(1)\n")]);
    let project = folder.discover(&["."]);
    let types = Types::new(&project).unwrap();
    let text = project.files[0].read().unwrap();
    let spans = [(0, 5), (0, 15), (8, 15), (9, 11), (3, 2), (90, 99), (0, 16)];
    let lines = spans.map(|(start, end)| shown(&types.classes(&project.files[0].path, Span { start, end }, &text)));
    expect![[r#"
        unknown: Dynamic
        unknown: NoSuchExpression
        unknown: Dynamic
        unknown: NoSuchExpression
        unknown: NoSuchExpression
        unknown: NoSuchExpression
        unknown: NoSuchExpression"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn texts_as_ty_reads_them() {
    let folder = Folder::new(&[
        ("cells.ipynb", &notebook(&["import threading", "lock = threading.Lock()\nlock"])),
        ("mark.py", "\u{feff}import threading\nlock = threading.Lock()\nlock\n"),
        ("ends.py", "import threading\r\nlock = threading.Lock()\rlock\n"),
    ]);
    folder.write("latin.py", b"# coding: latin-1\nname = '\xe9'\nname\n");
    let types = Types::new(&folder.discover(&["."])).unwrap();
    let lines = [
        ask(&folder, &types, "cells.ipynb", &["lock"]),
        ask(&folder, &types, "mark.py", &["lock"]),
        ask(&folder, &types, "ends.py", &["lock"]),
        ask(&folder, &types, "latin.py", &["name"]),
    ];
    expect![[r#"
        lock: _thread.lock
        lock: _thread.lock
        lock: _thread.lock
        name: unknown: NoSuchExpression"#]]
    .assert_eq(&lines.join("\n"));
}

/// Composes closures.
const COMPOSE: &str = "\
import functools
def compose(*functions):
    def compose_two(f1, f2):
        return lambda *args, **kwargs: f1(f2(*args, **kwargs))
    return functools.reduce(compose_two, functions)
";

/// From CPython's own tests, shrunk: ty's constraint solver never comes back from the last line.
const PRODUCT: &str = "\
import itertools, math, string
def make_names(width, letters=string.ascii_lowercase):
    n_products = math.ceil(math.log(width, len(letters)))
    inputs = (letters,) * n_products
    combinations = itertools.product(*inputs)
    names = map(''.join, combinations)
    return itertools.islice(names, width)
";

#[test]
fn a_question_without_end_is_given_up_and_others_are_answered() {
    let folder = Folder::new(&[
        ("compose.py", &format!("{COMPOSE}made = compose(len, str)\nmade\n")),
        ("product.py", &format!("{PRODUCT}found = make_names(3)\nfound\n")),
        (
            "user.py",
            "import threading\nfrom compose import compose\nlock = threading.Lock()\nmade = compose(len)\n\
             (made, lock)\n",
        ),
        ("calm.py", "import threading\nlock = threading.Lock()\nlock\n"),
    ]);
    let types = Types::new(&folder.discover(&["."])).unwrap();
    let lines = [
        ask(&folder, &types, "compose.py", &["made"]),
        ask(&folder, &types, "compose.py", &["functools.reduce(compose_two, functions)", "functools"]),
        ask(&folder, &types, "product.py", &["itertools.islice(names, width)", "''.join", "inputs", "found"]),
        ask(&folder, &types, "calm.py", &["lock"]),
        ask(&folder, &types, "user.py", &["lock", "made"]),
        ask(&folder, &types, "calm.py", &["threading"]),
    ];
    expect![[r#"
        made: unknown: Dynamic
        functools.reduce(compose_two, functions): unknown: Dynamic
        functools: module functools
        itertools.islice(names, width): unknown: Budget
        ''.join: unknown: Budget
        inputs: unknown: Budget
        found: unknown: Dynamic
        lock: _thread.lock
        lock: _thread.lock
        made: unknown: Dynamic
        threading: module threading"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn deep_expressions_are_answered_or_given_up() {
    let chains = [
        ("attributes.py", format!("x = y{}\nx\n", ".z".repeat(9_000))),
        ("binary.py", format!("x = {}1\nx\n", "1 + ".repeat(9_000))),
        ("unary.py", format!("x = {}1\nx\n", "-".repeat(9_000))),
        ("calls.py", format!("x = str{}\nx\n", "()".repeat(4_500))),
        ("lists.py", format!("x = {}1{}\nx\n", "[".repeat(4_500), "]".repeat(4_500))),
        ("lambdas.py", format!("x = {}1\nx\n", "lambda: ".repeat(4_500))),
        ("conditions.py", format!("x = {}1\nx\n", "1 if b else ".repeat(4_500))),
    ];
    let files: Vec<(&str, &str)> = chains.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let folder = Folder::new(&files);
    let types = Types::new(&folder.discover(&["."])).unwrap();
    let lines = chains.iter().map(|(name, _)| format!("{name}: {}", ask(&folder, &types, name, &["x"])));
    expect![[r#"
        attributes.py: x: unknown: Budget
        binary.py: x: unknown: Budget
        unary.py: x: unknown: Budget
        calls.py: x: unknown: Budget
        lists.py: x: unknown: Budget
        lambdas.py: x: unknown: Budget
        conditions.py: x: unknown: Budget"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn questions_come_from_any_thread() {
    let folder = Folder::new(&[("a.py", "import threading\nlock = threading.Lock()\nlock\n")]);
    let types = Types::new(&folder.discover(&["."])).unwrap();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(&folder, &types, "a.py", &["lock"]))).collect();
        assert!(askers.into_iter().all(|asker| asker.join().unwrap() == "lock: _thread.lock"));
    });
    assert_eq!(types.counts().questions, 8);
    assert_ne!(Answer::Unknown(Because::Budget), Answer::Unknown(Because::StackBudget));
}
