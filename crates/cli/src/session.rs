//! Whom raddle talks to: the language, the colours and the width of the terminal.

use std::io::{IsTerminal, stdout};

use anstream::ColorChoice;
use raddle_report::WIDTH;
use raddle_rulebook::Lang;

use crate::arguments::{Arguments, Colour};

/// Lines longer than this are hard to read, however wide the terminal.
const WIDEST: usize = 120;
/// Below this nothing can be laid out.
const NARROWEST: usize = 40;

/// How to talk to the reader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    pub(crate) lang: Lang,
    pub(crate) colour: ColorChoice,
    pub(crate) width: usize,
}

impl Session {
    pub(crate) fn new(arguments: &Arguments) -> Session {
        let colour = match arguments.color {
            Colour::Auto => ColorChoice::Auto,
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        Session { lang: arguments.lang.unwrap_or_else(early_lang), colour, width: width() }
    }

    /// A session for what goes wrong before the command line is understood.
    pub(crate) fn early() -> Session {
        let colour = match early_value("--color").as_deref() {
            Some("never") => ColorChoice::Never,
            Some("always") => ColorChoice::Always,
            Some(_) | None => ColorChoice::Auto,
        };
        Session { lang: early_lang(), colour, width: width() }
    }
}

/// The language before the command line is understood: `--lang` where it can be seen, else the locale.
pub(crate) fn early_lang() -> Lang {
    if let Some(lang) = early_value("--lang").and_then(|value| value.parse().ok()) {
        return lang;
    }
    sys_locale::get_locale().map_or(Lang::En, |locale| Lang::from_locale(&locale))
}

/// The value of an option, wherever it stands on the command line.
pub(crate) fn early_value(option: &str) -> Option<String> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words = words.split(|word| word == "--").next().unwrap_or_default();
    words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix(option)? {
        "" => words.get(index + 1).cloned(),
        rest => rest.strip_prefix('=').map(str::to_owned),
    })
}

fn width() -> usize {
    if !stdout().is_terminal() {
        return WIDTH;
    }
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(NARROWEST, WIDEST))
}
