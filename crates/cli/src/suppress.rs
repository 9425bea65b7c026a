//! `raddle suppress`: a comment beside each finding, so that a project can start clean and see where it looks away.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use raddle_rulebook::{counted, say_shared};
use raddle_source::{Kind, LineIndex, Text, parse, silence};
use raddle_vocabulary::{Edit, Finding, Message, Site};

use crate::FOUND;
use crate::arguments::SuppressArguments;
use crate::output::{print, tell};
use crate::pipeline;
use crate::progress::Progress;
use crate::refusal::warn;
use crate::request::CheckRequest;
use crate::rewrite::rewritten;
use crate::session::Session;

/// Any grammar that is new enough: only comments and line ends are asked for.
const GRAMMAR: (u8, u8) = (3, 14);

/// Adds a comment to the line of each finding, or shows what would be added.
pub(crate) fn suppress(session: &Session, arguments: &SuppressArguments) -> Result<ExitCode> {
    let request = CheckRequest::to_suppress(arguments)?;
    let checked = pipeline::run(&request, &Progress::shown(session.lang))?;
    let mut by_file: BTreeMap<&Arc<str>, Vec<&Finding>> = BTreeMap::new();
    for finding in &checked.findings {
        by_file.entry(&finding.site.path).or_default().push(finding);
    }
    let (mut silenced, mut files, mut diff) = (0, 0, String::new());
    for (path, findings) in by_file {
        let Some(before) = checked.sources.texts.get(path) else { continue };
        let mut after = before.to_string();
        for edit in edits(path, before, &findings).iter().rev() {
            after.replace_range(edit.site.span.start as usize..edit.site.span.end as usize, &edit.text);
        }
        match rewritten(arguments.diff, path, before, &after, &mut diff)? {
            None => {
                silenced += findings.len();
                files += 1;
            }
            Some(why) => warn(session, &say_shared(session.lang, &Message::new(why).arg("file", &**path))),
        }
    }
    if arguments.diff {
        print(session, diff.as_bytes())?;
    }
    let key = if arguments.diff { "suppress-would" } else { "suppress-did" };
    let problems = counted(session.lang, "fix-problems", silenced);
    let said = Message::new(key).arg("problems", problems).arg("files", counted(session.lang, "fix-files", files));
    tell(session, &format!("{}\n", say_shared(session.lang, &said)));
    Ok(if arguments.diff && silenced > 0 { FOUND } else { ExitCode::SUCCESS })
}

/// The edits that silence findings of one file, in the order of the file; none where it does not parse.
pub(crate) fn edits(path: &Arc<str>, content: &Arc<str>, findings: &[&Finding]) -> Vec<Edit> {
    let text = Text::of_content(content, path);
    let Ok(tree) = parse(&text, Kind::Python, GRAMMAR) else { return Vec::new() };
    let index = LineIndex::new(&text);
    let mut wanted: BTreeMap<u32, BTreeSet<Arc<str>>> = BTreeMap::new();
    for finding in findings {
        let line = index.line(finding.site.span.start);
        wanted.entry(line).or_default().insert(Arc::from(finding.rule.0.as_str()));
    }
    let edit = |(span, text)| Edit { site: Site { path: Arc::clone(path), span }, text };
    silence(&tree, &text, &wanted).into_iter().map(edit).collect()
}
