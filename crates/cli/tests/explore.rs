//! `raddle explore` up to the moment when Python takes over: which interpreter, and what is said where there is none that serves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

fn raddle(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("raddle").unwrap();
    command.current_dir(folder).args(arguments).env("LC_ALL", "C").env("PATH", "/nowhere").env_remove("VIRTUAL_ENV");
    command
}

/// Exit code 2, nothing on standard output; gives what was said.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    String::from_utf8(output.stderr).unwrap()
}

/// A Python of this machine, in isolated mode so that no package is found by accident.
fn python() -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    env::split_paths(&path).map(|folder| folder.join("python3")).find(|it| it.is_file()).unwrap()
}

/// An environment whose interpreter has no packages.
#[cfg(unix)]
fn environment(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::create_dir_all(folder.join("bin")).unwrap();
    let inside = folder.join("bin/python3");
    let path = env::var("PATH").unwrap();
    fs::write(&inside, format!("#!/bin/sh\nPATH='{path}' exec '{}' -S -I \"$@\"\n", python().display())).unwrap();
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn no_interpreter_at_all() {
    let folder = TempDir::new().unwrap();
    let said = refused(&mut raddle(folder.path(), &["explore", "a.py"]));
    assert!(said.starts_with("error: no Python interpreter is found\nhelp: "), "{said}");
    let said = refused(&mut raddle(folder.path(), &["explore", "a.py", "--lang", "zh"]));
    assert!(said.contains("找不到 Python 解释器"), "{said}");
}

#[test]
fn an_interpreter_that_is_none() {
    let folder = TempDir::new().unwrap();
    let said = refused(&mut raddle(folder.path(), &["replay", "abc", "a.py", "--python", "gone"]));
    assert!(said.contains("`gone` is no Python interpreter and no environment"), "{said}");
}

#[cfg(unix)]
#[test]
fn an_interpreter_without_the_package() {
    let folder = TempDir::new().unwrap();
    environment(&folder.path().join(".venv"));
    fs::create_dir(folder.path().join("tests")).unwrap();
    let said = refused(&mut raddle(folder.path(), &["explore", "tests/a.py::f"]));
    let place = folder.path().join(".venv/bin/python3").display().to_string();
    assert!(said.contains(&format!("error: `{place}` has no Python package `raddle`")), "{said}");
    assert!(said.contains(&format!("help: run `{place} -m pip install .`")), "{said}");
    let said = refused(&mut raddle(folder.path(), &["explore", "tests/a.py::f", "--lang", "zh"]));
    assert!(said.contains("没有安装 Python 包 `raddle`"), "{said}");
}

#[cfg(unix)]
#[test]
fn the_active_environment_comes_before_the_nearest_one() {
    let folder = TempDir::new().unwrap();
    environment(&folder.path().join(".venv"));
    environment(&folder.path().join("active"));
    let mut command = raddle(folder.path(), &["explore", "a.py"]);
    let said = refused(command.env("VIRTUAL_ENV", folder.path().join("active")));
    assert!(said.contains("active/bin/python3"), "{said}");
}

#[test]
fn seconds_are_a_number() {
    let folder = TempDir::new().unwrap();
    let said = refused(&mut raddle(folder.path(), &["explore", "a.py", "--seconds", "soon"]));
    assert!(said.contains("a number of seconds above 0"), "{said}");
}
