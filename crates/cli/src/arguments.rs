//! The command line. Its words stand among the shared words: `cli-check-output-format` for `check --output-format`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use raddle_rulebook::{Lang, word};
use raddle_source::Preset;
use raddle_vocabulary::Confidence;

use crate::session::{self, early_value};

/// Everything that can be said to raddle.
#[derive(Debug, Parser)]
#[command(
    name = "raddle",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[arg(long, global = true, value_name = "LANG", value_parser = lang(), help_heading = "anywhere")]
    pub(crate) lang: Option<Lang>,
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "anywhere")]
    pub(crate) color: Colour,
    #[arg(short, long, global = true, action = ArgAction::Help, help_heading = "anywhere")]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "anywhere")]
    version: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Box<CheckArguments>),
    Completions(CompletionsArguments),
    Explain(ExplainArguments),
    ExplainPlace(ExplainPlaceArguments),
    Explore(ExploreArguments),
    Fix(FixArguments),
    Graph(GraphArguments),
    Init(InitArguments),
    Lsp,
    Man(ManArguments),
    Prove(ProveArguments),
    Replay(ReplayArguments),
    Rules,
    Suppress(SuppressArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,

    #[arg(long, value_name = "GLOB", help_heading = "files")]
    pub(crate) exclude: Vec<String>,
    #[arg(long, value_name = "FILE", help_heading = "files", conflicts_with = "isolated")]
    pub(crate) config: Option<PathBuf>,
    #[arg(long, help_heading = "files")]
    pub(crate) isolated: bool,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "X.Y", help_heading = "files")]
    pub(crate) python_version: Option<PythonVersion>,

    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) select: Vec<String>,
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) ignore: Vec<String>,
    #[arg(long, value_name = "HOW", value_parser = confidence(), help_heading = "rules")]
    pub(crate) min_confidence: Option<Confidence>,
    #[arg(long, help_heading = "rules")]
    pub(crate) pedantic: bool,
    #[arg(long, value_name = "PRESET", value_parser = preset(), help_heading = "rules")]
    pub(crate) preset: Option<Preset>,

    #[arg(long, value_name = "REVISION", help_heading = "output", conflicts_with_all = ["baseline", "write_baseline"])]
    pub(crate) diff: Option<String>,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) output_format: OutputFormat,
    #[arg(long, value_name = "FILE", help_heading = "output")]
    pub(crate) output_file: Option<PathBuf>,
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "output")]
    pub(crate) also_write: Vec<AlsoWrite>,
    #[arg(long, value_name = "FILE", help_heading = "output")]
    pub(crate) baseline: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help_heading = "output", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
    #[arg(long, help_heading = "output")]
    pub(crate) statistics: bool,
    #[arg(short, long, help_heading = "output")]
    pub(crate) quiet: bool,
    #[arg(long, help_heading = "output")]
    pub(crate) exit_zero: bool,

    #[arg(long, value_name = "N", value_parser = threads, help_heading = "run")]
    pub(crate) threads: Option<NonZeroUsize>,
    #[arg(long, value_name = "FOLDER", help_heading = "run", conflicts_with = "no_cache")]
    pub(crate) cache_dir: Option<PathBuf>,
    #[arg(long, help_heading = "run")]
    pub(crate) no_cache: bool,
    #[arg(long, help_heading = "run")]
    pub(crate) timing: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[arg(value_name = "RULE")]
    pub(crate) rule: String,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainPlaceArguments {
    #[arg(value_name = "PLACE")]
    pub(crate) place: String,
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct FixArguments {
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) select: Vec<String>,
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) ignore: Vec<String>,
    #[arg(long = "unsafe", help_heading = "rules")]
    pub(crate) unsafe_too: bool,
    #[arg(long, help_heading = "output")]
    pub(crate) diff: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SuppressArguments {
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) select: Vec<String>,
    #[arg(long, value_name = "RULE", value_delimiter = ',', help_heading = "rules")]
    pub(crate) ignore: Vec<String>,
    #[arg(long, value_name = "HOW", value_parser = confidence(), help_heading = "rules")]
    pub(crate) min_confidence: Option<Confidence>,
    #[arg(long, help_heading = "rules")]
    pub(crate) pedantic: bool,
    #[arg(long, help_heading = "output")]
    pub(crate) diff: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    #[arg(value_name = "GRAPH")]
    pub(crate) graph: Graph,
    #[arg(value_name = "PATHS", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) output_format: GraphFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExploreArguments {
    #[arg(value_name = "FILE[::NAME]")]
    pub(crate) target: String,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "N", value_parser = seconds, help_heading = "run")]
    pub(crate) seconds: Option<f64>,
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "run")]
    pub(crate) schedules: Option<NonZeroUsize>,
    #[arg(long, value_name = "HOW", help_heading = "run")]
    pub(crate) strategy: Option<Strategy>,
    #[arg(long, value_name = "MODEL", help_heading = "run")]
    pub(crate) model: Option<Model>,
    #[arg(long, value_name = "N", help_heading = "run")]
    pub(crate) seed: Option<u32>,
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "run")]
    pub(crate) jobs: Option<NonZeroUsize>,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) format: ExplorationFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    #[arg(value_name = "FILE:LINE")]
    pub(crate) place: String,
    #[arg(value_name = "PATHS")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_name = "REPORT", help_heading = "files", conflicts_with = "paths")]
    pub(crate) findings: Option<PathBuf>,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "N", value_parser = seconds, help_heading = "run")]
    pub(crate) seconds: Option<f64>,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) format: ProofFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    #[arg(value_name = "TOKEN")]
    pub(crate) token: String,
    #[arg(value_name = "FILE[::NAME]")]
    pub(crate) target: String,
    #[arg(long, value_name = "PATH", help_heading = "files")]
    pub(crate) python: Option<PathBuf>,
    #[arg(long, value_name = "MODEL", help_heading = "run")]
    pub(crate) model: Option<Model>,
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "output")]
    pub(crate) format: ExplorationFormat,
}

/// A value that the Python package knows by the same name.
macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $kind { $($variant),* }

        impl $kind {
            /// As the Python package has it.
            pub(crate) fn name(self) -> &'static str {
                match self { $($kind::$variant => $name),* }
            }
        }
    };
}

named! {
    /// How schedules are chosen.
    Strategy { Auto = "auto", Random = "random", Pct = "pct", Exhaustive = "exhaustive", Bounded = "bounded", Cancel = "cancel" }
}
named! {
    /// Where threads can be switched.
    Model { Both = "both", Gil = "gil" }
}
named! {
    /// How an exploration is shown.
    ExplorationFormat { Text = "text", Json = "json", Html = "html" }
}

named! {
    /// How a proof is shown.
    ProofFormat { Text = "text", Json = "json" }
}

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Graph {
    Locks,
    Actors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    Text,
    Dot,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Concise,
    Json,
    Sarif,
    Github,
    Gitlab,
    Junit,
    Html,
}

/// A report that is written besides the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlsoWrite {
    pub(crate) format: OutputFormat,
    pub(crate) path: PathBuf,
}

impl FromStr for AlsoWrite {
    type Err = String;

    fn from_str(text: &str) -> Result<AlsoWrite, String> {
        // The error is the key of a shared word.
        let wrong = || "takes-format-and-file".to_owned();
        let (format, path) = text.split_once('=').ok_or_else(wrong)?;
        if path.is_empty() {
            return Err(wrong());
        }
        Ok(AlsoWrite { format: OutputFormat::from_str(format, false).map_err(|_| wrong())?, path: path.into() })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    Text,
    Markdown,
}

/// A Python version as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PythonVersion {
    pub(crate) major: u8,
    pub(crate) minor: u8,
}

impl FromStr for PythonVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<PythonVersion, String> {
        // The error is the key of a shared word.
        let wrong = || "takes-version".to_owned();
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |text: &str| text.parse().map_err(|_| wrong());
        Ok(PythonVersion { major: number(major)?, minor: number(minor)? })
    }
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "takes-number".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|it: &f64| it.is_finite() && *it > 0.0);
    number.ok_or_else(|| "takes-seconds".to_owned())
}

fn lang() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(["en", "zh"]).try_map(|text| text.parse::<Lang>())
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(["recommended", "strict", "free-threading"])
        .map(|text| Preset::of(&text).unwrap_or(Preset::Recommended))
}

fn confidence() -> impl TypedValueParser<Value = Confidence> {
    PossibleValuesParser::new(["certain", "likely", "possible"]).map(|text| match text.as_str() {
        "certain" => Confidence::Certain,
        "likely" => Confidence::Likely,
        _ => Confidence::Possible,
    })
}

/// Reads the command line. Help and version are errors too, as clap has it.
pub(crate) fn parse() -> Result<Arguments, clap::Error> {
    let command = command(session::early_lang());
    let command = match early_value("--color").as_deref() {
        Some("never") => command.color(clap::ColorChoice::Never),
        Some("always") => command.color(clap::ColorChoice::Always),
        Some(_) | None => command,
    };
    let mut matches = command.try_get_matches_from(std::env::args_os().collect::<Vec<OsString>>())?;
    Arguments::from_arg_matches_mut(&mut matches)
}

/// The command line with its words.
pub(crate) fn command(lang: Lang) -> clap::Command {
    worded(Arguments::command(), lang)
}

/// Gives every command and option its words.
fn worded(command: clap::Command, lang: Lang) -> clap::Command {
    let mut command = dressed(command, "cli", lang)
        .about(word(lang, "cli-about"))
        .after_help(word(lang, "cli-after"))
        .subcommand_help_heading(word(lang, "cli-commands"))
        .next_help_heading(word(lang, "cli-commands"));
    let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| {
            let key = format!("cli-{name}");
            dressed(sub, &key, lang).about(word(lang, &key))
        });
    }
    command
}

fn dressed(command: clap::Command, prefix: &str, lang: Lang) -> clap::Command {
    let colon = match lang {
        Lang::En => ": ",
        Lang::Zh => "：",
    };
    let usage = word(lang, "cli-usage");
    command
        .help_template(format!("{{about-with-newline}}\n{usage}{colon}{{usage}}\n\n{{all-args}}{{after-help}}"))
        .mut_args(|arg| {
            let key = format!("{prefix}-{}", arg.get_id().as_str().replace('_', "-"));
            let heading = match arg.get_help_heading() {
                Some(heading) => word(lang, &format!("cli-heading-{heading}")),
                None => word(lang, "cli-arguments"),
            };
            arg.help(word(lang, &key)).help_heading(heading).hide_possible_values(true).hide_default_value(true)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_part_has_words() {
        for lang in [Lang::En, Lang::Zh] {
            worded(Arguments::command(), lang).debug_assert();
        }
    }
}
