//! From a request to findings: discovers files, collects facts, links the program, judges it.

mod cache;
mod filter;
pub(crate) mod live;
mod load;
mod range;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use raddle_facts::models::Models;
use raddle_program::{Program, Unit};
use raddle_remedies::Habits;
use raddle_report::{FileTrouble, Outcome, Sources};
use raddle_rulebook::{Lang, Rulebook};
use raddle_source::{Project, Request, Text, discover};
use raddle_verdicts::{Judged, VERDICTS, judge};
use raddle_vocabulary::{Confidence, Finding, Level, Message};
use rayon::prelude::*;

use self::cache::Keep;
use crate::progress::{Phase, Progress};
use crate::request::CheckRequest;

/// What a check came to.
#[derive(Default)]
pub(crate) struct Checked {
    /// What was found, in the order it is shown.
    pub(crate) findings: Vec<Finding>,
    /// How many files were looked at.
    pub(crate) files: usize,
    /// Files that could not be read in full.
    pub(crate) errors: Vec<FileTrouble>,
    /// What was not known, counted by kind.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// What the reader should know although the run went on, as shared words.
    pub(crate) warnings: Vec<Message>,
    /// How long each part of the work took, in order.
    pub(crate) timing: Vec<(Phase, Duration)>,
    /// Work that does not depend on the machine, by name.
    pub(crate) counts: Vec<(&'static str, u64)>,
    /// The folder that lasting paths start from.
    pub(crate) root: PathBuf,
    /// Which findings are shown.
    pub(crate) shown: Shown,
    /// Files that were read in full, by their lasting paths.
    pub(crate) looked: BTreeSet<Arc<str>>,
    /// Rules that were on.
    pub(crate) rules: BTreeSet<String>,
    /// How the project takes work off its event loops.
    pub(crate) habits: Habits,
    /// The texts that findings point into.
    pub(crate) sources: Texts,
    /// What was looked at. Taking it apart takes a while, which who ends anyway need not wait for.
    pub(crate) program: Option<Box<Program>>,
}

impl Checked {
    /// What a report is made of.
    pub(crate) fn outcome(&self, lang: Lang) -> Outcome<'_> {
        Outcome {
            findings: &self.findings,
            files: self.files,
            troubles: &self.errors,
            unknown: &self.unknown,
            sources: &self.sources,
            rulebook: Rulebook::built_in(),
            lang,
        }
    }
}

/// Which findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Findings below are left out.
    pub(crate) min_confidence: Confidence,
    /// Whether notes are shown.
    pub(crate) notes: bool,
}

impl Shown {
    /// Whether a finding of this confidence and level is shown.
    pub(crate) fn holds(self, confidence: Confidence, level: Level) -> bool {
        confidence >= self.min_confidence && (level > Level::Note || self.notes)
    }
}

impl Default for Shown {
    fn default() -> Shown {
        Shown { min_confidence: Confidence::Likely, notes: false }
    }
}

/// What findings point into, by the paths that files are shown with.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Decoded texts.
    pub(crate) texts: BTreeMap<Arc<str>, Arc<str>>,
    /// Paths from the root of the project.
    pub(crate) lasting: BTreeMap<Arc<str>, Arc<str>>,
}

impl Sources for Texts {
    fn text(&self, path: &str) -> Option<Arc<str>> {
        self.texts.get(path).cloned()
    }

    fn lasting(&self, path: &Arc<str>) -> Arc<str> {
        self.lasting.get(path).unwrap_or(path).clone()
    }
}

/// Stack of a working thread: deep code is walked with stacks that grow, this is for everything else.
const STACK: usize = 16 * 1024 * 1024;

/// Checks what is asked for.
///
/// # Errors
///
/// When the run as a whole cannot go on: a path that does not exist, settings that cannot be read.
pub(crate) fn run(request: &CheckRequest, progress: &Progress) -> Result<Checked> {
    pool(request)?.install(|| check(request, progress))
}

fn pool(request: &CheckRequest) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(request.threads.map_or(0, NonZeroUsize::get))
        .stack_size(STACK)
        .build()
        .context("could not start the working threads")
}

/// A linked program and the texts it was made of.
pub(crate) struct Seen<'a> {
    /// The program.
    pub(crate) program: &'a Program,
    texts: BTreeMap<&'a str, &'a Text>,
}

impl Seen<'_> {
    /// The line of an offset, counted from 1.
    pub(crate) fn line(&self, path: &str, offset: u32) -> usize {
        let before = self.texts.get(path).and_then(|it| it.content.get(..offset as usize));
        before.map_or(1, |it| it.matches('\n').count() + 1)
    }
}

/// Links what is asked for, and has somebody look at it.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn look<T: Send>(request: &CheckRequest, look: impl FnOnce(&Seen<'_>) -> T + Send) -> Result<T> {
    pool(request)?.install(|| {
        let project = discover(&source_request(request)?)?;
        let texts = load::read(&project);
        let loaded = load::load(&project, &texts, None, &Progress::hidden(raddle_rulebook::Lang::En));
        let (program, _) = link(&project, loaded.units, None)?;
        let whole: Vec<&Text> = texts.iter().filter_map(|it| it.as_ref().ok()).collect();
        Ok(look(&Seen { program: &program, texts: by_path(&whole) }))
    })
}

/// Links units with the library they import; and how many files of it there are.
fn link(project: &Project, mut units: Vec<Unit>, keep: Option<&Keep>) -> Result<(Program, usize)> {
    let models = models(project)?;
    let stubs = load::library(project, &units, keep)?;
    let library_files = stubs.len();
    units.extend(stubs);
    let mut program = Program::link(units, Arc::new(models));
    program.python_version = project.settings.python_version;
    Ok((program, library_files))
}

fn check(request: &CheckRequest, progress: &Progress) -> Result<Checked> {
    let mut clock = Clock::new();
    let mut checked = Checked::default();
    let changed = request.diff.as_deref().map(range::changed).transpose()?;
    progress.start(Phase::Discover, 0);
    let project = discover(&source_request(request)?)?;
    clock.lap(Phase::Discover);

    warn_of_unknown_rules(&project, &mut checked);
    checked.files = project.files.len();
    let texts = load::read(&project);
    clock.lap(Phase::Read);
    let keep = Keep::of(request, &project);
    let whole: Vec<&Text> = texts.iter().filter_map(|it| it.as_ref().ok()).collect();
    let is_whole = whole.len() == texts.len() && project.errors.is_empty();
    let key = keep.as_ref().filter(|_| is_whole).and_then(|keep| keep.result_key(&project, &whole));
    if let (Some(keep), Some(key)) = (&keep, key)
        && let Some(kept) = keep.result(key)
    {
        checked.unknown = kept.unknown;
        checked.habits = kept.habits;
        let suppressing = load::suppressions(&project, &whole);
        filter::settle(request, &project, &by_path(&whole), &suppressing, kept.findings, &mut checked);
        range::leave_touched(changed.as_ref(), &project, &by_path(&whole), &mut checked);
        clock.lap(Phase::Report);
        checked.timing = clock.laps;
        return Ok(checked);
    }
    let loaded = load::load(&project, &texts, keep.as_ref(), progress);
    clock.lap(Phase::Facts);
    let findings = judged(&project, loaded.units, keep.as_ref(), progress, &mut clock, &mut checked)?;
    checked.errors = loaded.errors;
    if let (Some(keep), Some(key)) = (&keep, key)
        && checked.errors.is_empty()
    {
        keep.keep_result(key, &findings, &checked);
    }
    filter::settle(request, &project, &by_path(&whole), &loaded.suppressing, findings, &mut checked);
    range::leave_touched(changed.as_ref(), &project, &by_path(&whole), &mut checked);
    clock.lap(Phase::Report);
    checked.timing = clock.laps;
    Ok(checked)
}

fn by_path<'a>(texts: &[&'a Text]) -> BTreeMap<&'a str, &'a Text> {
    texts.iter().map(|it| (&*it.display, *it)).collect()
}

/// Links the units with the library they import, and judges them by every rule.
fn judged(
    project: &Project,
    units: Vec<Unit>,
    keep: Option<&Keep>,
    progress: &Progress,
    clock: &mut Clock,
    checked: &mut Checked,
) -> Result<Vec<Finding>> {
    progress.start(Phase::Program, 0);
    let (program, library_files) = link(project, units, keep)?;
    clock.lap(Phase::Library);
    let loop_code = program.loop_code();
    clock.lap(Phase::Program);

    progress.start(Phase::Verdicts, VERDICTS.len());
    checked.unknown = loop_code.unknown.iter().map(|(because, count)| (because.word().to_owned(), *count)).collect();
    checked.counts = counts(&program, &loop_code, library_files);
    program.prepare();
    let judged = Judged { program: &program, loop_code };
    let findings = VERDICTS.par_iter().map(|(_, verdict)| judge(&judged, *verdict)).collect::<Vec<_>>().concat();
    checked.habits = Habits::of(&program);
    clock.lap(Phase::Verdicts);
    checked.program = Some(Box::new(program));
    Ok(findings)
}

fn source_request(request: &CheckRequest) -> Result<Request> {
    Ok(Request {
        paths: request.paths.clone(),
        working_directory: match &request.folder {
            Some(folder) => folder.clone(),
            None => std::env::current_dir().context("could not tell the working directory")?,
        },
        python: request.python.clone(),
        python_version: request.python_version.map(|it| (it.major, it.minor)),
        config: request.config.clone(),
        isolated: request.isolated,
        exclude: request.exclude.clone(),
    })
}

fn models(project: &Project) -> Result<Models> {
    let own = &project.settings.models;
    let place = || match &project.settings.source {
        Some(path) => format!("{}: the models of the settings could not be read", path.display()),
        None => "the models of the settings could not be read".to_owned(),
    };
    Models::new((!own.is_empty()).then_some(own)).with_context(place)
}

/// A rule that the settings name and raddle does not have would turn off nothing, or everything.
fn warn_of_unknown_rules(project: &Project, checked: &mut Checked) {
    let settings = &project.settings;
    let per_file = settings.per_file_ignores.iter().flat_map(|it| &it.rules);
    let levels = settings.severity.iter().map(|(rule, _)| rule);
    for named in settings.select.iter().flatten().chain(&settings.ignore).chain(per_file).chain(levels) {
        if Rulebook::built_in().card(&named.name).is_none() {
            let warning = Message::new("config-unknown-rule");
            checked.warnings.push(warning.arg("place", &*named.place).arg("rule", &*named.name));
        }
    }
}

fn counts(
    program: &Program,
    loop_code: &raddle_program::runs_on::LoopCode,
    library_files: usize,
) -> Vec<(&'static str, u64)> {
    let own = || program.own_units().map(|(_, unit)| &unit.facts);
    vec![
        ("files", program.own as u64),
        ("library files", library_files as u64),
        ("functions", own().map(|it| it.functions.len() as u64).sum()),
        ("acts", own().map(|it| it.acts.len() as u64).sum()),
        ("values", own().map(|it| it.values.len() as u64).sum()),
        ("functions on the loop", loop_code.functions as u64),
        ("calls on the loop", loop_code.edges.len() as u64),
        ("rounds", loop_code.rounds as u64),
    ]
}

/// Tells how long each part took.
struct Clock {
    at: Instant,
    laps: Vec<(Phase, Duration)>,
}

impl Clock {
    fn new() -> Clock {
        Clock { at: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, phase: Phase) {
        self.laps.push((phase, self.at.elapsed()));
        self.at = Instant::now();
    }
}
