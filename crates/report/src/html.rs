//! One page that needs nothing else: findings by rule and cause, each with its story beside the code, and a filter.
//!
//! Every text goes through maud, which escapes it; the style and the script are the only parts that do not.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use maud::{DOCTYPE, Markup, PreEscaped, html as page};
use raddle_rulebook::{Lang, say_shared, word};
use raddle_vocabulary::{Finding, Level, Message, Proof, Site};

use crate::fingerprints;
use crate::outcome::{Outcome, confidence_word, level_word};
use crate::places::Places;
use crate::{summary, trouble};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/filter.js");
/// Nothing is loaded, whatever the texts say.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// Lines shown before and after each place.
const CONTEXT: usize = 2;

/// A finding and its name.
type Named<'a> = (&'a Finding, String);

/// Writes everything as one page of HTML.
///
/// # Errors
///
/// When `out` does not take it.
pub fn html(outcome: &Outcome<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut places = Places::new(outcome.sources);
    let lang = outcome.lang;
    let mut by_rule: BTreeMap<(u8, &str), Vec<Named<'_>>> = BTreeMap::new();
    for named in outcome.findings.iter().zip(fingerprints(outcome.findings, outcome.sources)) {
        let rule = named.0.rule.0.as_str();
        let pitfall = outcome.rulebook.card(rule).map_or(u8::MAX, |card| card.head.pitfall);
        by_rule.entry((pitfall, rule)).or_default().push(named);
    }
    let rules: Vec<&str> = by_rule.keys().map(|(_, rule)| *rule).collect();
    let sections: Vec<Markup> =
        by_rule.iter().map(|((pitfall, rule), named)| section(outcome, &mut places, *pitfall, rule, named)).collect();
    let document = page! {
        (DOCTYPE)
        html lang=(match lang { Lang::En => "en", Lang::Zh => "zh-Hans" }) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (word(lang, "html-title")) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (word(lang, "html-title")) }
                p { (summary(outcome)) }
                (filter(lang, &rules))
                @for section in &sections { (section) }
                p #none hidden { (word(lang, "html-none-left")) }
                @if !outcome.troubles.is_empty() {
                    h2 { (word(lang, "html-unread")) }
                    ul { @for it in outcome.troubles { li { (trouble(lang, it)) } } }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    out.write_all(document.into_string().as_bytes())?;
    writeln!(out)
}

fn filter(lang: Lang, rules: &[&str]) -> Markup {
    page! {
        form {
            input type="search" name="search" placeholder=(word(lang, "html-search")) aria-label=(word(lang, "html-search"));
            select name="rule" {
                option value="" { (word(lang, "html-every-rule")) }
                @for rule in rules { option value=(rule) { (rule) } }
            }
            @for level in [Level::Error, Level::Warning, Level::Note] {
                label {
                    input type="checkbox" name="level" value=(class(level)) checked;
                    " " (word(lang, level_word(level)))
                }
            }
        }
    }
}

fn class(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// The findings of a rule; those whose stories end at one place stand together, the largest group first.
fn section(outcome: &Outcome<'_>, places: &mut Places<'_>, pitfall: u8, rule: &str, named: &[Named<'_>]) -> Markup {
    let mut causes: BTreeMap<&Site, Vec<&Named<'_>>> = BTreeMap::new();
    for it in named {
        let end = it.0.story.last().map_or(&it.0.site, |step| &step.site);
        causes.entry(end).or_default().push(it);
    }
    let mut causes: Vec<(&Site, Vec<&Named<'_>>)> = causes.into_iter().collect();
    causes.sort_by_key(|(_, all)| std::cmp::Reverse(all.len()));
    let title = outcome.rulebook.card(rule).map_or(rule, |card| card.title(outcome.lang));
    let groups: Vec<Markup> = causes.iter().map(|(site, all)| group(outcome, places, site, all)).collect();
    page! {
        section id=(rule) {
            h2 {
                (title) " "
                small {
                    @if title != rule { (rule) " · " }
                    @if pitfall != u8::MAX { (word(outcome.lang, &format!("pitfall-{pitfall}"))) " · " }
                    (named.len())
                }
            }
            @for group in &groups { (group) }
        }
    }
}

fn group(outcome: &Outcome<'_>, places: &mut Places<'_>, site: &Site, all: &[&Named<'_>]) -> Markup {
    let findings: Vec<Markup> = all.iter().map(|it| finding(outcome, places, it.0, &it.1)).collect();
    if findings.len() == 1 {
        return page! { @for finding in &findings { (finding) } };
    }
    let count = Message::new("html-one-cause").arg("n", all.len().to_string());
    page! {
        div.cause {
            p { (say_shared(outcome.lang, &count)) " " span.place { (shown(places, site)) } }
            @for finding in &findings { (finding) }
        }
    }
}

fn finding(outcome: &Outcome<'_>, places: &mut Places<'_>, finding: &Finding, name: &str) -> Markup {
    let lang = outcome.lang;
    let mut steps: Vec<(String, &Site)> =
        finding.story.iter().map(|step| (outcome.say(finding, &step.message), &step.site)).collect();
    if steps.len() > 1 {
        for (at, (text, _)) in steps.iter_mut().enumerate() {
            *text = format!("{}. {text}", at + 1);
        }
    }
    if !steps.iter().any(|(_, site)| **site == finding.site) {
        steps.insert(0, (String::new(), &finding.site));
    }
    let because = match &finding.proof {
        Proof::Inferred { because } => because.iter().map(|it| outcome.say(finding, it)).collect(),
        Proof::Replayed { schedule } => {
            vec![say_shared(lang, &Message::new("proof-replayed").arg("schedule", schedule.as_str()))]
        }
        Proof::Seen { times } => vec![say_shared(lang, &Message::new("proof-seen").arg("n", times.to_string()))],
    };
    let mut notes: Vec<(&str, String)> = Vec::new();
    notes.extend(finding.help.as_ref().map(|it| (word(lang, "help"), outcome.say(finding, it))));
    notes.extend(finding.remedy.as_ref().map(|it| (word(lang, "fix"), outcome.say(finding, &it.message))));
    notes.push((word(lang, "html-confidence"), word(lang, confidence_word(finding.confidence)).to_owned()));
    notes.extend(because.into_iter().map(|it| (word(lang, "because"), it)));
    let place = shown(places, &finding.site);
    let story: Vec<Markup> = steps.iter().map(|(text, site)| step(places, text, site)).collect();
    page! {
        details.(class(finding.level)) id=(name) data-level=(class(finding.level)) data-rule=(finding.rule.0) {
            summary {
                span.level { (word(lang, level_word(finding.level))) }
                (prose(&outcome.say(finding, &finding.message))) " "
                span.place { (place) }
            }
            ol.story { @for step in &story { (step) } }
            dl { @for (name, text) in &notes { dt { (name) } dd { (prose(text)) } } }
        }
    }
}

/// What happens, and the code where it does.
fn step(places: &mut Places<'_>, text: &str, site: &Site) -> Markup {
    let place = shown(places, site);
    let file = places.file(&site.path);
    let lines = file.as_ref().map(|file| file.around(site.span, CONTEXT)).unwrap_or_default();
    page! {
        li {
            p { (prose(text)) " " span.place { (place) } }
            pre {
                @for (number, line, covered) in &lines {
                    span.number { (number) }
                    (line[..covered.start])
                    @if !covered.is_empty() { mark { (line[covered.clone()]) } }
                    (line[covered.end..]) "\n"
                }
            }
        }
    }
}

/// A sentence with its code set as code.
fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    // A lone backtick is no code.
    let pairs = parts.len() % 2 == 1;
    page! {
        @for (at, part) in parts.iter().enumerate() {
            @if !pairs && at > 0 { "`" }
            @if pairs && at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// `path:line`
fn shown(places: &mut Places<'_>, site: &Site) -> String {
    let path: &Arc<str> = &site.path;
    format!("{path}:{}", places.start(site).line)
}
