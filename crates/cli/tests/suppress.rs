//! What `raddle suppress` adds, that a second run has nothing to add, and what is said of comments that are none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use expect_test::expect;
use tempfile::TempDir;

const LOST: &str = "\
async def save(n):
    return n

async def main():
    save(1)   # this comment stays
    save('''
    '''); save(3)
    return 1, \\
        save(4) == 1
";

fn folder(text: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("jobs.py"), text).unwrap();
    folder
}

/// Standard output, standard error and the exit code.
fn raddle(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::cargo_bin("raddle").unwrap();
    let output = command.current_dir(folder).args(arguments).env("LC_ALL", "C").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn read(folder: &TempDir) -> Vec<u8> {
    fs::read(folder.path().join("jobs.py")).unwrap()
}

#[test]
fn a_second_run_finds_nothing() {
    let folder = folder(LOST.as_bytes());
    let (_, err, code) = raddle(folder.path(), &["suppress"]);
    expect![[r#"
        silenced 4 problems in 1 file
    "#]]
    .assert_eq(&err);
    assert_eq!(code, 0);
    let text = String::from_utf8(read(&folder)).unwrap();
    expect![[r#"
        async def save(n):
            return n

        async def main():
            save(1)   # this comment stays  # raddle: ignore[coroutine-never-awaited]
            save('''
            '''); save(3)  # raddle: ignore[coroutine-never-awaited]
            return 1, \
                save(4) == 1  # raddle: ignore[coroutine-never-awaited]
    "#]]
    .assert_eq(&text);
    let (out, err, code) = raddle(folder.path(), &["check", "--no-cache"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (_, err, _) = raddle(folder.path(), &["suppress"]);
    expect![[r#"
        silenced 0 problems in 0 files
    "#]]
    .assert_eq(&err);
    assert_eq!(String::from_utf8(read(&folder)).unwrap(), text);
}

#[test]
fn a_diff_writes_nothing() {
    let folder = folder(LOST.as_bytes());
    let (out, _, code) = raddle(folder.path(), &["suppress", "--diff"]);
    assert_eq!(code, 1);
    assert!(out.contains("+    save(1)   # this comment stays  # raddle: ignore[coroutine-never-awaited]"), "{out}");
    assert_eq!(read(&folder), LOST.as_bytes());
}

#[test]
fn encoding_and_line_ends_stay() {
    // GBK, with Windows line ends and no line end at the end.
    let text = [
        b"# coding: gbk\r\nasync def f():\r\n    pass\r\n\r\nasync def g():\r\n    f() # ".as_slice(),
        &[0xb6, 0xaf, 0xd7, 0xf7],
    ]
    .concat();
    let folder = folder(&text);
    let (_, err, _) = raddle(folder.path(), &["suppress"]);
    let after = [text.as_slice(), b"  # raddle: ignore[coroutine-never-awaited]"].concat();
    assert_eq!(read(&folder), after, "{err}");
}

#[test]
fn comments_that_are_none_are_told() {
    let text = "\
x = 1  # raddle: ingore[task-not-kept]
x = 2  # raddle: ignore[task-not-kep]
x = 3  # raddle: ignore[task-not-kept
x = 4  # raddle: ignore task-not-kept
x = 5  # raddle: ignore[task-not-kept, no-such-rule]
";
    let folder = folder(text.as_bytes());
    let (_, err, code) = raddle(folder.path(), &["check", "--no-cache"]);
    assert_eq!(code, 0);
    expect![[r#"
        warning: jobs.py:1: this looks like a `# raddle: ignore` comment, and is none; write `# raddle: ignore[RULE]`
        warning: jobs.py:3: this looks like a `# raddle: ignore` comment, and is none; write `# raddle: ignore[RULE]`
        warning: jobs.py:2: there is no rule `task-not-kep` to ignore
        warning: jobs.py:4: this ignores every rule; write `# raddle: ignore[task-not-kept]` to ignore one
        warning: jobs.py:5: there is no rule `no-such-rule` to ignore
        warning: jobs.py:4: nothing here needs `# raddle: ignore`
        warning: jobs.py:5: nothing here needs `# raddle: ignore[task-not-kept]`
    "#]]
    .assert_eq(&err);
}
