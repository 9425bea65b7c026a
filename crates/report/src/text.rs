//! Findings for a person: the code, the story beside it, what to do, and how raddle knows.

use std::io::{self, Write};

use annotate_snippets::{Group, Level as Tone, Renderer, normalize_untrusted_str};
use raddle_rulebook::{columns, counted, say_shared, word, wrap};
use raddle_vocabulary::{Confidence, Finding, Level, Message, Proof};

use crate::Outcome;
use crate::frame::{Frame, ShownStep, frames, suggestions};
use crate::outcome::{confidence_word, level_word};
use crate::places::Places;
use crate::summary::join;

/// Width for what is not printed to a terminal: fits a code review, a log and a card.
pub const WIDTH: usize = 100;
/// A story up to this long is told in full.
const WHOLE_STORY: usize = 8;
/// How a longer story starts, and how it ends.
const FIRST_STEPS: usize = 4;
const LAST_STEPS: usize = 3;

/// A text from outside, such as a path, that cannot drive the terminal it is printed to.
#[must_use]
pub fn printable(text: &str) -> String {
    normalize_untrusted_str(text)
}

/// Writes each finding with its code, for a terminal of some width, with ANSI styles.
///
/// # Errors
///
/// When `out` does not take it.
pub fn text(outcome: &Outcome<'_>, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let renderer = Renderer::styled().term_width(width);
    let mut places = Places::new(outcome.sources);
    for (index, finding) in outcome.findings.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let page = Page { outcome, finding, width };
        writeln!(out, "{}", page.render(&renderer, &mut places))?;
    }
    Ok(())
}

/// One finding on its way to the terminal.
struct Page<'a> {
    outcome: &'a Outcome<'a>,
    finding: &'a Finding,
    width: usize,
}

impl Page<'_> {
    fn render(&self, renderer: &Renderer, places: &mut Places<'_>) -> String {
        let Page { outcome, finding, .. } = self;
        let (steps, left_out) = self.steps();
        let frames = frames(places, finding, steps);
        let gutter = frames.iter().map(Frame::digits).max().unwrap_or_default();
        let tone = match finding.level {
            Level::Error => Tone::ERROR,
            Level::Warning => Tone::WARNING,
            Level::Note => Tone::NOTE,
        };
        let title = tone
            .with_name(word(outcome.lang, level_word(finding.level)))
            .primary_title(outcome.say(finding, &finding.message))
            .id(finding.rule.0.as_str());
        let mut group = Group::with_title(title).elements(frames.iter().map(Frame::element));
        let help = finding.help.as_ref().map(|message| outcome.say(finding, message));
        let fix = finding.remedy.as_ref().map(|remedy| outcome.say(finding, &remedy.message));
        let notes = [
            left_out.map(|text| (Tone::NOTE, "story", text)),
            help.filter(|help| fix.as_ref() != Some(help)).map(|text| (Tone::HELP, "help", text)),
            Some((Tone::NOTE, "because", self.because())),
        ];
        for (tone, key, text) in notes.into_iter().flatten() {
            let name = word(outcome.lang, key);
            group = group.element(tone.with_name(name).message(self.wrapped(&text, gutter, name)));
        }
        let edits = finding.remedy.as_ref().map_or(&[][..], |remedy| &remedy.edits);
        let suggestions = suggestions(places, edits);
        let mut groups = vec![group];
        if let (Some(remedy), Some(fix)) = (&finding.remedy, fix) {
            let name = word(outcome.lang, if remedy.safe { "fix" } else { "fix-unsafe" });
            let title = Tone::HELP.with_name(name).secondary_title(printable(&fix));
            let elements = suggestions.iter().map(crate::frame::Suggestion::element);
            groups.push(Group::with_title(title).elements(elements));
        }
        renderer.render(&groups)
    }

    /// The steps that are shown, numbered when there are several, and a note on those that are not.
    fn steps(&self) -> (Vec<ShownStep<'_>>, Option<String>) {
        let story = &self.finding.story;
        let total = story.len();
        let is_shown = |index: usize| total <= WHOLE_STORY || index < FIRST_STEPS || index >= total - LAST_STEPS;
        let steps = story
            .iter()
            .enumerate()
            .filter(|(index, _)| is_shown(*index))
            .map(|(index, step)| {
                let text = self.outcome.say(self.finding, &step.message);
                ShownStep { site: &step.site, text: if total > 1 { format!("{}. {text}", index + 1) } else { text } }
            })
            .collect();
        let left_out = (total > WHOLE_STORY).then(|| {
            let message = Message::new("steps-between")
                .arg("n", (total - FIRST_STEPS - LAST_STEPS).to_string())
                .arg("first", FIRST_STEPS.to_string())
                .arg("last", (total - LAST_STEPS + 1).to_string());
            say_shared(self.outcome.lang, &message)
        });
        (steps, left_out)
    }

    /// How sure raddle is, and why.
    fn because(&self) -> String {
        let Page { outcome, finding, .. } = self;
        let lang = outcome.lang;
        let reasons = match &finding.proof {
            Proof::Inferred { because } => because
                .iter()
                .map(|message| outcome.say(finding, message))
                .reduce(|acc, next| join(lang, "and-also", acc, &next))
                .unwrap_or_else(|| word(lang, reason_word(finding.confidence)).to_owned()),
            Proof::Replayed { schedule } => say_shared(lang, &Message::new("proof-replayed").arg("schedule", schedule)),
            Proof::Seen { times } => counted(lang, "proof-seen", usize::try_from(*times).unwrap_or(usize::MAX)),
        };
        let confidence = word(lang, confidence_word(finding.confidence));
        let whole = Message::new("confidence-and-reasons").arg("confidence", confidence).arg("reasons", reasons);
        say_shared(lang, &whole)
    }

    /// A note that fits beside the gutter and its own name.
    fn wrapped(&self, text: &str, gutter: usize, name: &str) -> String {
        let margin = gutter + " = ".len() + columns(name) + ": ".len();
        wrap(&printable(text), self.width.saturating_sub(margin).max(20)).join("\n")
    }
}

/// What a confidence means when a verdict gives no reasons.
fn reason_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "reason-certain",
        Confidence::Likely => "reason-likely",
        Confidence::Possible => "reason-possible",
    }
}
