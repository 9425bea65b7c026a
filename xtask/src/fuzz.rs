//! Mutated Python for raddle: whatever it reads, it must neither crash, hang nor change its mind.
//!
//! Inputs are made of the running Python's own library, in batches, each of them a folder that raddle checks as a process of
//! its own. An input depends on the seed and its number only, so a failure can be made again where the same library stands.

mod coverage;
mod mutate;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::chance::Chance;
use crate::corpus::trees;
use crate::{child, places, raddle};

/// Files of the library that are worth mutating: large ones take long and hold nothing new.
const SEED_BYTES: std::ops::RangeInclusive<u64> = 200..=60_000;

/// Every so many batches the same folder is checked twice, and must give the same bytes.
const TWICE_EVERY: usize = 8;

#[derive(clap::Args)]
pub(crate) struct Task {
    /// How long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same seed makes the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inputs that are checked together
    #[arg(long, default_value_t = 40)]
    batch: usize,
    /// Print the input with this number instead
    #[arg(long)]
    input: Option<usize>,
    /// Run libFuzzer on the facts alone instead; the first build takes long
    #[arg(long)]
    coverage: bool,
}

/// Fuzzes with the default seed.
///
/// # Errors
///
/// When raddle fails on an input, or cannot be built or run.
pub(crate) fn for_seconds(seconds: u64) -> Result<()> {
    run(&Task { seconds, seed: 1, batch: 40, input: None, coverage: false })
}

/// Fuzzes, or prints one input.
///
/// # Errors
///
/// When raddle fails on an input, or cannot be built or run.
pub(crate) fn run(task: &Task) -> Result<()> {
    let seeds = seeds()?;
    if let Some(number) = task.input {
        print!("{}", String::from_utf8_lossy(&input(task.seed, number, &seeds)));
        return Ok(());
    }
    if task.coverage {
        return coverage::run(task.seconds, task.seed, &seeds);
    }
    let raddle = raddle::build()?;
    println!("fuzzing for {} s with seed {} and {} files of the library", task.seconds, task.seed, seeds.len());
    let end = Instant::now() + Duration::from_secs(task.seconds);
    let (mut batches, mut cpu, mut peak) = (0, 0.0, 0);
    while Instant::now() < end {
        let first = batches * task.batch;
        let inputs: Vec<Vec<u8>> = (first..first + task.batch).map(|number| input(task.seed, number, &seeds)).collect();
        let folder = Folder::of(&inputs)?;
        let times = if batches % TWICE_EVERY == 0 { watch::Times::Twice } else { watch::Times::Once };
        match watch::watch(&raddle, folder.path(), times)? {
            Ok(cost) => {
                cpu += cost.cpu;
                peak = peak.max(cost.peak);
            }
            Err(failure) => return blame(&raddle, &failure, &inputs, first, task.seed),
        }
        batches += 1;
    }
    println!("{} inputs, no failure; {cpu:.0} s of processor time, at most {} MB", batches * task.batch, peak >> 20);
    Ok(())
}

/// The library of the Python that is found first.
fn seeds() -> Result<Vec<Vec<u8>>> {
    let mut ask = child::command("python3", &["-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]);
    let library = PathBuf::from(child::output(&mut ask)?.trim());
    let mut acc = Vec::new();
    for path in trees::python_files(&library)? {
        let is_installed = path.components().any(|part| part.as_os_str() == "site-packages");
        let size = fs::metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?.len();
        if !is_installed && SEED_BYTES.contains(&size) {
            acc.push(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    if acc.is_empty() {
        bail!("the library of python3 holds no source to start from");
    }
    Ok(acc)
}

fn input(seed: u64, number: usize, seeds: &[Vec<u8>]) -> Vec<u8> {
    let number = u64::try_from(number).expect("usize is at most 64 bits wide");
    mutate::mutate(&mut Chance::new(seed.rotate_left(32) ^ number), seeds)
}

/// Inputs as files of a folder that goes away.
struct Folder(tempfile::TempDir);

impl Folder {
    fn of(inputs: &[Vec<u8>]) -> Result<Folder> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        for (index, bytes) in inputs.iter().enumerate() {
            fs::write(folder.path().join(format!("input_{index:03}.py")), bytes).context("cannot write an input")?;
        }
        Ok(Folder(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Finds the input that a batch fails on, makes it smaller, keeps it and fails.
fn blame(raddle: &Path, failure: &watch::Failure, inputs: &[Vec<u8>], first: usize, seed: u64) -> Result<()> {
    let kept = places::target().join("fuzz");
    fs::create_dir_all(&kept).context("cannot make a folder for the failure")?;
    let fails = |bytes: &[u8]| -> Result<bool> {
        let folder = Folder::of(&[bytes.to_vec()])?;
        Ok(watch::watch(raddle, folder.path(), failure.times())?.is_err_and(|it| it.is_like(failure)))
    };
    for (index, bytes) in inputs.iter().enumerate() {
        if fails(bytes)? {
            let number = first + index;
            let small = watch::shrunk(bytes, fails)?;
            let path = kept.join(format!("{seed}-{number}.py"));
            fs::write(&path, small).with_context(|| format!("cannot write {}", path.display()))?;
            bail!("{failure}\ninput {number} of seed {seed}; made smaller: {}", path.display());
        }
    }
    // No input alone: it takes several of them.
    let path = kept.join(format!("{seed}-batch-{first}"));
    fs::create_dir_all(&path).context("cannot make a folder for the failure")?;
    for (index, bytes) in inputs.iter().enumerate() {
        fs::write(path.join(format!("input_{index:03}.py")), bytes).context("cannot keep an input")?;
    }
    bail!("{failure}\nonly with several inputs together: {}", path.display())
}
