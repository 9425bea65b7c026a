//! What `raddle fix` writes, and what it leaves alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use expect_test::expect;
use tempfile::TempDir;

const LOST: &str = "\
import asyncio

async def save(n):  # keeps it
    await asyncio.sleep(n)

async def main():
    save(1)   # this comment stays
    save(2); save(3)
";

const FOUND: &str = "\
import asyncio

async def save(n):  # keeps it
    await asyncio.sleep(n)

async def main():
    await save(1)   # this comment stays
    await save(2); await save(3)
";

fn folder(text: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("jobs.py"), text).unwrap();
    folder
}

/// Standard output, standard error and the exit code.
fn fix(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::cargo_bin("raddle").unwrap();
    let output = command.current_dir(folder).arg("fix").args(arguments).env("LC_ALL", "C").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn read(folder: &TempDir) -> Vec<u8> {
    fs::read(folder.path().join("jobs.py")).unwrap()
}

#[test]
fn coroutines_are_awaited_and_a_second_run_changes_nothing() {
    let folder = folder(LOST.as_bytes());
    let (_, said, code) = fix(folder.path(), &[]);
    assert_eq!((said.as_str(), code), ("fixed 3 problems in 1 file\n", 0));
    assert_eq!(String::from_utf8(read(&folder)).unwrap(), FOUND);
    let (_, said, _) = fix(folder.path(), &[]);
    assert_eq!(said, "fixed 0 problems in 0 files\n");
    assert_eq!(String::from_utf8(read(&folder)).unwrap(), FOUND);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["jobs.py"], "nothing else is written");
}

#[test]
fn a_difference_is_shown_and_nothing_written() {
    let folder = folder(LOST.as_bytes());
    let (out, said, code) = fix(folder.path(), &["--diff"]);
    assert_eq!((said.as_str(), code), ("would fix 3 problems in 1 file\n", 1));
    let changed = |sign: char| out.lines().filter(|it| it.starts_with(sign)).collect::<Vec<_>>();
    assert_eq!(changed('-'), ["--- a/jobs.py", "-    save(1)   # this comment stays", "-    save(2); save(3)"]);
    let mended = ["+++ b/jobs.py", "+    await save(1)   # this comment stays", "+    await save(2); await save(3)"];
    assert_eq!(changed('+'), mended);
    assert_eq!(String::from_utf8(read(&folder)).unwrap(), LOST);
}

#[test]
fn line_ends_marks_encodings_and_a_missing_last_line_end_stay() {
    let windows = LOST.replace('\n', "\r\n");
    let place = folder(format!("\u{feff}{}", windows.trim_end()).as_bytes());
    fix(place.path(), &[]);
    let expected = format!("\u{feff}{}", FOUND.replace('\n', "\r\n").trim_end());
    assert_eq!(String::from_utf8(read(&place)).unwrap(), expected);

    let latin = |text: &str| [b"# -*- coding: latin-1 -*-\n# \xe9\n", text.as_bytes()].concat();
    let place = folder(&latin(LOST));
    fix(place.path(), &[]);
    assert_eq!(read(&place), latin(FOUND));
}

#[test]
fn unsafe_fixes_wait_to_be_asked_for() {
    let text = "import threading\n\ndef work() -> None:\n    print(1)\n\ndef main():\n    threading.Thread(target=work()).start()\n";
    let folder = folder(text.as_bytes());
    let (_, said, code) = fix(folder.path(), &[]);
    expect![[r#"
        fixed 0 problems in 0 files
        1 more has a fix to be looked over; `--unsafe` applies it
        exit 0
    "#]]
    .assert_eq(&format!("{said}exit {code}\n"));
    assert_eq!(read(&folder), text.as_bytes());
    let (_, said, _) = fix(folder.path(), &["--unsafe"]);
    assert_eq!(said, "fixed 1 problem in 1 file\n");
    assert_eq!(String::from_utf8(read(&folder)).unwrap(), text.replace("work())", "work)"));
}

#[cfg(unix)]
#[test]
fn links_are_left_alone_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder(LOST.as_bytes());
    let path = folder.path().join("jobs.py");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    fix(folder.path(), &[]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);

    let elsewhere = TempDir::new().unwrap();
    fs::write(elsewhere.path().join("real.py"), LOST).unwrap();
    let place = TempDir::new().unwrap();
    symlink(elsewhere.path().join("real.py"), place.path().join("jobs.py")).unwrap();
    fix(place.path(), &["jobs.py"]);
    assert_eq!(fs::read_to_string(elsewhere.path().join("real.py")).unwrap(), LOST);
}
