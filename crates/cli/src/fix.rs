//! `raddle fix`: applies remedies, in rounds until nothing is left to apply.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use raddle_remedies::applied;
use raddle_rulebook::{counted, say_shared};
use raddle_source::syntax;
use raddle_vocabulary::{Finding, Message, Remedy};

use crate::FOUND;
use crate::arguments::FixArguments;
use crate::output::{print, tell};
use crate::pipeline::{self, Checked};
use crate::progress::Progress;
use crate::refusal::warn;
use crate::request::CheckRequest;
use crate::rewrite::rewritten;
use crate::session::Session;

/// Remedies that touch each other are applied one after the other; one that brings itself back is not followed for ever.
const ROUNDS: usize = 8;

/// What a run has done so far.
#[derive(Default)]
struct Done {
    fixed: usize,
    files: BTreeSet<Arc<str>>,
    /// Files that are left alone from here on.
    left: BTreeSet<Arc<str>>,
    diff: String,
}

/// Applies the remedies of what is found, or shows what they would change.
pub(crate) fn fix(session: &Session, arguments: &FixArguments) -> Result<ExitCode> {
    let request = CheckRequest::to_fix(arguments)?;
    let mut done = Done::default();
    let mut unsafe_left = 0;
    for _ in 0..ROUNDS {
        let checked = pipeline::run(&request, &Progress::shown(session.lang))?;
        unsafe_left = checked.findings.iter().filter_map(|it| it.remedy.as_ref()).filter(|it| !it.safe).count();
        let fixed = round(session, arguments, &checked, &mut done)?;
        if fixed == 0 || arguments.diff {
            break;
        }
    }
    if arguments.diff {
        print(session, done.diff.as_bytes())?;
    }
    let key = if arguments.diff { "fix-would" } else { "fix-did" };
    let files = counted(session.lang, "fix-files", done.files.len());
    let said = Message::new(key).arg("problems", counted(session.lang, "fix-problems", done.fixed)).arg("files", files);
    tell(session, &format!("{}\n", say_shared(session.lang, &said)));
    if unsafe_left > 0 && !arguments.unsafe_too {
        tell(session, &format!("{}\n", counted(session.lang, "fix-unsafe-left", unsafe_left)));
    }
    Ok(if arguments.diff && done.fixed > 0 { FOUND } else { ExitCode::SUCCESS })
}

/// Applies what fits together; how many remedies that were.
fn round(session: &Session, arguments: &FixArguments, checked: &Checked, done: &mut Done) -> Result<usize> {
    let mut by_file: BTreeMap<Arc<str>, Vec<&Remedy>> = BTreeMap::new();
    let wanted = |it: &&Finding| it.remedy.as_ref().is_some_and(|remedy| remedy.safe || arguments.unsafe_too);
    for remedy in checked.findings.iter().filter(wanted).filter_map(|it| it.remedy.as_ref()) {
        let Some(path) = only_file(remedy) else { continue };
        if !done.left.contains(&path) {
            by_file.entry(path).or_default().push(remedy);
        }
    }
    let mut fixed = 0;
    for (path, remedies) in by_file {
        let Some(before) = checked.sources.texts.get(&path) else { continue };
        let (after, count) = sound(before, &remedies);
        if count == 0 {
            continue;
        }
        match rewritten(arguments.diff, &path, before, &after, &mut done.diff)? {
            None => {
                fixed += count;
                done.fixed += count;
                done.files.insert(path);
            }
            Some(why) => {
                warn(session, &say_shared(session.lang, &Message::new(why).arg("file", &*path)));
                done.left.insert(path);
            }
        }
    }
    Ok(fixed)
}

fn only_file(remedy: &Remedy) -> Option<Arc<str>> {
    let (first, rest) = remedy.edits.split_first()?;
    rest.iter().all(|it| it.site.path == first.site.path).then(|| first.site.path.clone())
}

/// A text with the remedies that fit together. If it would not parse, one of them is at fault, and each has to show that it
/// is not.
fn sound(text: &str, remedies: &[&Remedy]) -> (String, usize) {
    let parses = |text: &str| syntax::parse_module(text).is_ok();
    let (after, count) = applied(text, remedies);
    if parses(&after) || !parses(text) {
        return (after, count);
    }
    let good: Vec<&Remedy> = remedies.iter().copied().filter(|it| parses(&applied(text, &[it]).0)).collect();
    if good.len() == remedies.len() { (after, count) } else { applied(text, &good) }
}

#[cfg(test)]
mod tests {
    use raddle_vocabulary::{Edit, Site, Span};

    use super::*;

    fn remedy(edits: &[(u32, &str)]) -> Remedy {
        let site = |at| Site { path: "a.py".into(), span: Span { start: at, end: at } };
        let edits = edits.iter().map(|(at, text)| Edit { site: site(*at), text: (*text).to_owned() }).collect();
        Remedy { message: Message::new("remedy-await"), safe: true, edits }
    }

    #[test]
    fn a_bad_remedy_does_not_keep_the_others_out() {
        let (good, bad) = (remedy(&[(0, "x = ")]), remedy(&[(8, ")")]));
        assert_eq!(sound("f()\ng()\n", &[&good, &bad]), ("x = f()\ng()\n".to_owned(), 1));
    }
}
