//! libFuzzer on the facts alone, guided by coverage, with the compiler that builds raddle.
//!
//! The flags are those of `cargo fuzz` without a sanitizer, which need neither it nor a nightly compiler. They build ty once
//! more, in a target folder of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{child, places};

const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Longer inputs are cut; libFuzzer learns more from short ones.
const LONGEST: usize = 8000;

/// Builds the target and runs it. What it learns stays in the cache, and grows from run to run.
///
/// # Errors
///
/// When the target does not build, or an input makes it crash, hang or take too much memory.
pub(super) fn run(seconds: u64, seed: u64, seeds: &[Vec<u8>]) -> Result<()> {
    let fuzz = places::root().join("fuzz");
    // The versions are the product's; the lock file is a copy and not committed.
    fs::copy(places::root().join("Cargo.lock"), fuzz.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    let host = host()?;
    let target = places::target().join("coverage");
    // Naming the host keeps the flags away from build scripts and macros.
    let mut build = child::cargo(&["build", "--release", "--target", &host, "--target-dir"]);
    build.arg(&target).current_dir(&fuzz).env("RUSTFLAGS", FLAGS.join(" "));
    child::run(&mut build)?;

    let corpus = places::corpus_cache()?.join("fuzz-facts");
    plant(&corpus, seeds)?;
    let failures = places::target().join("fuzz");
    fs::create_dir_all(&failures).context("cannot make a folder for failures")?;
    let binary = target.join(&host).join("release").join("facts");
    let mut command = child::command(&binary.to_string_lossy(), &["-timeout=20", "-rss_limit_mb=4096"]);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-seed={seed}")).arg(format!("-max_len={LONGEST}"));
    command.arg(format!("-artifact_prefix={}/", failures.display())).arg(&corpus);
    child::run(&mut command)
}

fn host() -> Result<String> {
    let said = child::output(&mut child::command("rustc", &["-vV"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// Puts short files of the library into a corpus that is empty.
fn plant(corpus: &Path, seeds: &[Vec<u8>]) -> Result<()> {
    if corpus.exists() {
        return Ok(());
    }
    fs::create_dir_all(corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
    for (number, bytes) in seeds.iter().enumerate().filter(|(_, bytes)| bytes.len() <= LONGEST) {
        fs::write(corpus.join(format!("library-{number:04}")), bytes).context("cannot plant a seed")?;
    }
    Ok(())
}
