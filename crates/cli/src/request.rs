//! What a check is asked to do, with every name on the command line resolved.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use raddle_rulebook::Rulebook;
use raddle_source::Preset;
use raddle_vocabulary::{Confidence, Message, RuleId};

use crate::arguments::{CheckArguments, FixArguments, PythonVersion, SuppressArguments};
use crate::refusal::Refusal;

/// What to check, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckRequest {
    /// Where relative paths start; the working directory unless given.
    pub(crate) folder: Option<PathBuf>,
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// Globs to leave out, besides those of the settings.
    pub(crate) exclude: Vec<String>,
    /// The settings file; the nearest one unless given.
    pub(crate) config: Option<PathBuf>,
    /// Whether to read no settings file.
    pub(crate) isolated: bool,
    /// The interpreter or environment whose packages the code imports.
    pub(crate) python: Option<PathBuf>,
    /// The Python version the code runs on.
    pub(crate) python_version: Option<PythonVersion>,
    /// Only these rules, unless empty. Wins over the settings.
    pub(crate) select: Vec<RuleId>,
    /// Not these rules. Adds to the settings.
    pub(crate) ignore: Vec<RuleId>,
    /// Findings below are left out; the preset decides unless given.
    pub(crate) min_confidence: Option<Confidence>,
    /// Whether rules that are off by default are on, and notes are shown.
    pub(crate) pedantic: bool,
    /// What kind of findings to show. Wins over the settings.
    pub(crate) preset: Option<Preset>,
    /// Only findings that touch what has changed since this revision.
    pub(crate) diff: Option<String>,
    /// Where facts are kept between runs.
    pub(crate) cache: Cache,
    /// How many threads to work with.
    pub(crate) threads: Option<NonZeroUsize>,
}

/// Where facts are kept between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cache {
    /// In `.raddle_cache` at the root of the project.
    InProject,
    /// In a folder of the caller's choice.
    At(PathBuf),
    /// Nowhere.
    Off,
}

impl CheckRequest {
    pub(crate) fn new(arguments: &CheckArguments) -> Result<CheckRequest> {
        let cache = match &arguments.cache_dir {
            _ if arguments.no_cache => Cache::Off,
            Some(folder) => Cache::At(folder.clone()),
            None => Cache::InProject,
        };
        Ok(CheckRequest {
            folder: None,
            paths: arguments.paths.clone(),
            exclude: arguments.exclude.clone(),
            config: arguments.config.clone(),
            isolated: arguments.isolated,
            python: arguments.python.clone(),
            python_version: arguments.python_version,
            select: rules(&arguments.select)?,
            ignore: rules(&arguments.ignore)?,
            min_confidence: arguments.min_confidence,
            pedantic: arguments.pedantic,
            preset: arguments.preset,
            diff: arguments.diff.clone(),
            cache,
            threads: arguments.threads,
        })
    }

    /// A request to look at a program and judge nothing.
    pub(crate) fn to_look(paths: &[PathBuf], python: Option<PathBuf>) -> CheckRequest {
        CheckRequest {
            folder: None,
            paths: paths.to_vec(),
            exclude: Vec::new(),
            config: None,
            isolated: false,
            python,
            python_version: None,
            select: Vec::new(),
            ignore: Vec::new(),
            min_confidence: None,
            pedantic: false,
            preset: None,
            diff: None,
            cache: Cache::Off,
            threads: None,
        }
    }

    /// A request for what can be fixed: nothing is kept, since the files are about to change.
    pub(crate) fn to_fix(arguments: &FixArguments) -> Result<CheckRequest> {
        Ok(CheckRequest {
            select: rules(&arguments.select)?,
            ignore: rules(&arguments.ignore)?,
            ..CheckRequest::to_look(&arguments.paths, arguments.python.clone())
        })
    }

    /// A request for what is to be silenced: what `check` shows with the same options.
    pub(crate) fn to_suppress(arguments: &SuppressArguments) -> Result<CheckRequest> {
        Ok(CheckRequest {
            select: rules(&arguments.select)?,
            ignore: rules(&arguments.ignore)?,
            min_confidence: arguments.min_confidence,
            pedantic: arguments.pedantic,
            ..CheckRequest::to_look(&arguments.paths, arguments.python.clone())
        })
    }
}

fn rules(names: &[String]) -> Result<Vec<RuleId>> {
    names.iter().map(|name| rule(name.trim())).collect()
}

/// The rule of a name.
pub(crate) fn rule(name: &str) -> Result<RuleId> {
    match Rulebook::built_in().card(name) {
        Some(card) => Ok(RuleId(card.name.clone())),
        None => Err(unknown(name).into()),
    }
}

fn unknown(name: &str) -> Refusal {
    let rules = Rulebook::built_in();
    let likeness = |card: &str| strsim::jaro_winkler(card, name);
    let nearest = rules
        .cards()
        .map(|card| card.name.as_str())
        .filter(|card| likeness(card) > 0.7)
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let help = match nearest {
        Some(nearest) => Message::new("unknown-rule-nearest").arg("nearest", nearest),
        None => Message::new("unknown-rule-list"),
    };
    Refusal::new(Message::new("unknown-rule").arg("rule", name)).help(help)
}
