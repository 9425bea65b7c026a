//! Settings: from `raddle.toml`, or `[tool.raddle]` in `pyproject.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use globset::{GlobBuilder, GlobMatcher};
use raddle_vocabulary::Level;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::paths::shown;
use crate::project::Request;
use crate::toml_place::{Document, Place};

/// Keys of the configuration, as the error for an unknown one lists them.
const KEYS: &str = "preset, select, ignore, severity, per-file-ignores, exclude, python-version, models, gil";

/// The oldest and the newest Python that raddle judges by, as the bundled typeshed does.
const VERSIONS: [(u8, u8); 2] = [(3, 7), (3, 15)];

/// The version when nothing says one.
const DEFAULT_VERSION: (u8, u8) = (3, 14);

/// What the configuration says, and what follows from it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configuration file that was read.
    pub source: Option<PathBuf>,
    /// What kind of findings the project wants.
    pub preset: Option<Preset>,
    /// Rules with the level that their findings get.
    pub severity: Vec<(Named, Level)>,
    /// Rules to use instead of the default ones.
    pub select: Option<Vec<Named>>,
    /// Rules to leave out.
    pub ignore: Vec<Named>,
    /// Rules to leave out in some files.
    pub per_file_ignores: Vec<PerFile>,
    /// Globs of files and folders to leave out.
    pub exclude: Vec<Pattern>,
    /// Python version to judge by.
    pub python_version: (u8, u8),
    /// Who said so.
    pub python_version_from: VersionSource,
    /// The table `models`, and the place where it stands.
    pub models: toml::Table,
    /// Whether the program runs with a global interpreter lock, where the configuration says so.
    pub gil: Option<bool>,
}

/// A rule name, with the place where the configuration says it: `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The rule.
    pub name: Arc<str>,
    /// Where.
    pub place: Arc<str>,
}

/// What kind of findings a project wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Preset {
    /// What a reviewer would thank for.
    Recommended,
    /// Everything that raddle knows, with what is only possible.
    Strict,
    /// What threads break once no GIL keeps them apart.
    FreeThreading,
}

impl Preset {
    /// The preset of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Preset> {
        match name {
            "recommended" => Some(Preset::Recommended),
            "strict" => Some(Preset::Strict),
            "free-threading" => Some(Preset::FreeThreading),
            _ => None,
        }
    }
}

/// Rules to leave out in the files that a glob matches.
#[derive(Debug, Clone)]
pub struct PerFile {
    /// Which files.
    pub pattern: Pattern,
    /// Which rules.
    pub rules: Vec<Named>,
}

/// Who says the Python version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionSource {
    /// The caller.
    Request,
    /// `python-version` in the configuration.
    Configuration,
    /// `requires-python` in `pyproject.toml`: the oldest version that is allowed.
    RequiresPython,
    /// The environment.
    Environment,
    /// Nobody.
    Default,
}

/// A glob that matches a path below a folder, or a file or folder name anywhere below it.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As it was written.
    pub glob: Arc<str>,
    base: PathBuf,
    matcher: GlobMatcher,
}

impl Pattern {
    /// A glob relative to `base`.
    pub fn new(glob: &str, base: &Path) -> Result<Pattern, globset::Error> {
        let trimmed = glob.trim_start_matches("./").trim_end_matches('/');
        let matcher = GlobBuilder::new(trimmed).literal_separator(true).build()?.compile_matcher();
        Ok(Pattern { glob: Arc::from(glob), base: base.to_path_buf(), matcher })
    }

    /// Whether the glob matches this absolute path: the whole path below the base, or its last part.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(&self.base) else { return false };
        self.matcher.is_match(relative) || path.file_name().is_some_and(|name| self.matcher.is_match(name))
    }

    /// Whether the glob matches this path or a folder around it.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        path.ancestors().take_while(|folder| **folder != self.base).any(|folder| self.matches(folder))
    }
}

impl Settings {
    /// The per-file entry that leaves a rule out in a file, if one does.
    #[must_use]
    pub fn ignored(&self, file: &Path, rule: &str) -> bool {
        let named = |entry: &&PerFile| entry.rules.iter().any(|named| &*named.name == rule);
        self.per_file_ignores.iter().filter(named).any(|entry| entry.pattern.covers(file))
    }

    fn empty() -> Settings {
        Settings {
            source: None,
            preset: None,
            severity: Vec::new(),
            select: None,
            ignore: Vec::new(),
            per_file_ignores: Vec::new(),
            exclude: Vec::new(),
            python_version: DEFAULT_VERSION,
            python_version_from: VersionSource::Default,
            models: toml::Table::new(),
            gil: None,
        }
    }
}

/// Reads the configuration that holds for the first path of the request.
pub(crate) fn settings(request: &Request, first: &Path, root: &Path) -> anyhow::Result<Settings> {
    let mut settings = match &request.config {
        Some(config) => {
            let path = crate::paths::absolute(config, &request.working_directory);
            match configured(&path)? {
                Some(settings) => settings,
                None => bail!("{}: no table `[tool.raddle]`; add it, or name a raddle.toml", shown(&path)),
            }
        }
        None if request.isolated => Settings::empty(),
        None => nearest(first)?.unwrap_or_else(Settings::empty),
    };
    if let Some(version) = request.python_version {
        if !(VERSIONS[0]..=VERSIONS[1]).contains(&version) {
            bail!("Python {}.{} is not supported; name one from 3.7 to 3.15", version.0, version.1);
        }
        settings.python_version = version;
        settings.python_version_from = VersionSource::Request;
    }
    if settings.python_version_from == VersionSource::Default
        && !request.isolated
        && let Some(version) = required(&root.join("pyproject.toml"))
    {
        settings.python_version = version;
        settings.python_version_from = VersionSource::RequiresPython;
    }
    for glob in &request.exclude {
        let pattern = Pattern::new(glob, &request.working_directory);
        settings.exclude.push(pattern.with_context(|| format!("`{glob}` is not a glob; mend the `--exclude`"))?);
    }
    Ok(settings)
}

impl Settings {
    /// Takes the environment's version where nobody has said one.
    pub(crate) fn settle_version(&mut self, environment: Option<(u8, u8)>) {
        if self.python_version_from == VersionSource::Default
            && let Some(version) = environment
        {
            self.python_version = version.clamp(VERSIONS[0], VERSIONS[1]);
            self.python_version_from = VersionSource::Environment;
        }
    }
}

fn nearest(first: &Path) -> anyhow::Result<Option<Settings>> {
    for folder in first.ancestors() {
        for name in ["raddle.toml", "pyproject.toml"] {
            let path = folder.join(name);
            if path.is_file()
                && let Some(settings) = configured(&path)?
            {
                return Ok(Some(settings));
            }
        }
    }
    Ok(None)
}

/// Reads one configuration file; `None` for a `pyproject.toml` without a table for raddle.
fn configured(path: &Path) -> anyhow::Result<Option<Settings>> {
    let name = shown(path);
    let content = std::fs::read_to_string(path)
        .with_context(|| format!("{name}: cannot read the configuration; name a file that is there and can be read"))?;
    let document = Document::new(&name, &content);
    let table = document.parse()?;
    let project = path.file_name().is_some_and(|name| name == "pyproject.toml");
    let table = if project {
        let tool = table.get_ref().get("tool").and_then(|tool| tool.get_ref().get("raddle"));
        match tool.map(|raddle| (raddle, raddle.get_ref().as_table())) {
            None => return Ok(None),
            Some((raddle, None)) => bail!("{}: `tool.raddle` is a table of settings", document.place(raddle.span())),
            Some((_, Some(table))) => table,
        }
    } else {
        table.get_ref()
    };
    let base = path.parent().unwrap_or(path);
    read(&document, table, base, path).map(Some)
}

fn read(document: &Document<'_>, table: &DeTable<'_>, base: &Path, path: &Path) -> anyhow::Result<Settings> {
    let mut settings = Settings { source: Some(path.to_path_buf()), ..Settings::empty() };
    for (key, value) in table {
        match &**key.get_ref() {
            "preset" => match value.get_ref().as_str().and_then(Preset::of) {
                Some(preset) => settings.preset = Some(preset),
                None => bail!(
                    "{}: `preset` is \"recommended\", \"strict\" or \"free-threading\"",
                    document.place(value.span())
                ),
            },
            "severity" => settings.severity = severity(document, key, value)?,
            "select" => settings.select = Some(document.names(key, value)?),
            "ignore" => settings.ignore = document.names(key, value)?,
            "exclude" => {
                for glob in document.names(key, value)? {
                    settings.exclude.push(pattern(&glob.name, &glob.place, base)?);
                }
            }
            "per-file-ignores" => {
                for (glob, rules) in document.table(key, value)? {
                    let place = document.place(glob.span());
                    let pattern = pattern(glob.get_ref(), &place, base)?;
                    settings.per_file_ignores.push(PerFile { pattern, rules: document.names(glob, rules)? });
                }
            }
            "python-version" => {
                settings.python_version = version(document, value)?;
                settings.python_version_from = VersionSource::Configuration;
            }
            "models" => settings.models = document.plain(key, value)?,
            "gil" => match value.get_ref().as_bool() {
                Some(gil) => settings.gil = Some(gil),
                None => bail!("{}: `gil` is true or false", document.place(value.span())),
            },
            unknown => {
                bail!("{}: `{unknown}` is not a setting; the settings are {KEYS}", document.place(key.span()))
            }
        }
    }
    Ok(settings)
}

fn severity(
    document: &Document<'_>,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> anyhow::Result<Vec<(Named, Level)>> {
    let mut acc = Vec::new();
    for (rule, level) in document.table(key, value)? {
        let level = match level.get_ref().as_str() {
            Some("error") => Level::Error,
            Some("warning") => Level::Warning,
            Some("note") => Level::Note,
            _ => bail!("{}: a severity is \"error\", \"warning\" or \"note\"", document.place(level.span())),
        };
        let place = document.place(rule.span());
        acc.push((Named { name: Arc::from(&**rule.get_ref()), place }, level));
    }
    Ok(acc)
}

fn pattern(glob: &str, place: &Place, base: &Path) -> anyhow::Result<Pattern> {
    Pattern::new(glob, base).with_context(|| format!("{place}: `{glob}` is not a glob; mend it"))
}

fn version(document: &Document<'_>, value: &Spanned<DeValue<'_>>) -> anyhow::Result<(u8, u8)> {
    let text = value.get_ref().as_str().unwrap_or_default();
    let parts = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parts.filter(|version| (VERSIONS[0]..=VERSIONS[1]).contains(version)) {
        Some(version) => Ok(version),
        None => bail!("{}: `python-version` is text from \"3.7\" to \"3.15\"", document.place(value.span())),
    }
}

/// The oldest version that `requires-python` allows. A `pyproject.toml` that is not TOML, or says nothing of the
/// kind, says no version.
fn required(path: &Path) -> Option<(u8, u8)> {
    let content = std::fs::read_to_string(path).ok()?;
    let table: toml::Table = content.parse().ok()?;
    let specifiers = table.get("project")?.get("requires-python")?.as_str()?;
    specifiers.split(',').filter_map(lower_bound).max().map(|version| version.clamp(VERSIONS[0], VERSIONS[1]))
}

/// The version of a specifier that sets a lower bound. `>3.9` allows 3.9.1, so it is no different from `>=3.9`.
fn lower_bound(specifier: &str) -> Option<(u8, u8)> {
    let specifier = specifier.trim();
    let version = ["~=", ">=", "===", "==", ">"].iter().find_map(|operator| specifier.strip_prefix(operator))?;
    let mut parts = version.trim().split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next().map_or(Some(0), |minor| minor.parse().ok())?;
    Some((major, minor))
}
