//! What a team turns on step by step: presets, severities, baselines from any folder, and only what a change touches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use assert_cmd::Command;
use expect_test::expect;
use tempfile::TempDir;

/// The exit code, standard output and standard error.
fn raddle(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("raddle").unwrap();
    command.current_dir(folder).args(["check", "--no-cache", "--output-format", "concise"]).args(arguments);
    let output = command.env("LC_ALL", "C").env_remove("LANG").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
    let output = Process::new("git").current_dir(folder).args(who).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const LOST: &str = "async def save():\n    pass\n\nasync def main():\n    save()\n";
const RACE: &str = "\
import threading

class Counter:
    def __init__(self):
        self.count = 0

    def work(self):
        self.count += 1

    def start(self):
        for _ in range(4):
            threading.Thread(target=self.work).start()
";

#[test]
fn a_baseline_holds_wherever_raddle_is_started() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("raddle.toml"), "").unwrap();
    fs::write(folder.path().join("src/app.py"), LOST).unwrap();
    assert_eq!(raddle(folder.path(), &["--write-baseline", "known.json"]).0, 0);
    let (code, out, err) = raddle(&folder.path().join("src"), &["--baseline", "../known.json"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let all = folder.path().to_str().unwrap();
    let known = folder.path().join("known.json");
    let (code, out, err) = raddle(Path::new("/"), &[all, "--baseline", known.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
}

#[test]
fn settings_say_how_bad_a_rule_is() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("app.py"), LOST).unwrap();
    let with = |settings: &str| {
        fs::write(folder.path().join("raddle.toml"), settings).unwrap();
        let (code, out, err) = raddle(folder.path(), &[]);
        (code, out, err.replace(&format!("{}/", folder.path().display()), ""))
    };
    assert!(with("[severity]\ncoroutine-never-awaited = \"warning\"\n").1.starts_with("app.py:5:5: warning["));
    // A note is shown only when notes are asked for.
    assert_eq!(with("[severity]\ncoroutine-never-awaited = \"note\"\n").0, 0);
    let (_, _, err) = with("[severity]\nno-such-rule = \"note\"\n");
    expect![[r#"
        warning: raddle.toml:2:1: there is no rule `no-such-rule`
        found 1 problem (1 error) in 1 file
    "#]]
    .assert_eq(&err);
    let (code, _, err) = with("[severity]\ncoroutine-never-awaited = \"fatal\"\n");
    assert_eq!(code, 2);
    expect![[r#"
        error: raddle.toml:2:27: a severity is "error", "warning" or "note"
    "#]]
    .assert_eq(&err);
}

#[test]
fn presets() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("lost.py"), LOST).unwrap();
    fs::write(folder.path().join("race.py"), RACE).unwrap();
    let rules = |arguments: &[&str]| {
        let (_, out, _) = raddle(folder.path(), arguments);
        let rule = |line: &str| line.split_once('[').unwrap().1.split_once(']').unwrap().0.to_owned();
        out.lines().map(rule).collect::<Vec<_>>().join(" ")
    };
    let all = "coroutine-never-awaited unguarded-shared-write";
    assert_eq!(rules(&[]), all);
    assert_eq!(rules(&["--preset", "free-threading"]), "unguarded-shared-write");
    assert!(rules(&["--preset", "strict"]).contains(all));
    fs::write(folder.path().join("raddle.toml"), "preset = \"free-threading\"\n").unwrap();
    assert_eq!(rules(&[]), "unguarded-shared-write");
    assert_eq!(rules(&["--preset", "recommended"]), all);
}

#[test]
fn only_what_a_change_touches() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    git(at, &["init", "-q"]);
    fs::write(at.join("old.py"), LOST).unwrap();
    fs::write(at.join("helpers.py"), "import time\n\ndef pause():\n    pass\n").unwrap();
    fs::write(at.join("app.py"), "from helpers import pause\n\nasync def serve():\n    pause()\n").unwrap();
    git(at, &["add", "."]);
    git(at, &["commit", "-qm", "first"]);
    let (code, out, err) = raddle(at, &["--diff", "HEAD"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    // The finding stands in a file that has not changed; its story passes through one that has.
    fs::write(at.join("helpers.py"), "import time\n\ndef pause():\n    time.sleep(1)\n").unwrap();
    let (code, out, _) = raddle(at, &["--diff", "HEAD"]);
    assert_eq!((code, out.lines().count()), (1, 1), "{out}");
    assert!(out.starts_with("app.py:4:5: error[blocking-call-in-coroutine]"), "{out}");
    // A file that git does not know yet is new as a whole, also from a folder below.
    fs::create_dir(at.join("sub")).unwrap();
    fs::write(at.join("sub/new file.py"), LOST).unwrap();
    let (_, out, _) = raddle(&at.join("sub"), &["--diff", "HEAD", ".."]);
    assert_eq!(out.lines().count(), 2, "{out}");
    let (code, _, err) = raddle(at, &["--diff", "--output=x"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = raddle(at, &["--diff=--output=x"]);
    assert_eq!(code, 2);
    assert!(!at.join("x").exists());
    expect![[r#"
        error: cannot tell what has changed since `--output=x`: git knows no such revision
        help: `--diff` takes a revision of the git repository you are in, such as `main` or `HEAD~3`
    "#]]
    .assert_eq(&err);
}
