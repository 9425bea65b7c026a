//! A card as a page: for a terminal, and as Markdown.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use raddle_vocabulary::{Confidence, Level, Message};

use crate::card::{Case, Leg};
use crate::marks::without_marks;
use crate::{Card, CaseFile, Expectation, Lang, Mark, prose, say_shared, word};

const TITLE: Style = AnsiColor::BrightBlue.on_default().bold();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::BrightRed.on_default().bold();
const GOOD: Style = AnsiColor::BrightGreen.on_default().bold();

/// How many cases of a kind a terminal shows; the Markdown page has all.
const SHOWN: usize = 4;

/// The card for a terminal of some width, with ANSI styles.
#[must_use]
pub fn explain_in_terminal(card: &Card, lang: Lang, width: usize) -> String {
    let mut page = format!("{TITLE}{}{TITLE:#}", card.name);
    if lang == Lang::Zh {
        page.push_str(&format!(" · {BOLD}{}{BOLD:#}", card.name_zh));
    }
    page.push('\n');
    for fact in facts(card, lang) {
        page.push_str(&format!("{DIM}{fact}{DIM:#}\n"));
    }
    section(&mut page, word(lang, "explain-why"), &prose::set(card.why.get(lang), "  ", width));
    if let Some(words) = &card.how_to_fix {
        section(&mut page, word(lang, "explain-how-to-fix"), &prose::set(words.get(lang), "  ", width));
    }
    let bad = card.cases.iter().filter(|case| verdict(case) == Verdict::Bad);
    let good = card.cases.iter().filter(|case| verdict(case) == Verdict::Good);
    let shown: Vec<&Case> = bad.take(SHOWN).chain(good.take(SHOWN)).collect();
    if !shown.is_empty() {
        let mut cases: Vec<String> = shown.iter().map(|case| case_in_terminal(case, lang, width)).collect();
        let total = card.cases.iter().filter(|case| verdict(case) != Verdict::Limit).count();
        if total > shown.len() {
            let more = Message::new("explain-more-cases").arg("n", (total - shown.len()).to_string());
            cases.push(format!("  {}\n", prose::styled(&say_shared(lang, &more.arg("rule", &card.name)))));
        }
        section(&mut page, word(lang, "explain-cases"), &cases.join("\n"));
    }
    let limits: Vec<String> = limits(card, lang).map(|limit| prose::set(&limit, "  ", width)).collect();
    if !limits.is_empty() {
        section(&mut page, word(lang, "explain-limits"), &limits.concat());
    }
    page
}

/// The card as a page of Markdown.
#[must_use]
pub fn explain_in_markdown(card: &Card, lang: Lang) -> String {
    let mut page = format!("# {}\n", card.name);
    if lang == Lang::Zh {
        page = format!("# {} · {}\n", card.name, card.name_zh);
    }
    page.push('\n');
    for fact in facts(card, lang) {
        page.push_str(&format!("- {fact}\n"));
    }
    let mut chapter = |title: &str, body: &str| page.push_str(&format!("\n## {title}\n\n{}\n", body.trim_end()));
    chapter(word(lang, "explain-why"), card.why.get(lang));
    if let Some(words) = &card.how_to_fix {
        chapter(word(lang, "explain-how-to-fix"), words.get(lang));
    }
    let cases: Vec<String> = card.cases.iter().map(|case| case_in_markdown(case, lang)).collect();
    if !cases.is_empty() {
        chapter(word(lang, "explain-cases"), &cases.join("\n"));
    }
    let limits: Vec<String> = limits(card, lang).collect();
    if !limits.is_empty() {
        chapter(word(lang, "explain-limits"), &limits.join("\n"));
    }
    page
}

/// The card without its cases as Markdown: what fits beside the code.
#[must_use]
pub fn explain_in_brief(card: &Card, lang: Lang) -> String {
    let mut page = format!("### {}\n\n{}\n", card.title(lang), card.why.get(lang).trim_end());
    if let Some(words) = &card.how_to_fix {
        let title = word(lang, "explain-how-to-fix");
        page.push_str(&format!("\n#### {title}\n\n{}\n", words.get(lang).trim_end()));
    }
    page
}

/// What a case shows as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Bad,
    Good,
    Limit,
}

fn verdict(case: &Case) -> Verdict {
    let mut found = Verdict::Good;
    for (_, mark) in case.marks() {
        match mark.expectation {
            Expectation::Error { .. } => return Verdict::Bad,
            Expectation::Missed { .. } | Expectation::FalseAlarm { .. } => found = Verdict::Limit,
        }
    }
    found
}

/// What the rule is known to get wrong, as items of a Markdown list.
fn limits(card: &Card, lang: Lang) -> impl Iterator<Item = String> {
    card.cases.iter().flat_map(move |case| case.marks().filter_map(move |(_, mark)| limit(case, mark, lang)))
}

fn limit(case: &Case, mark: &Mark, lang: Lang) -> Option<String> {
    let (key, why) = match &mark.expectation {
        Expectation::Error { .. } => return None,
        Expectation::Missed { why } => ("explain-missed", why),
        Expectation::FalseAlarm { why } => ("explain-false-alarm", why),
    };
    let limit = Message::new(key).arg("title", case.title.get(lang)).arg("why", why);
    Some(format!("- {}", say_shared(lang, &limit)))
}

fn facts(card: &Card, lang: Lang) -> Vec<String> {
    let head = &card.head;
    let level = match head.level {
        Level::Error => "@level-error",
        Level::Warning => "@level-warning",
        Level::Note => "@level-note",
    };
    let confidence = match head.confidence {
        Confidence::Certain => "@confidence-certain",
        Confidence::Likely => "@confidence-likely",
        Confidence::Possible => "@confidence-possible",
    };
    let legs: Vec<&str> = head
        .legs
        .iter()
        .map(|leg| match leg {
            Leg::Check => word(lang, "leg-check"),
            Leg::Explore => word(lang, "leg-explore"),
            Leg::Watch => word(lang, "leg-watch"),
        })
        .collect();
    let pitfall = Message::new("explain-pitfall").arg("n", head.pitfall.to_string());
    let mut messages = vec![
        pitfall.arg("pitfall", format!("@pitfall-{}", head.pitfall)),
        Message::new("explain-level").arg("level", level),
        Message::new("explain-confidence").arg("confidence", confidence),
        Message::new("explain-legs").arg("legs", legs.join(" · ")),
        Message::new("explain-since").arg("since", &head.since),
    ];
    if head.pedantic {
        messages.push(Message::new("explain-pedantic"));
    }
    messages.iter().map(|message| say_shared(lang, message)).collect()
}

fn section(page: &mut String, title: &str, body: &str) {
    page.push_str(&format!("\n{BOLD}{title}{BOLD:#}\n\n{}\n", body.trim_end()));
}

fn case_in_terminal(case: &Case, lang: Lang, width: usize) -> String {
    let (sign, style) = match verdict(case) {
        Verdict::Bad => ("✗", BAD),
        Verdict::Good => ("✓", GOOD),
        Verdict::Limit => ("·", DIM),
    };
    let mut acc = format!("  {style}{sign}{style:#} {BOLD}{}{BOLD:#}\n", prose::styled(case.title.get(lang)));
    if !case.prose.is_empty() {
        acc.push_str(&prose::set(&case.prose, "    ", width));
    }
    for file in &case.files {
        if case.files.len() > 1 {
            acc.push_str(&format!("    {DIM}{}{DIM:#}\n", file.path));
        }
        for (index, line) in file.text.trim_end().lines().enumerate() {
            let gutter = match wanted(file, index + 1) {
                true => format!("  {BAD}✗{BAD:#}   "),
                false => "      ".to_owned(),
            };
            acc.push_str(format!("{gutter}{}", without_marks(line)).trim_end());
            acc.push('\n');
        }
    }
    acc
}

/// Whether a line of a case is one a reader should not write.
fn wanted(file: &CaseFile, line: usize) -> bool {
    file.marks.iter().any(|mark| mark.line == line && matches!(mark.expectation, Expectation::Error { .. }))
}

fn case_in_markdown(case: &Case, lang: Lang) -> String {
    let sign = match verdict(case) {
        Verdict::Bad => "✗ ",
        Verdict::Good => "✓ ",
        Verdict::Limit => "",
    };
    let mut acc = format!("### {sign}{}\n", case.title.get(lang));
    if !case.prose.is_empty() {
        write!(acc, "\n{}\n", case.prose).expect("a string takes every write");
    }
    for file in &case.files {
        let language = file.path.rsplit('.').next().unwrap_or_default();
        acc.push_str(&match case.files.len() {
            1 => format!("\n```{language}\n"),
            _ => format!("\n`{}`\n\n```{language}\n", file.path),
        });
        for (index, line) in file.text.lines().enumerate() {
            acc.push_str(without_marks(line));
            acc.push_str(if wanted(file, index + 1) { "  # ✗\n" } else { "\n" });
        }
        acc.push_str("```\n");
    }
    for report in case.reports.iter().filter(|report| report.lang == lang) {
        acc.push_str(&format!("\n```text\n{}```\n", report.text));
    }
    acc
}
