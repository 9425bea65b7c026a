//! Other programs: started, awaited, measured.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::places;

/// A command in the repository's top folder.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(places::root());
    command
}

/// cargo, the one that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    command(&program, arguments)
}

/// A script of `scripts/`, with the Python that is found first.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(places::root().join("scripts").join(name));
    command
}

/// How a command reads in a message: the program's name and its first arguments.
pub(crate) fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let arguments = command.get_args().map(|it| it.to_string_lossy().into_owned());
    let words: Vec<String> = [program.to_string_lossy().into_owned()].into_iter().chain(arguments).collect();
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(120) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Runs a command that has to succeed.
///
/// # Errors
///
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", name(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", name(command));
    }
    Ok(())
}

/// What a command that has to succeed prints.
///
/// # Errors
///
/// When it cannot be started, fails, or does not print text.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", name(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", name(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` does not print UTF-8", name(command)))
}

/// What a command prints to either stream, shown while it runs, and whether it succeeded.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn watched(command: &mut Command) -> Result<(String, bool)> {
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot share a pipe")?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", name(command)))?;
    // The command holds the writing ends; while it does, the reader below would wait for more.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut text = String::new();
    let mut lines = BufReader::new(reader);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).context("cannot read a pipe")? > 0 {
        let shown = String::from_utf8_lossy(&line);
        print!("{shown}");
        text.push_str(&shown);
        line.clear();
    }
    std::io::stdout().flush().context("cannot print")?;
    let status = child.wait().with_context(|| format!("cannot wait for `{}`", name(command)))?;
    Ok((text, status.success()))
}

/// What a run cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Exit code; negative for a signal.
    pub(crate) code: i32,
    /// Whether it was ended because its time was up.
    pub(crate) late: bool,
    /// Seconds by the clock.
    pub(crate) wall: f64,
    /// Seconds of processor time, user and system, its children included.
    pub(crate) cpu: f64,
    /// Largest resident memory in bytes.
    pub(crate) peak: u64,
}

/// A measured run with what it printed.
pub(crate) struct Measured {
    /// What it cost.
    pub(crate) cost: Cost,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// Runs a command for at most `patience` and measures it. How it ends is for the caller to judge.
///
/// # Errors
///
/// When it cannot be started or measured.
pub(crate) fn measured(command: &Command, patience: Duration) -> Result<Measured> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let [out, err, report] = ["out", "err", "report"].map(|it| folder.path().join(it));
    let mut measure = script("measure.py");
    measure.arg(patience.as_secs_f64().to_string()).arg(&report);
    measure.arg(command.get_program()).args(command.get_args());
    if let Some(place) = command.get_current_dir() {
        measure.current_dir(place);
    }
    for (variable, value) in command.get_envs() {
        match value {
            Some(value) => measure.env(variable, value),
            None => measure.env_remove(variable),
        };
    }
    let file = |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
    run(measure.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&err)?)).with_context(|| {
        let said = fs::read_to_string(&err).unwrap_or_default();
        format!("cannot measure `{}`: {said}", name(command))
    })?;
    let read = |path: &Path| -> Result<String> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let cost = serde_json::from_str(&read(&report)?).context("measure.py writes a report that cannot be read")?;
    Ok(Measured { cost, stdout: read(&out)?, stderr: read(&err)? })
}
