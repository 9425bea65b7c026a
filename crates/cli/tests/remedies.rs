//! What remedies make of code as people write it: comments, tabs, line ends, nesting; and that a second run changes nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use assert_cmd::Command;
use expect_test::{Expect, expect};
use tempfile::TempDir;

/// Applies all remedies to a file, twice.
fn mended(text: &str) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.py");
    fs::write(&path, text).unwrap();
    let run = || {
        let mut command = Command::cargo_bin("raddle").unwrap();
        let command = command.current_dir(folder.path()).args(["fix", "--unsafe"]);
        let output = command.env("LC_ALL", "C").output().unwrap();
        (fs::read_to_string(&path).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (once, _) = run();
    let (twice, said) = run();
    assert_eq!(once, twice, "a second run changes something");
    assert_eq!(said, "fixed 0 problems in 0 files\n");
    once
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&mended(text));
}

#[test]
fn line_ends_of_other_systems_stay() {
    let text = "import threading\nlock = threading.Lock()\n\ndef work(job):\n    lock.acquire()  # why\n    job()\n    lock.release()\n";
    let mended = mended(&text.replace('\n', "\r\n"));
    assert_eq!(mended.matches('\n').count(), mended.matches("\r\n").count());
    assert!(mended.contains("    with lock:  # why\r\n        job()\r\n"), "{mended}");
}

#[test]
fn tabs_continuation_lines_and_long_texts_stay() {
    check(
        "\
import threading
lock = threading.Lock()

def work(job):
\tfor name in job.names:
\t\tlock.acquire()
\t\t# a comment
\t\ttotal = job(name) + \\
\t\t\tjob.more(name)

\t\tjob.write(f'''
kept as it is {total}
''')
\t\tlock.release()  # given back
",
        expect![[r#"
            import threading
            lock = threading.Lock()

            def work(job):
            	for name in job.names:
            		with lock:
            			# a comment
            			total = job(name) + \
            				job.more(name)

            			job.write(f'''
            kept as it is {total}
            ''')
            			# given back
        "#]],
    );
}

#[test]
fn imports_go_where_isort_would_put_them() {
    check(
        "\
\"\"\"Says what it is for.\"\"\"
from __future__ import annotations

import abc
import time
from os import path

import requests


async def poll(url):
    time.sleep(1)
    return requests.get(url, timeout=3)
",
        expect![[r#"
            """Says what it is for."""
            from __future__ import annotations

            import abc
            import asyncio
            import time
            from os import path

            import requests


            async def poll(url):
                await asyncio.sleep(1)
                return await asyncio.to_thread(requests.get, url, timeout=3)
        "#]],
    );
    check(
        "#!/usr/bin/env python\n# A licence.\n\nfrom requests import get\n\nasync def load(url):\n    return get(url)\n",
        expect![[r#"
            #!/usr/bin/env python
            # A licence.

            import asyncio

            from requests import get

            async def load(url):
                return await asyncio.to_thread(get, url)
        "#]],
    );
}

#[test]
fn the_library_in_use_is_used() {
    check(
        "\
import time
import trio
import requests

async def poll(url):
    time.sleep(1)
    return requests.get(url, timeout=3)
",
        expect![[r#"
            import functools
            import time
            import trio
            import requests

            async def poll(url):
                await trio.sleep(1)
                return await trio.to_thread.run_sync(functools.partial(requests.get, url, timeout=3))
        "#]],
    );
}

#[test]
fn a_task_is_kept_whatever_names_are_taken() {
    check(
        "\
import asyncio
from dataclasses import dataclass

@dataclass
class Job:
    task: int = 0

    async def run(self, task):
        asyncio.create_task(self.work(task))

    async def work(self, task):
        await asyncio.sleep(task)
",
        expect![[r#"
            import asyncio
            from dataclasses import dataclass

            _background_tasks: set[asyncio.Task] = set()

            @dataclass
            class Job:
                task: int = 0

                async def run(self, task):
                    background_task = asyncio.create_task(self.work(task))
                    _background_tasks.add(background_task)
                    background_task.add_done_callback(_background_tasks.discard)

                async def work(self, task):
                    await asyncio.sleep(task)
        "#]],
    );
}

#[test]
fn what_cannot_be_awaited_in_a_thread_is_left_alone() {
    let text = "\
import asyncio
import sqlite3
import threading
import requests
from sqlalchemy.orm import Session

lock = threading.Lock()

async def query(db: sqlite3.Connection):
    return db.execute('select 1')

async def read(path):
    with open(path) as file:
        return file.read()

async def rows(session: Session):
    for row in session.query(int):
        print(row)
    session.commit()

async def locked(url):
    with lock:
        requests.get(url)

async def lazily(urls):
    return (requests.get(url) for url in urls)
";
    assert_eq!(mended(text), text);
}
