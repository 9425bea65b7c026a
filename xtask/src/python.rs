//! The Python side: the wheel is built and installed, and its tests run on each CPython that is found.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{beliefs, child, places, raddle};

const FOLDER: &str = "python/tests";
const NEEDED: &[&str] = &["maturin>=1.8,<2", "pytest>=8,<10", "pytest-lsp>=1.0.1,<2", "hypothesis>=6,<7"];
/// What the tests of the HTML report know a browser by.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// The bar for the small programs that stand beside the repository, in per cent of the bugs.
const BAR: &str = "90";

/// Builds the wheel once, and tests it on CPython 3.12 and 3.13 where they are found.
///
/// # Errors
///
/// When nothing from 3.12 on is found, or a test fails.
pub(crate) fn test() -> Result<usize> {
    let wanted = ["CPython 3.12", "CPython 3.13"];
    let pythons: Vec<(String, String)> =
        beliefs::pythons().into_iter().filter(|(version, _)| wanted.contains(&version.as_str())).collect();
    let Some((_, first)) = pythons.first() else { bail!("neither CPython 3.12 nor 3.13 is found") };
    let wheel = wheel(&environment("build", first)?)?;
    let raddle = raddle::build()?;
    browser();
    let mut passed = 0;
    for (version, python) in &pythons {
        let here = environment(&version.replace(' ', "-").to_lowercase(), python)?;
        let install = ["-m", "pip", "install", "-q", "--no-deps", "--force-reinstall"];
        child::run(child::command(&here, &install).arg(&wheel))?;
        let mut command = child::command(&here, &["-m", "pytest", "-q", "-p", "no:cacheprovider", FOLDER]);
        // The tests of the language server talk to the binary.
        let (said, is_fine) = child::watched(command.env("RADDLE_BINARY", &raddle))?;
        if !is_fine {
            bail!("the Python tests fail on {version}");
        }
        passed += said.lines().filter_map(passed_of).sum::<usize>();
        println!("{version}: the Python tests pass");
    }
    if let Some((version, _)) = pythons.last() {
        explored(&environment(&version.replace(' ', "-").to_lowercase(), &pythons[pythons.len() - 1].1)?)?;
    }
    Ok(passed)
}

/// A browser for the tests of the HTML report, from Debian's packages where there is none and they may be installed. The
/// tests are left out, and that is said, where it cannot be had.
fn browser() {
    let is_there = |name: &&str| child::command(name, &["--version"]).output().is_ok_and(|it| it.status.success());
    if BROWSERS.iter().any(is_there) {
        return;
    }
    let is_root = child::output(&mut child::command("id", &["-u"])).is_ok_and(|it| it.trim() == "0");
    if is_root && is_there(&"apt-get") {
        println!("installing Chromium for the tests of the HTML report");
        let updated = child::run(&mut child::command("apt-get", &["update", "-qq"]));
        let mut install = child::command("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
        let installed = updated.and_then(|()| child::run(install.env("DEBIAN_FRONTEND", "noninteractive")));
        match installed {
            Ok(()) => return,
            Err(error) => println!("{error:#}"),
        }
    }
    println!("no Chromium, and none can be installed: the HTML report is not looked at in a browser");
}

/// `15 passed in 20.14s`
fn passed_of(line: &str) -> Option<usize> {
    let (count, rest) = line.trim().split_once(" passed")?;
    rest.trim_start().starts_with("in ").then(|| count.parse().ok()).flatten()
}

/// A virtual environment that is kept from one run to the next, with what the tests need.
fn environment(name: &str, python: &str) -> Result<String> {
    let folder = places::tools_cache()?.join("python").join(name);
    let inside = folder.join("bin/python");
    let mark = folder.join("installed.txt");
    let needed = NEEDED.join("\n");
    if fs::read_to_string(&mark).is_ok_and(|it| it == needed) {
        return Ok(inside.display().to_string());
    }
    child::run(child::command(python, &["-m", "venv", "--clear"]).arg(&folder))?;
    let inside = inside.display().to_string();
    child::run(child::command(&inside, &["-m", "pip", "install", "-q"]).args(NEEDED))?;
    fs::write(&mark, needed).with_context(|| format!("could not write {}", mark.display()))?;
    Ok(inside)
}

fn wheel(python: &str) -> Result<PathBuf> {
    let folder = places::target().join("wheels");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("could not empty {}", folder.display()))?;
    }
    let mut command = child::command(python, &["-m", "maturin", "build", "--release", "-q", "--out"]);
    child::run(command.arg(&folder))?;
    let mut wheels = fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))?;
    let wheel = wheels.next().context("maturin built no wheel")??;
    Ok(wheel.path())
}

/// The shared scorer on the small concurrent programs, where they stand beside the repository.
fn explored(python: &str) -> Result<()> {
    let Ok(scorer) = places::shared("tools/dynamic_cases.py") else {
        println!("no ../shared beside the project: only the project's own programs are explored");
        return Ok(());
    };
    let folder = places::shared("cases/dynamic")?;
    let mut command = child::command(python, &[]);
    command.arg(scorer).arg(python).arg(folder).args(["--need", BAR]);
    child::run(&mut command).context("the dynamic cases miss the bar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pytest_counts() {
        assert_eq!(passed_of("15 passed in 20.14s"), Some(15));
        assert_eq!(passed_of("1 failed, 14 passed in 20.14s"), None);
    }
}
