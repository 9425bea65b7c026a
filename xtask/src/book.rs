//! The book: a page for each pitfall, each rule and each document, in both languages, built by mdBook from what is there already.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{child, places, raddle};

/// The builder: the version that is installed where none is.
const MDBOOK: &str = "0.5.4";

/// A language of the book: its name, the tag of its pages, the page it opens with, and what its parts are called.
struct Edition {
    lang: &'static str,
    tag: &'static str,
    opening: &'static str,
    parts: [&'static str; 3],
}

const EDITIONS: [Edition; 2] = [
    Edition { lang: "en", tag: "en", opening: "README.md", parts: ["raddle", "Rules", "How it works"] },
    Edition { lang: "zh", tag: "zh-Hans", opening: "README.zh.md", parts: ["raddle", "规则", "工作原理"] },
];

/// Documents that are pages as they are.
const DOCUMENTS: &[(&str, &str)] = &[
    ("docs/editors.md", "editors.md"),
    ("docs/ARCHITECTURE.md", "architecture.md"),
    ("docs/beliefs/README.md", "beliefs.md"),
    ("docs/figures/bench.md", "figures.md"),
];

/// Builds the book of each language below `target/book`.
///
/// # Errors
///
/// When a page cannot be made, or mdBook does not take it.
pub(crate) fn build() -> Result<()> {
    let is_there = child::command("mdbook", &["--version"]).output().is_ok_and(|output| output.status.success());
    if !is_there {
        child::run(&mut child::cargo(&["install", "--locked", "mdbook", "--version", MDBOOK]))?;
    }
    let raddle = raddle::build()?;
    for edition in &EDITIONS {
        let folder = places::target().join("book").join(edition.lang);
        write(edition, &raddle, &folder)?;
        child::run(child::command("mdbook", &["build"]).arg(&folder))?;
        println!("{}", folder.join("book").join("index.html").display());
    }
    Ok(())
}

/// The source of one edition.
fn write(edition: &Edition, raddle: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not empty {}", folder.display()))?;
    }
    let source = folder.join("src");
    let put = |name: &str, text: &str| -> Result<()> {
        let path = source.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&source))?;
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
    };
    let [about, rules, inside] = edition.parts;
    let mut summary =
        format!("# {about}\n\n[raddle](introduction.md)\n\n- [{}](editors.md)\n", title_of("docs/editors.md")?);
    let _infallible = writeln!(summary, "\n# {rules}\n");
    for (pitfall, names) in by_pitfall()? {
        let mut page = String::new();
        for name in &names {
            let arguments = ["explain", name, "--output-format", "markdown", "--lang", edition.lang];
            let card = child::output(&mut child::command(&raddle.display().to_string(), &arguments))?;
            let title = card.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
            put(&format!("rules/{name}.md"), &card)?;
            let _infallible = writeln!(page, "- [{title}](../rules/{name}.md)");
        }
        let title = pitfall_title(raddle, names.first().context("a pitfall has a rule")?, edition)?;
        put(&format!("pitfalls/{pitfall}.md"), &format!("# {title}\n\n{page}"))?;
        let _infallible = writeln!(summary, "- [{title}](pitfalls/{pitfall}.md)");
        for line in page.lines() {
            let _infallible = writeln!(summary, "  {}", line.replace("../", ""));
        }
    }
    let _infallible = writeln!(summary, "\n# {inside}\n");
    for (document, page) in DOCUMENTS {
        put(page, &without_dead_links(&read(document)?))?;
        if *page != "editors.md" {
            let _infallible = writeln!(summary, "- [{}]({page})", title_of(document)?);
        }
    }
    put("introduction.md", &without_dead_links(&read(edition.opening)?))?;
    put("SUMMARY.md", &summary)?;
    let settings = format!("[book]\ntitle = \"raddle\"\nlanguage = \"{}\"\nsrc = \"src\"\n", edition.tag);
    fs::write(folder.join("book.toml"), settings).context("could not write book.toml")
}

fn read(document: &str) -> Result<String> {
    fs::read_to_string(places::root().join(document)).with_context(|| format!("could not read {document}"))
}

/// The first heading of a document.
fn title_of(document: &str) -> Result<String> {
    let text = read(document)?;
    let title = text.lines().find_map(|line| line.strip_prefix("# ")).context("a document has a heading")?;
    Ok(title.to_owned())
}

/// The rules of each pitfall, by name.
fn by_pitfall() -> Result<BTreeMap<u8, Vec<String>>> {
    let folder = places::root().join("crates/rulebook/cards");
    let mut found: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    let mut cards: Vec<PathBuf> = fs::read_dir(&folder)?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    cards.sort();
    for card in cards.iter().filter(|it| it.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(card).with_context(|| format!("could not read {}", card.display()))?;
        let pitfall = text.lines().find_map(|line| line.strip_prefix("pitfall = ")?.parse().ok());
        let name = card.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        found.entry(pitfall.with_context(|| format!("{name} names no pitfall"))?).or_default().push(name);
    }
    if found.is_empty() {
        bail!("there are no cards in {}", folder.display());
    }
    Ok(found)
}

/// What a pitfall is called, as the page of one of its rules says it: `- pitfall 6: lost coroutines and tasks`.
fn pitfall_title(raddle: &Path, rule: &str, edition: &Edition) -> Result<String> {
    let arguments = ["explain", rule, "--output-format", "markdown", "--lang", edition.lang];
    let card = child::output(&mut child::command(&raddle.display().to_string(), &arguments))?;
    let fact = card.lines().find_map(|line| line.strip_prefix("- ")).context("a page says its pitfall")?;
    let (_, title) = fact.split_once([':', '：']).context("a pitfall has a title")?;
    Ok(title.trim().to_owned())
}

/// Links to files that are pages lead there; the others keep their words.
fn without_dead_links(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let Some(end) = rest[middle..].find(')') else { break };
        let target = &rest[middle + 2..middle + end];
        let start = rest[..middle].rfind('[');
        let known = DOCUMENTS.iter().find(|(document, _)| document.ends_with(target.trim_start_matches("../")));
        match (start, known) {
            _ if target.starts_with("http") || target.starts_with('#') => page.push_str(&rest[..=middle + end]),
            (_, Some((_, known))) if !target.is_empty() => {
                let _infallible = write!(page, "{}]({known})", &rest[..middle]);
            }
            (Some(start), _) => {
                page.push_str(&rest[..start]);
                page.push_str(&rest[start + 1..middle]);
            }
            (None, _) => page.push_str(&rest[..=middle + end]),
        }
        rest = &rest[middle + end + 1..];
    }
    page + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_or_nowhere() {
        let text = "see [how](docs/ARCHITECTURE.md), [the schema](crates/a.json) and [rustup](https://rustup.rs).";
        let page = "see [how](architecture.md), the schema and [rustup](https://rustup.rs).";
        assert_eq!(without_dead_links(text), page);
    }

    #[test]
    fn every_rule_has_a_pitfall() {
        let all = by_pitfall().unwrap();
        assert!(all.values().map(Vec::len).sum::<usize>() > 40);
        assert!(all.keys().all(|it| (1..=8).contains(it)));
    }
}
