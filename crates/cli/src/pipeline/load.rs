//! Files to facts, in parallel, in the order of their paths.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use raddle_facts::{Depth, Environment};
use raddle_program::library::{library_facts, library_units};
use raddle_program::{Origin, Unit};
use raddle_report::{FileTrouble, Place, TroubleKind};
use raddle_source::{
    Kind, Library, LineIndex, Project, ProjectFile, SourceError, SourceErrorKind, Suppressions, Text, Tree, parse,
};
use rayon::prelude::*;

use super::cache::{Keep, Key, Pack, facts_key, packed, unpacked};

use crate::progress::{Phase, Progress};

/// What the files of a project came to.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) units: Vec<Unit>,
    pub(super) errors: Vec<FileTrouble>,
    /// Files with suppression comments, by path as shown.
    pub(super) suppressing: BTreeMap<Arc<str>, Suppressions>,
}

/// The texts of a project's files, in their order.
pub(super) type Texts = Vec<Result<Text, SourceError>>;

/// Reads every file.
pub(super) fn read(project: &Project) -> Texts {
    project.files.par_iter().map(ProjectFile::read).collect()
}

struct One {
    unit: Unit,
    suppressions: Option<Suppressions>,
    key: Key,
    /// The facts as they are to be kept, where they were not kept before.
    packed: Option<Vec<u8>>,
}

/// The facts of the project that are kept: those of a whole run, and those of files that have changed since.
struct Packs {
    all: Pack,
    since: Pack,
}

/// From so many files since the last whole pack on (a share of all), everything is written anew.
const FEW: usize = 8;

impl Packs {
    fn get(&self, key: &Key) -> Option<&[u8]> {
        self.since.get(key).or_else(|| self.all.get(key))
    }

    /// Keeps what this run has walked, beside what is kept already as long as that is most of it.
    fn keep(&self, keep: &Keep, used: &[Key], fresh: &[(Key, Vec<u8>)]) {
        if fresh.is_empty() {
            return;
        }
        let new: Vec<(Key, &[u8])> = fresh.iter().map(|(key, bytes)| (*key, &bytes[..])).collect();
        let mut since: Vec<(Key, &[u8])> =
            used.iter().filter_map(|key| Some((*key, self.since.get(key)?))).chain(new.iter().copied()).collect();
        if since.len() * FEW > used.len() {
            let all = used.iter().filter_map(|key| Some((*key, self.get(key)?)));
            let mut all: Vec<(Key, &[u8])> = all.chain(new).collect();
            all.sort_unstable();
            all.dedup_by_key(|it| it.0);
            keep.keep_facts("facts", &all);
            since.clear();
        }
        since.sort_unstable();
        since.dedup_by_key(|it| it.0);
        keep.keep_facts("facts-since", &since);
    }
}

/// Walks every file whose facts are not kept.
pub(super) fn load(project: &Project, texts: &Texts, keep: Option<&Keep>, progress: &Progress) -> Loaded {
    progress.start(Phase::Facts, project.files.len());
    let version = project.settings.python_version;
    let kept = keep.map(|keep| Packs { all: keep.facts("facts"), since: keep.facts("facts-since") });
    let ones: Vec<Result<One, SourceError>> = project
        .files
        .par_iter()
        .zip(texts)
        .map(|(file, text)| {
            let text = text.as_ref().map_err(Clone::clone)?;
            let one = load_one(file, text, version, kept.as_ref());
            progress.advance();
            one
        })
        .collect();
    let mut loaded = Loaded { errors: project.errors.iter().map(trouble).collect(), ..Loaded::default() };
    let (mut used, mut fresh) = (Vec::new(), Vec::new());
    for one in ones {
        match one {
            Ok(one) => {
                if let Some(suppressions) = one.suppressions {
                    loaded.suppressing.insert(one.unit.path.clone(), suppressions);
                }
                used.push(one.key);
                fresh.extend(one.packed.map(|bytes| (one.key, bytes)));
                loaded.units.push(one.unit);
            }
            Err(error) => loaded.errors.push(trouble(&error)),
        }
    }
    loaded.errors.sort();
    if let (Some(keep), Some(kept)) = (keep, kept) {
        kept.keep(keep, &used, &fresh);
    }
    loaded
}

/// The suppressions of all files, without their facts.
pub(super) fn suppressions(project: &Project, texts: &[&Text]) -> BTreeMap<Arc<str>, Suppressions> {
    let version = project.settings.python_version;
    project
        .files
        .par_iter()
        .zip(texts)
        .filter(|(_, text)| text.content.contains("raddle:"))
        .filter_map(|(file, text)| {
            let tree = parse(text, file.kind, version).ok()?;
            Some((file.display.clone(), suppressions_in(text, &tree)?))
        })
        .collect()
}

fn suppressions_in(text: &Text, tree: &Tree) -> Option<Suppressions> {
    if !text.content.contains("raddle:") {
        return None;
    }
    let found = Suppressions::read(tree, &LineIndex::new(text), &text.content);
    (!found.entries.is_empty()).then_some(found)
}

fn load_one(
    file: &ProjectFile,
    text: &Text,
    python_version: (u8, u8),
    kept: Option<&Packs>,
) -> Result<One, SourceError> {
    let key = facts_key(text, file.kind, python_version);
    let old = kept.and_then(|kept| kept.get(&key)).and_then(unpacked);
    let (facts, suppressions, packed) = match old {
        Some(facts) if !text.content.contains("raddle:") => (facts, None, None),
        old => {
            let is_new = old.is_none();
            let tree = parse(text, file.kind, python_version)?;
            let depth = if file.kind == Kind::Stub { Depth::Signatures } else { Depth::Everything };
            let facts = raddle_facts::read(&tree, &text.content, depth, Environment { python_version });
            let packed = (is_new && kept.is_some()).then(|| packed(&facts));
            (facts, suppressions_in(text, &tree), packed)
        }
    };
    let unit = Unit {
        path: file.display.clone(),
        module: file.module.clone(),
        root: file.root.display().to_string().into(),
        is_package: file.package,
        is_stub: file.kind == Kind::Stub,
        origin: Origin::Project,
        facts: Arc::new(facts),
    };
    Ok(One { unit, suppressions, key, packed })
}

/// The library modules that the project imports, from what is kept of them where they have not changed.
pub(super) fn library(project: &Project, own: &[Unit], keep: Option<&Keep>) -> Result<Vec<Unit>> {
    let library = Library::new(project)?;
    let version = project.settings.python_version;
    let kept = keep.map(|keep| keep.facts("library")).unwrap_or_default();
    let fresh: Mutex<Vec<(Key, Vec<u8>)>> = Mutex::default();
    let units = library_units(own, &library, &|file| {
        let text = file.read().ok()?;
        let key = facts_key(&text, file.kind(), version);
        if let Some(facts) = kept.get(&key).and_then(unpacked) {
            return Some(Arc::new(facts));
        }
        let facts = library_facts(&text, file.kind(), version)?;
        if keep.is_some() {
            fresh.lock().unwrap_or_else(PoisonError::into_inner).push((key, packed(&facts)));
        }
        Some(Arc::new(facts))
    });
    let fresh = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(keep) = keep
        && !fresh.is_empty()
    {
        let new = fresh.iter().map(|(key, bytes)| (*key, &bytes[..]));
        let mut all: Vec<(Key, &[u8])> = new.chain(kept.entries()).collect();
        all.sort_unstable();
        keep.keep_facts("library", &all);
    }
    Ok(units)
}

fn trouble(error: &SourceError) -> FileTrouble {
    let place = error.line.map(|line| Place { line: line as usize, column: error.column.unwrap_or(1) as usize });
    let kind = match error.kind {
        SourceErrorKind::Unreadable => TroubleKind::Unreadable,
        SourceErrorKind::NotUtf8 => TroubleKind::NotUtf8,
        SourceErrorKind::NotDecodable => TroubleKind::NotDecodable,
        SourceErrorKind::UnknownEncoding => TroubleKind::UnknownEncoding,
        SourceErrorKind::Syntax => TroubleKind::Syntax,
        SourceErrorKind::TooLarge => TroubleKind::TooLarge,
        SourceErrorKind::TooDeep => TroubleKind::TooDeep,
        SourceErrorKind::BadNotebook => TroubleKind::BadNotebook,
        SourceErrorKind::BadEnvironment => TroubleKind::BadEnvironment,
        SourceErrorKind::Panicked => TroubleKind::Panicked,
    };
    FileTrouble { path: error.path.to_string(), place, cell: error.cell, kind, reason: error.detail.clone() }
}
