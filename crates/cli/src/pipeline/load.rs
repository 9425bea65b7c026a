//! Files to facts, in parallel, in the order of their paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_facts::{Depth, Environment, walk};
use raddle_program::{Origin, Unit};
use raddle_report::{FileTrouble, Place, TroubleKind};
use raddle_source::{Kind, LineIndex, Project, ProjectFile, SourceError, SourceErrorKind, Suppressions, parse};
use rayon::prelude::*;

use crate::progress::{Phase, Progress};

/// What the files of a project came to.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) units: Vec<Unit>,
    pub(super) errors: Vec<FileTrouble>,
    /// Files with suppression comments, by path as shown.
    pub(super) suppressing: BTreeMap<Arc<str>, Suppressions>,
}

struct One {
    unit: Unit,
    suppressions: Option<Suppressions>,
}

pub(super) fn load(project: &Project, progress: &Progress) -> Loaded {
    progress.start(Phase::Facts, project.files.len());
    let version = project.settings.python_version;
    let ones: Vec<Result<One, SourceError>> = project
        .files
        .par_iter()
        .map(|file| {
            let one = load_one(file, version);
            progress.advance();
            one
        })
        .collect();
    let mut loaded = Loaded { errors: project.errors.iter().map(trouble).collect(), ..Loaded::default() };
    for one in ones {
        match one {
            Ok(one) => {
                if let Some(suppressions) = one.suppressions {
                    loaded.suppressing.insert(one.unit.path.clone(), suppressions);
                }
                loaded.units.push(one.unit);
            }
            Err(error) => loaded.errors.push(trouble(&error)),
        }
    }
    loaded.errors.sort();
    loaded
}

fn load_one(file: &ProjectFile, python_version: (u8, u8)) -> Result<One, SourceError> {
    let text = file.read()?;
    let tree = parse(&text, file.kind, python_version)?;
    let depth = if file.kind == Kind::Stub { Depth::Signatures } else { Depth::Everything };
    let facts = walk(&tree, depth, Environment { python_version });
    let suppressions = text
        .content
        .contains("raddle:")
        .then(|| Suppressions::read(&tree, &LineIndex::new(&text), &text.content))
        .filter(|it| !it.entries.is_empty());
    let unit = Unit {
        path: file.display.clone(),
        module: file.module.clone(),
        root: file.root.display().to_string().into(),
        is_package: file.package,
        is_stub: file.kind == Kind::Stub,
        origin: Origin::Project,
        facts: Arc::new(facts),
    };
    Ok(One { unit, suppressions })
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
