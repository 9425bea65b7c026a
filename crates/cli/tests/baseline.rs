//! A baseline hides what is known, lets new findings fail, and wants to be written anew when something is mended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

fn raddle(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("raddle").unwrap();
    command.current_dir(folder).args(["check", "--no-cache", "--output-format", "concise"]).args(arguments);
    let output = command.env("LC_ALL", "C").env_remove("LANG").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const ONE: &str = "import time\n\nasync def f():\n    time.sleep(1)\n";
const TWO: &str = "import time\n\nasync def g():\n    time.sleep(2)\n\nasync def f():\n    time.sleep(1)\n";

#[test]
fn only_new_findings_fail() {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("app.py");
    fs::write(&app, ONE).unwrap();
    let (code, out, err) = raddle(folder.path(), &["--write-baseline", "known.json"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", "1 finding is known from now on\n"));

    let (code, out, _) = raddle(folder.path(), &["--baseline", "known.json"]);
    assert_eq!((code, out.as_str()), (0, ""));

    fs::write(&app, TWO).unwrap();
    let (code, out, _) = raddle(folder.path(), &["--baseline", "known.json"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("app.py:4:5: error[blocking-call-in-coroutine]") && out.lines().count() == 1, "{out}");

    fs::write(&app, "async def f():\n    pass\n").unwrap();
    let (code, out, err) = raddle(folder.path(), &["--baseline", "known.json"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("findings of `known.json` that are gone from the code: 1"), "{err}");
}

/// What a run did not look for is not gone.
#[test]
fn a_part_of_the_project_says_nothing_of_the_rest() {
    let folder = TempDir::new().unwrap();
    for name in ["a.py", "b.py"] {
        fs::write(folder.path().join(name), ONE).unwrap();
    }
    assert_eq!(raddle(folder.path(), &["--write-baseline", "known.json"]).0, 0);
    let known = ["--baseline", "known.json"];
    assert_eq!(raddle(folder.path(), &[&known[..], &["a.py"]].concat()).0, 0);
    assert_eq!(raddle(folder.path(), &[&known[..], &["--select", "task-not-kept"]].concat()).0, 0);
    assert_eq!(raddle(folder.path(), &[&known[..], &["--ignore", "blocking-call-in-coroutine"]].concat()).0, 0);
    fs::write(folder.path().join("b.py"), "async def f(:\n").unwrap();
    assert_eq!(raddle(folder.path(), &known).0, 0);
    fs::remove_file(folder.path().join("b.py")).unwrap();
    let (code, _, err) = raddle(folder.path(), &known);
    assert_eq!(code, 1);
    assert!(err.contains("gone from the code: 1"), "{err}");
}

#[test]
fn a_baseline_that_is_none_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("known.json"), "[]").unwrap();
    let (code, out, err) = raddle(folder.path(), &["--baseline", "known.json"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("`known.json` is no baseline") && err.contains("--write-baseline"), "{err}");
    let (code, ..) = raddle(folder.path(), &["--baseline", "missing.json"]);
    assert_eq!(code, 2);
}

#[test]
fn several_reports_in_one_run() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("app.py"), ONE).unwrap();
    let also = ["--also-write", "sarif=out.sarif", "--also-write", "junit=out.xml"];
    let (code, out, _) = raddle(folder.path(), &also);
    assert_eq!((code, out.lines().count()), (1, 1));
    assert!(fs::read_to_string(folder.path().join("out.sarif")).unwrap().contains("\"2.1.0\""));
    assert!(fs::read_to_string(folder.path().join("out.xml")).unwrap().contains("failures=\"1\""));
    let (code, _, err) = raddle(folder.path(), &["--also-write", "sarif"]);
    assert_eq!(code, 2);
    assert!(err.contains("sarif=report.sarif"), "{err}");
}
