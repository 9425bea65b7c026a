//! What raddle writes and prints for a project that is set up: settings, completions, pages of the manual.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use assert_cmd::Command;
use expect_test::expect;
use tempfile::TempDir;

fn raddle(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("raddle").unwrap();
    let output = command.current_dir(folder).args(arguments).env("LC_ALL", "C").env_remove("LANG").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn init_says_what_it_found_and_never_writes_twice() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::write(at.join("app.py"), "import asyncio\nfrom fastapi.routing import APIRouter\n").unwrap();
    let classifiers =
        "[project]\nname = 'a'\nclassifiers = ['Programming Language :: Python :: Free Threading :: 2 - Beta']\n";
    fs::write(at.join("pyproject.toml"), classifiers).unwrap();
    fs::write(at.join(".gitlab-ci.yml"), "").unwrap();
    let (code, out, _) = raddle(at, &["init"]);
    assert_eq!(code, 0);
    assert!(out.contains("codequality: raddle.json"), "{out}");
    let settings = fs::read_to_string(at.join("raddle.toml")).unwrap();
    expect![[r#"
        # settings of raddle; `raddle rules` lists the rules
        # the project is built on: FastAPI, asyncio
        preset = "recommended"
        # the package says that it runs without a GIL
        gil = false
    "#]]
    .assert_eq(&settings);
    // What was written is understood.
    assert_eq!(raddle(at, &["check", "--no-cache"]).0, 0);
    let (code, _, err) = raddle(at, &["init"]);
    assert_eq!(code, 2);
    assert!(err.contains("there are settings of raddle in ."), "{err}");
    assert_eq!(fs::read_to_string(at.join("raddle.toml")).unwrap(), settings);
}

#[test]
fn init_respects_settings_in_pyproject() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("pyproject.toml"), "[tool.raddle]\nignore = []\n").unwrap();
    assert_eq!(raddle(folder.path(), &["init"]).0, 2);
    assert!(!folder.path().join("raddle.toml").exists());
}

#[test]
fn completions_complete() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("raddle.bash");
    fs::write(&script, raddle(folder.path(), &["completions", "bash"]).1).unwrap();
    let line = "source ./raddle.bash; COMP_WORDS=(raddle check --pre); COMP_CWORD=2; _raddle raddle --pre check; \
                echo \"${COMPREPLY[@]}\"";
    let output = Process::new("bash").current_dir(folder.path()).args(["-c", line]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "--preset");
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let (code, out, _) = raddle(folder.path(), &["completions", shell]);
        assert!(code == 0 && out.contains("free-threading"), "{shell}");
    }
}

#[test]
fn pages_of_the_manual() {
    let folder = TempDir::new().unwrap();
    let (_, out, _) = raddle(folder.path(), &["man"]);
    assert!(out.contains(".SH NAME\nraddle \\- raddle finds concurrency bugs in Python code"), "{out}");
    let (_, out, _) = raddle(folder.path(), &["man", "check", "--lang", "zh"]);
    assert!(out.contains("查找并发问题"), "{out}");
    let (code, _, err) = raddle(folder.path(), &["man", "nothing"]);
    assert_eq!((code, err.as_str()), (2, "error: there is no command `nothing`\n"));
}
