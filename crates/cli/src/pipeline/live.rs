//! A project that is kept in memory between checks: only files that have changed are read and walked anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use dashmap::DashMap;
use raddle_facts::FileFacts;
use raddle_facts::models::{Models, Runner};
use raddle_program::library::{library_facts, library_units};
use raddle_program::{Program, Unit, UnitId};
use raddle_source::{Kind, Library, Project, ProjectFile, Suppressions, Text, discover};
use raddle_verdicts::{Judged, VERDICTS, judge};
use raddle_vocabulary::{Finding, Span};
use rayon::prelude::*;

use super::{Checked, by_path, filter, load, models, source_request, warn_of_unknown_rules};
use crate::progress::Phase;
use crate::request::CheckRequest;

/// What an editor holds, by absolute path: this counts, not what is on the disk.
pub(crate) type Buffers = BTreeMap<PathBuf, Arc<str>>;

/// Hears how far the work is, and says whether anybody still waits for it.
pub(crate) struct Pulse<'a> {
    /// Called when a part of the work starts.
    pub(crate) phase: &'a (dyn Fn(Phase) + Sync),
    /// Whether the work is no longer wanted.
    pub(crate) is_over: &'a (dyn Fn() -> bool + Sync),
}

/// What a check of a live project came to.
#[derive(Default)]
pub(crate) struct View {
    /// The findings and warnings.
    pub(crate) checked: Checked,
    /// The files of the project by the paths they are shown with.
    pub(crate) files: BTreeMap<Arc<str>, Looked>,
    /// Who runs the functions of open files: where the name of each stands, and its actors.
    pub(crate) runners: BTreeMap<Arc<str>, Vec<(Span, BTreeSet<Runner>)>>,
}

/// A file as it was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    /// Absolute path.
    pub(crate) path: PathBuf,
    /// The text that its findings point into.
    pub(crate) text: Text,
    /// What it is written in.
    pub(crate) kind: Kind,
    /// Whether the text is older than the file, which does not parse at the moment.
    pub(crate) is_stale: bool,
}

/// A project in memory.
pub(crate) struct Live {
    request: CheckRequest,
    pool: rayon::ThreadPool,
    state: Option<State>,
}

struct State {
    project: Project,
    models: Arc<Models>,
    library: Library,
    /// Facts of library files by path.
    stubs: DashMap<Arc<str>, Option<Arc<FileFacts>>>,
    files: BTreeMap<PathBuf, Known>,
}

/// One file, with what it came from.
struct Known {
    from: From,
    /// Its last text that could be walked, and what came of it.
    good: Option<Good>,
    is_stale: bool,
}

#[derive(Clone)]
struct Good {
    text: Text,
    unit: Unit,
    suppressions: Option<Suppressions>,
}

#[derive(Clone, PartialEq)]
enum From {
    Buffer(Arc<str>),
    Disk(u64, Option<SystemTime>),
}

impl Live {
    /// A project that nobody has looked at yet.
    pub(crate) fn new(request: CheckRequest) -> Result<Live> {
        let pool = super::pool(&request)?;
        Ok(Live { request, pool, state: None })
    }

    /// Checks the project as it is now, with what an editor holds; nothing when it is over before it is done.
    ///
    /// `anew` looks for files and settings again. Otherwise only the buffers and the `touched` files can differ.
    ///
    /// # Errors
    ///
    /// As [`super::run`].
    pub(crate) fn check(
        &mut self,
        buffers: &Buffers,
        touched: &BTreeSet<PathBuf>,
        anew: bool,
        pulse: &Pulse<'_>,
    ) -> Result<Option<View>> {
        let Live { request, pool, state } = self;
        pool.install(|| {
            if anew || state.is_none() {
                (pulse.phase)(Phase::Discover);
                *state = Some(State::discovered(request, state.take())?);
            }
            let Some(state) = state else { return Ok(None) };
            (pulse.phase)(Phase::Facts);
            state.update(buffers, touched);
            if (pulse.is_over)() {
                return Ok(None);
            }
            Ok(state.judged(request, buffers, pulse))
        })
    }
}

impl State {
    fn discovered(request: &CheckRequest, before: Option<State>) -> Result<State> {
        let project = discover(&source_request(request)?)?;
        let library = Library::new(&project)?;
        let models = Arc::new(models(&project)?);
        let mut files = BTreeMap::new();
        if let Some(before) = before
            && before.project.settings.python_version == project.settings.python_version
        {
            let same: BTreeMap<&Path, &ProjectFile> =
                before.project.files.iter().map(|it| (it.path.as_path(), it)).collect();
            let is_same = |file: &ProjectFile| {
                let old = same.get(file.path.as_path());
                old.is_some_and(|old| old.module == file.module && old.root == file.root)
            };
            files = before.files;
            let kept: BTreeSet<&Path> =
                project.files.iter().filter(|it| is_same(it)).map(|it| it.path.as_path()).collect();
            files.retain(|path, _| kept.contains(path.as_path()));
        }
        Ok(State { project, models, library, stubs: DashMap::new(), files })
    }

    /// Reads and walks what has changed.
    fn update(&mut self, buffers: &Buffers, touched: &BTreeSet<PathBuf>) {
        let version = self.project.settings.python_version;
        let files = &self.files;
        let fresh: Vec<(PathBuf, Known)> = self
            .project
            .files
            .par_iter()
            .filter_map(|file| {
                let known = files.get(&file.path);
                let buffer = buffers.get(&file.path).filter(|_| file.kind != Kind::Notebook);
                let from = match (buffer, known) {
                    (Some(text), _) => From::Buffer(Arc::clone(text)),
                    (None, Some(Known { from: from @ From::Disk(..), .. })) if !touched.contains(&file.path) => {
                        from.clone()
                    }
                    (None, _) => on_disk(&file.path),
                };
                if known.is_some_and(|it| it.from == from) {
                    return None;
                }
                let text = match &from {
                    From::Buffer(content) => Ok(Text::of_content(content, &file.display)),
                    From::Disk(..) => file.read(),
                };
                let walked = text.and_then(|text| Ok((load::walked(file, &text, version)?, text)));
                Some((
                    file.path.clone(),
                    match walked {
                        Ok(((unit, suppressions), text)) => {
                            Known { from, good: Some(Good { text, unit, suppressions }), is_stale: false }
                        }
                        // A file that is being typed into is broken most of the time; what it was last counts on.
                        Err(_) => Known { from, good: known.and_then(|it| it.good.clone()), is_stale: true },
                    },
                ))
            })
            .collect();
        self.files.extend(fresh);
    }

    fn judged(&self, request: &CheckRequest, buffers: &Buffers, pulse: &Pulse<'_>) -> Option<View> {
        let good: Vec<(&ProjectFile, &Known, &Good)> = self
            .project
            .files
            .iter()
            .filter_map(|file| {
                let known = self.files.get(&file.path)?;
                Some((file, known, known.good.as_ref()?))
            })
            .collect();
        let mut units: Vec<Unit> = good.iter().map(|(_, _, it)| it.unit.clone()).collect();
        let open: BTreeSet<UnitId> =
            (0..).map(UnitId).zip(&good).filter(|(_, it)| buffers.contains_key(&it.0.path)).map(|(id, _)| id).collect();
        (pulse.phase)(Phase::Program);
        units.extend(self.stubs(&units));
        let mut program = Program::link(units, Arc::clone(&self.models));
        program.python_version = self.project.settings.python_version;
        let loop_code = program.loop_code();
        if (pulse.is_over)() {
            return None;
        }
        (pulse.phase)(Phase::Verdicts);
        let judged = Judged { program: &program, loop_code };
        program.prepare();
        let judge = |verdict| if (pulse.is_over)() { Vec::new() } else { judge(&judged, verdict) };
        let findings: Vec<Finding> =
            VERDICTS.par_iter().map(|(_, verdict)| judge(*verdict)).collect::<Vec<_>>().concat();
        if (pulse.is_over)() {
            return None;
        }
        let mut view = View::default();
        view.checked.habits = raddle_remedies::Habits::of(&program);
        warn_of_unknown_rules(&self.project, &mut view.checked);
        let texts: Vec<&Text> = good.iter().map(|(_, _, it)| &it.text).collect();
        let suppressing =
            good.iter().filter_map(|(file, _, it)| Some((file.display.clone(), it.suppressions.clone()?))).collect();
        filter::settle(request, &self.project, &by_path(&texts), &suppressing, findings, &mut view.checked);
        for (function, runners) in program.runners(&judged.loop_code, &open) {
            let path = program.unit(function.unit).path.clone();
            view.runners.entry(path).or_default().push((program.function(function).name_span, runners));
        }
        for (file, known, it) in good {
            let looked =
                Looked { path: file.path.clone(), text: it.text.clone(), kind: file.kind, is_stale: known.is_stale };
            view.files.insert(file.display.clone(), looked);
        }
        // Nobody waits for the memory of a program to be given back.
        rayon::spawn(move || drop(program));
        Some(view)
    }

    fn stubs(&self, units: &[Unit]) -> Vec<Unit> {
        let version = self.project.settings.python_version;
        library_units(units, &self.library, &|file| {
            if let Some(known) = self.stubs.get(&file.path) {
                return known.clone();
            }
            let text = file.read().ok();
            let facts = text.and_then(|text| library_facts(&text, file.kind(), version)).map(Arc::new);
            self.stubs.insert(file.path.clone(), facts.clone());
            facts
        })
    }
}

fn on_disk(path: &Path) -> From {
    let about = std::fs::metadata(path).ok();
    From::Disk(about.as_ref().map_or(0, |it| it.len()), about.and_then(|it| it.modified().ok()))
}
