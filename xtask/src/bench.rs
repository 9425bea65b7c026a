//! Time and memory of raddle and its peers on the same trees, in one run, so that their ratios mean something.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::child::{self, Cost};
use crate::corpus::trees;
use crate::figures::{self, Occasion, grouped};
use crate::peers::{self, Peer, Tools};
use crate::{places, raddle};

const PATIENCE: Duration = Duration::from_secs(1800);

/// What is measured on unless asked otherwise: the largest tree, and one with large files.
const TREES: [&str; 2] = ["homeassistant", "mix"];

/// A measurement is repeated until it was made this often, or took this long by the clock, and the least is kept.
const REPEATS: usize = 3;
const ENOUGH: f64 = 45.0;

/// The folder in which hydroid keeps what it knows of a project between runs.
const HYDROID_CACHE: &str = ".hydroid_cache";

#[derive(clap::Args)]
pub(crate) struct Task {
    /// Trees to measure on, without writing the figure; homeassistant and mix when none is named
    trees: Vec<String>,
    /// Leave the peers out, and do not write the figure
    #[arg(long)]
    alone: bool,
}

/// What was measured on a tree.
#[derive(Serialize)]
struct Measurements {
    tree: String,
    files: usize,
    lines: usize,
    runs: Vec<Run>,
    /// What raddle says of its own work, which does not depend on the machine.
    work: serde_json::Value,
}

/// One row.
#[derive(Serialize)]
struct Run {
    tool: String,
    how: String,
    #[serde(flatten)]
    cost: Cost,
}

/// The whole figure.
#[derive(Serialize)]
struct Figure {
    date: String,
    cores: usize,
    memory: String,
    trees: Vec<Measurements>,
}

/// Measures and writes the figure.
///
/// # Errors
///
/// When a tool cannot be installed, built or run.
pub(crate) fn run(task: &Task) -> Result<()> {
    let binary = raddle::build()?;
    let tools = if task.alone { None } else { Some(peers::installed()?) };
    let mut all = Vec::new();
    let names = if task.trees.is_empty() { TREES.map(str::to_owned).to_vec() } else { task.trees.clone() };
    for tree in trees::fetched(&names)? {
        let folder = places::target().join("bench").join(&tree.name);
        remove(&folder)?;
        trees::link(&tree.folder, &folder)?;
        let size = trees::size(&folder)?;
        println!("── {}: {} files, {} lines", tree.name, grouped(size.files), grouped(size.lines));
        let mut runs = Vec::new();
        let cache = places::target().join("bench").join(format!("{}-cache", tree.name));
        ours(&binary, &folder, &cache, &mut runs)?;
        if let Some(tools) = &tools {
            theirs(tools, &folder, &mut runs)?;
        }
        remove(&cache)?;
        let work = work(&binary, &folder)?;
        all.push(Measurements { tree: tree.name, files: size.files, lines: size.lines, runs, work });
        remove(&folder)?;
    }
    let occasion = Occasion::now()?;
    let page = page(&occasion, &all);
    if task.alone || !task.trees.is_empty() {
        println!("{page}");
        return Ok(());
    }
    figures::write("bench.md", &page)?;
    let figure = Figure { date: occasion.date, cores: occasion.cores, memory: occasion.memory, trees: all };
    figures::write("bench.json", &(serde_json::to_string_pretty(&figure).context("cannot write the figure")? + "\n"))
}

/// raddle with nothing known, with everything known, after one change, and on one thread and two.
fn ours(binary: &Path, folder: &Path, cache: &Path, acc: &mut Vec<Run>) -> Result<()> {
    let check = raddle::check(binary, folder, raddle::Keep::In(cache));
    let on_threads = |threads: &str| {
        let mut command = raddle::check(binary, folder, raddle::Keep::Nothing);
        command.args(["--threads", threads]);
        command
    };
    keep("raddle", "cold", least(&check, || remove(cache))?, acc);
    keep("raddle", "nothing changed", least(&check, || Ok(()))?, acc);
    let mut change = Change::of(folder)?;
    keep("raddle", "one file changed", least(&check, || change.make())?, acc);
    change.undo()?;
    keep("raddle", "no cache, one thread", least(&on_threads("1"), || Ok(()))?, acc);
    keep("raddle", "no cache, two threads", least(&on_threads("2"), || Ok(()))?, acc);
    Ok(())
}

fn keep(tool: &str, how: &str, cost: Cost, acc: &mut Vec<Run>) {
    println!("    {tool:20}{how:22}{:8.2} s cpu {:8.2} s wall {:6} MiB", cost.cpu, cost.wall, cost.peak >> 20);
    acc.push(Run { tool: tool.to_owned(), how: how.to_owned(), cost });
}

fn theirs(tools: &Tools, folder: &Path, acc: &mut Vec<Run>) -> Result<()> {
    let mut ty = Command::new(tools.program("ty"));
    ty.args(["check", "--exit-zero", "--no-progress", "--output-format", "concise", "."]).current_dir(folder);
    let ruff = Peer::Ruff.command(tools, folder);
    let hydroid = Peer::Hydroid.command(tools, folder);
    let mut hydroid_warm = Command::new(tools.program("hydroid"));
    hydroid_warm.args([".", "--format", "json"]).current_dir(folder);
    for (package, how, command) in [
        ("ty", "cold", &ty),
        ("ruff", "rules on blocking", &ruff),
        ("hydroid-cli", "cold", &hydroid),
        ("hydroid-cli", "nothing changed", &hydroid_warm),
    ] {
        let cost = match how {
            // The first run fills the cache and is not kept.
            "nothing changed" => {
                once(command)?;
                least(command, || Ok(()))?
            }
            _ => least(command, || Ok(()))?,
        };
        keep(&format!("{package} {}", tools.version(package)), how, cost, acc);
    }
    remove(&folder.join(HYDROID_CACHE))
}

/// The cheapest of some runs, each prepared in the same way.
fn least(command: &Command, mut prepare: impl FnMut() -> Result<()>) -> Result<Cost> {
    let mut costs: Vec<Cost> = Vec::new();
    while costs.len() < REPEATS && costs.iter().map(|cost| cost.wall).sum::<f64>() < ENOUGH {
        prepare()?;
        costs.push(once(command)?);
    }
    Ok(costs.into_iter().min_by(|a, b| a.cpu.total_cmp(&b.cpu)).expect("at least one run was made"))
}

fn once(command: &Command) -> Result<Cost> {
    let run = child::measured(command, PATIENCE)?;
    // 1 says of every tool here that it found something.
    if run.cost.late || !matches!(run.cost.code, 0 | 1) {
        let end = run.stderr.lines().last().unwrap_or("").to_owned();
        bail!("`{}` failed ({:?}): {end}", child::name(command), run.cost);
    }
    Ok(run.cost)
}

/// A file that gets one more function each time.
struct Change {
    path: PathBuf,
    text: String,
    made: usize,
}

impl Change {
    /// The middle one of a tree's files, by path, that has an `async def`.
    fn of(folder: &Path) -> Result<Change> {
        let files = trees::python_files(folder)?;
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let mut candidates = files.iter().skip(files.len() / 2).chain(&files);
        let path = candidates.find(|path| text(path).contains("async def")).context("no `async def` in the tree")?;
        Ok(Change { path: path.clone(), text: text(path), made: 0 })
    }

    fn make(&mut self) -> Result<()> {
        self.made += 1;
        let added = format!("\n\nasync def one_more_{}():\n    open(\"a\")\n", self.made);
        self.write(&format!("{}{added}", self.text))
    }

    fn undo(&self) -> Result<()> {
        self.write(&self.text)
    }

    /// Written aside and renamed: the file is a link to the one in the cache of packages, which stays as it is.
    fn write(&self, text: &str) -> Result<()> {
        let aside = self.path.with_extension("aside");
        fs::write(&aside, text)
            .and_then(|()| fs::rename(&aside, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// `--timing` as JSON where raddle offers it, or as the lines it prints.
fn work(binary: &Path, folder: &Path) -> Result<serde_json::Value> {
    for option in ["--timing=json", "--timing"] {
        let mut command = raddle::check(binary, folder, raddle::Keep::Nothing);
        command.arg(option);
        let run = child::measured(&command, PATIENCE)?;
        if matches!(run.cost.code, 0 | 1) {
            return Ok(serde_json::from_str(&run.stderr).unwrap_or_else(|_| run.stderr.lines().collect()));
        }
    }
    Ok(serde_json::Value::Null)
}

fn remove(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

fn page(occasion: &Occasion, all: &[Measurements]) -> String {
    let mut acc = format!(
        "# Time and memory\n\n{}\nWritten by `cargo xtask bench`; `bench.json` holds the same with the work that raddle \
         counts.\n\nProcessor time is user and system time of all threads. Each row is the cheapest of up to {REPEATS} runs; \
         the last column compares its processor time to `ty check` of the same run.\n",
        occasion.sentence(),
    );
    for tree in all {
        acc += &format!("\n## {}: {} files, {} lines\n\n", tree.tree, grouped(tree.files), grouped(tree.lines));
        let yardstick = tree.runs.iter().find(|run| run.tool.starts_with("ty ")).map(|run| run.cost.cpu);
        let rows: Vec<Vec<String>> = tree
            .runs
            .iter()
            .map(|run| {
                let cost = run.cost;
                let ratio = yardstick.map_or_else(|| "–".to_owned(), |ty| format!("{:.2}", cost.cpu / ty));
                let tool = format!("{}, {}", run.tool, run.how);
                vec![
                    tool,
                    format!("{:.2}", cost.cpu),
                    format!("{:.2}", cost.wall),
                    format!("{}", cost.peak >> 20),
                    ratio,
                ]
            })
            .collect();
        acc += &figures::table(&["tool", "processor s", "clock s", "peak MiB", "× ty"], &rows);
    }
    acc
}
