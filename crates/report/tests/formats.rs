//! Formats that other programs read, read back as they read them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use raddle_report::{FileTrouble, Outcome, Sources, github, gitlab, html, junit, sarif};
use raddle_rulebook::{Lang, Rulebook};
use raddle_vocabulary::{
    Act, Actor, Confidence, Edit, Finding, Level, Message, Proof, Remedy, RuleId, Site, Span, Step,
};
use serde_sarif::sarif::Sarif;

const PATH: &str = "名 a.py";
const TEXT: &str = "import time\nasync def f():\n    time.sleep(1)\n";

struct One;

impl Sources for One {
    fn text(&self, path: &str) -> Option<Arc<str>> {
        (path == PATH).then(|| TEXT.into())
    }
}

fn site(part: &str) -> Site {
    let start = TEXT.find(part).unwrap() as u32;
    Site { path: PATH.into(), span: Span { start, end: start + part.len() as u32 } }
}

fn finding() -> Finding {
    let title = Message::new("direct").arg("call", "time.sleep").arg("function", "f").arg("cause", "@cause-sleep");
    Finding {
        rule: RuleId("blocking-call-in-coroutine".to_owned()),
        site: site("time.sleep(1)"),
        function: "f".to_owned(),
        message: title,
        help: Some(Message::new("help-await").arg("instead", "asyncio.sleep")),
        level: Level::Error,
        confidence: Confidence::Certain,
        story: vec![Step {
            actor: Actor::EventLoop,
            act: Act::Compute,
            site: site("f()"),
            message: Message::new("step-entry-async").arg("function", "f"),
        }],
        proof: Proof::Inferred { because: vec![Message::new("because-known")] },
        remedy: Some(Remedy {
            message: Message::new("help-await").arg("instead", "asyncio.sleep"),
            safe: true,
            edits: vec![Edit { site: site("time.sleep(1)"), text: "await asyncio.sleep(1)".to_owned() }],
        }),
        identity: vec!["f".to_owned()],
    }
}

fn shown(findings: &[Finding], write: impl Fn(&Outcome<'_>, &mut Vec<u8>)) -> String {
    let (unknown, troubles): (_, Vec<FileTrouble>) = (BTreeMap::new(), Vec::new());
    let outcome = Outcome {
        findings,
        files: 1,
        troubles: &troubles,
        unknown: &unknown,
        sources: &One,
        rulebook: Rulebook::built_in(),
        lang: Lang::En,
    };
    let mut out = Vec::new();
    write(&outcome, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn sarif_is_read_back() {
    let text = shown(&[finding()], |outcome, out| sarif(outcome, out).unwrap());
    let document: Sarif = serde_json::from_str(&text).unwrap();
    let run = &document.runs[0];
    let result = &run.results.as_ref().unwrap()[0];
    assert_eq!(result.rule_id.as_deref(), Some("blocking-call-in-coroutine"));
    let place = result.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
    assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("%E5%90%8D%20a.py"));
    let region = place.region.as_ref().unwrap();
    assert_eq!((region.start_line, region.start_column, region.end_column), (Some(3), Some(5), Some(18)));
    let flow = &result.code_flows.as_ref().unwrap()[0].thread_flows[0].locations;
    assert_eq!(flow.len(), 1);
    let change = &result.fixes.as_ref().unwrap()[0].artifact_changes[0].replacements[0];
    assert_eq!(change.inserted_content.as_ref().unwrap().text.as_deref(), Some("await asyncio.sleep(1)"));
    let rule = &run.tool.driver.rules.as_ref().unwrap()[0];
    assert!(rule.help.as_ref().unwrap().markdown.as_ref().unwrap().contains("## Why"));
    // Nothing found is an empty list, not a missing one: that is how a host learns that alerts are gone.
    let nothing: Sarif = serde_json::from_str(&shown(&[], |outcome, out| sarif(outcome, out).unwrap())).unwrap();
    assert_eq!(nothing.runs[0].results.as_ref().map(Vec::len), Some(0));
}

#[test]
fn github_shows_it_beside_the_line() {
    expect![[r#"
        ::error file=名 a.py,line=3,endLine=3,col=5,endColumn=18,title=raddle (blocking-call-in-coroutine)::`time.sleep` in `f` stops the event loop while it waits for the clock%0A1. the event loop runs coroutine `f`%0Ause `asyncio.sleep` and await it
    "#]]
    .assert_eq(&shown(&[finding()], |outcome, out| github(outcome, out).unwrap()));
}

#[test]
fn gitlab_reads_a_list() {
    let text = shown(&[finding()], |outcome, out| gitlab(outcome, out).unwrap());
    let issues: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(issues[0]["check_name"], "blocking-call-in-coroutine");
    assert_eq!(issues[0]["location"]["lines"]["begin"], 3);
    assert_eq!(issues[0]["severity"], "major");
    assert_eq!(issues[0]["fingerprint"].as_str().unwrap().len(), 16);
}

#[test]
fn junit_counts_failures() {
    let text = shown(&[finding()], |outcome, out| junit(outcome, out).unwrap());
    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!((report.tests, report.failures), (1, 1));
    let clean = quick_junit::Report::deserialize_from_str(&shown(&[], |outcome, out| junit(outcome, out).unwrap()));
    assert_eq!(clean.map(|it| (it.tests, it.failures)).unwrap(), (1, 0));
}

#[test]
fn html_escapes_whatever_it_shows() {
    let evil = "<script>alert(1)</script>\"'&";
    let mut bad = finding();
    bad.message = Message::new("direct").arg("call", evil).arg("function", evil).arg("cause", "@cause-sleep");
    bad.rule = RuleId("blocking-call-in-coroutine".to_owned());
    let mut elsewhere = finding();
    elsewhere.site.path = evil.into();
    elsewhere.rule = RuleId(evil.to_owned());
    let page = shown(&[finding(), bad, elsewhere], |outcome, out| html(outcome, out).unwrap());
    // The one script is the filter.
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(page.contains("<mark>time.sleep(1)</mark>"), "{page}");
    assert!(page.contains("<code>time.sleep</code>"), "{page}");
    // It works without a network, and says so to the browser.
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("src=") && !page.contains("href="), "{page}");
}

#[test]
fn html_puts_one_cause_together() {
    let (first, mut second) = (finding(), finding());
    second.site.span.start += 1;
    let page = shown(&[first, second], |outcome, out| html(outcome, out).unwrap());
    assert!(page.contains("one cause, 2 findings"), "{page}");
    let page = shown(&[finding()], |outcome, out| html(outcome, out).unwrap());
    assert!(!page.contains("one cause"), "{page}");
}
