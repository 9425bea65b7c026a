//! raddle and its peers on the same code: what each finds on small marked cases, and how much on public code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::corpus::trees::{self, Tree};
use crate::figures::{self, Occasion, grouped};
use crate::peers::{Peer, Spot, Tools};
use crate::{child, peers, places, raddle};

/// The cases that are compared on: calls that block the event loop.
const CASES: &str = "p4_";

/// The number of that pitfall in raddle's findings.
const PITFALL: u8 = 4;

#[derive(clap::Args)]
pub(crate) struct Task {
    /// Trees to compare on, without writing the figure; all when none is named
    trees: Vec<String>,
    /// Seconds that a tool gets for a tree
    #[arg(long, default_value_t = 900)]
    patience: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tool {
    Raddle,
    Peer(Peer),
}

impl Tool {
    fn all() -> impl Iterator<Item = Tool> {
        [Tool::Raddle].into_iter().chain(Peer::ALL.map(Tool::Peer))
    }

    fn name(self) -> &'static str {
        match self {
            Tool::Raddle => "raddle",
            Tool::Peer(peer) => peer.package(),
        }
    }
}

/// What a tool says of a folder.
struct Said {
    spots: Vec<Spot>,
    cost: child::Cost,
}

/// How a tool does on the marked cases.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Score {
    hit: usize,
    cases: usize,
    good_flagged: usize,
    good: usize,
    unmarked: usize,
}

/// Runs every tool on the cases and the trees, and writes the tables.
///
/// # Errors
///
/// When a tool cannot be installed, built, run or read.
pub(crate) fn run(task: &Task) -> Result<()> {
    let tools = peers::installed()?;
    let binary = raddle::build()?;
    let patience = Duration::from_secs(task.patience);
    let say = |tool, folder: &Path| say(tool, &tools, &binary, folder, patience);

    let cases = tempfile::tempdir().context("cannot make a temporary folder")?;
    // ruff prints the folder as the system knows it.
    let folder = cases.path().canonicalize().context("cannot resolve a temporary folder")?;
    copy_cases(&folder)?;
    let mut scores = Vec::new();
    for tool in Tool::all() {
        let score = score(&folder, &say(tool, &folder)?.spots)?;
        println!("{:16}{score:?}", tool.name());
        scores.push((tool, score));
    }

    let mut counts = Vec::new();
    for tree in trees::fetched(&task.trees)? {
        let mut row = BTreeMap::new();
        for tool in Tool::all() {
            let said = say(tool, &tree.folder).with_context(|| format!("{} on {}", tool.name(), tree.name))?;
            println!("{:24}{:16}{}", tree.name, tool.name(), cell(&said, patience));
            row.insert(tool, said);
        }
        counts.push((tree, row));
    }
    let page = page(&tools, &scores, &counts, patience)?;
    if !task.trees.is_empty() {
        println!("{page}");
        return Ok(());
    }
    figures::write("compare.md", &page)
}

fn say(tool: Tool, tools: &Tools, binary: &Path, folder: &Path, patience: Duration) -> Result<Said> {
    match tool {
        Tool::Raddle => {
            let run = child::measured(&raddle::check(binary, folder, raddle::Keep::Nothing), patience)?;
            let findings = raddle::report(&run)?.findings.into_iter();
            let on_topic = findings.filter(|it| it.pitfall.is_none_or(|pitfall| pitfall == PITFALL));
            let spots = on_topic.map(|it| Spot { file: it.file, line: it.line }).collect();
            Ok(Said { spots, cost: run.cost })
        }
        Tool::Peer(peer) => {
            let run = child::measured(&peer.command(tools, folder), patience)?;
            let last_words = || run.stderr.lines().last().unwrap_or("silence").to_owned();
            if !run.cost.late && !matches!(run.cost.code, 0 | 1) {
                bail!("{} failed with {}: {}", peer.package(), run.cost.code, last_words());
            }
            // flake8-async prints as it goes; the others print at the end, or nothing when they are ended.
            let spots = if run.cost.late && peer != Peer::Flake8Async {
                Vec::new()
            } else {
                peer.spots(folder, &run.stdout).with_context(last_words)?
            };
            Ok(Said { spots, cost: run.cost })
        }
    }
}

/// The shared cases, since the tools keep caches and ask git about the folder they look at.
fn copy_cases(to: &Path) -> Result<()> {
    let from = places::shared("cases/static")?;
    let entries =
        fs::read_dir(&from).and_then(Iterator::collect::<Result<Vec<_>, _>>).context("cannot list the cases")?;
    for entry in entries {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(CASES) {
            trees::link(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

/// A bad case is hit when a finding stands on a line marked `#!` or `#~`; a good file must have none.
fn score(folder: &Path, spots: &[Spot]) -> Result<Score> {
    let mut flagged: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for spot in spots {
        flagged.entry(&spot.file).or_default().insert(spot.line);
    }
    let mut score = Score::default();
    // For each case whether it has a `#!` line and whether a marked line is flagged.
    let mut cases: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for path in trees::python_files(folder)? {
        let relative = path.strip_prefix(folder).expect("the file was listed below the folder");
        let file = relative.to_string_lossy().replace('\\', "/");
        let lines = flagged.get(file.as_str()).cloned().unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or(&file);
        if name.starts_with("good") || file.contains("/good") {
            score.good += 1;
            score.good_flagged += usize::from(!lines.is_empty());
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        let case = file.split('/').next().unwrap_or(&file).to_owned();
        let (is_bad, is_hit) = cases.entry(case).or_default();
        let marked: BTreeSet<usize> =
            text.lines().enumerate().filter(|(_, line)| is_marked(line)).map(|(index, _)| index + 1).collect();
        *is_bad |= text.contains("#! ");
        *is_hit |= lines.intersection(&marked).next().is_some();
        score.unmarked += lines.difference(&marked).count();
    }
    score.cases = cases.values().filter(|(is_bad, _)| *is_bad).count();
    score.hit = cases.values().filter(|(is_bad, is_hit)| *is_bad && *is_hit).count();
    Ok(score)
}

fn is_marked(line: &str) -> bool {
    line.contains("#! ") || line.contains("#~ ")
}

/// Findings, and the lines they stand on where that is fewer.
fn cell(said: &Said, patience: Duration) -> String {
    let lines: BTreeSet<&Spot> = said.spots.iter().collect();
    let found = match (said.spots.len(), lines.len()) {
        (all, apart) if all == apart => grouped(all),
        (all, apart) => format!("{} on {} lines", grouped(all), grouped(apart)),
    };
    let seconds = format!("{:.1} s", said.cost.cpu);
    match (said.cost.late, said.spots.is_empty()) {
        (false, _) => format!("{found} ({seconds})"),
        (true, true) => format!("none in {} s", patience.as_secs()),
        (true, false) => format!("{found} in {} s, unfinished", patience.as_secs()),
    }
}

fn page(
    tools: &Tools,
    scores: &[(Tool, Score)],
    counts: &[(Tree, BTreeMap<Tool, Said>)],
    patience: Duration,
) -> Result<String> {
    let small: Vec<Vec<String>> = scores
        .iter()
        .map(|(tool, score)| {
            let version = match tool {
                Tool::Raddle => env!("CARGO_PKG_VERSION"),
                Tool::Peer(peer) => tools.version(peer.package()),
            };
            vec![
                format!("{} {version}", tool.name()),
                format!("{} of {}", score.hit, score.cases),
                format!("{} of {}", score.good_flagged, score.good),
                score.unmarked.to_string(),
            ]
        })
        .collect();
    let mut large = Vec::new();
    for (tree, row) in counts {
        let size = trees::size(&tree.folder)?;
        let mut cells = vec![tree.name.clone(), grouped(size.files), grouped(size.lines)];
        cells.extend(row.values().map(|said| cell(said, patience)));
        large.push(cells);
    }
    let names: Vec<&str> = ["tree", "files", "lines"].into_iter().chain(Tool::all().map(Tool::name)).collect();
    Ok(format!(
        "# raddle beside its peers\n\n{}\nWritten by `cargo xtask compare`.\n\n\
         ## Small cases\n\nCalls that block the event loop, each marked on its line. A case is hit when a finding stands on \
         a marked line; a good file does the same in a way that does not block.\n\n{}\n\
         ## Public code\n\nFindings about blocking calls, and processor time. Nothing that the packages import is \
         installed. hydroid-cli is run as it comes; ruff (with preview) and flake8-async with `ASYNC110` and `ASYNC2…`, their \
         rules about blocking. A tool gets {} s for a tree. More findings are not better ones: what they are worth is in \
         `corpus/triage.toml` for raddle.\n\n{}",
        Occasion::now()?.sentence(),
        figures::table(&["tool", "cases hit", "good files flagged", "findings on unmarked lines"], &small),
        patience.as_secs(),
        figures::table(&names, &large),
    ))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn scores_as_the_shared_scorer_does() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("p4_01/bad.py", "a()  #! blocking\nb()\n");
        write("p4_02/bad.py", "from . import c\n");
        write("p4_02/c.py", "a()  #! blocking\nb()  #~ blocking\n");
        write("p4_03/bad.py", "a()  #! blocking\n");
        write("p4_03/good.py", "a()\n");
        let spot = |file: &str, line| Spot { file: file.to_owned(), line };
        let spots = [spot("p4_01/bad.py", 2), spot("p4_02/c.py", 2), spot("p4_03/bad.py", 1), spot("p4_03/good.py", 1)];
        expect!["Score { hit: 2, cases: 3, good_flagged: 1, good: 1, unmarked: 1 }"]
            .assert_eq(&format!("{:?}", score(folder.path(), &spots).unwrap()));
    }
}
