//! From the text of a card to the card.

use crate::card::{Card, Case, CaseFile, Head, Report, Words};
use crate::markdown::{Block, BlockKind, Fault, blocks};
use crate::marks::marks;
use crate::{Lang, Messages};

const SECTIONS: &str = "`Messages`, `Why`, `为什么`, `How to fix`, `怎么改` or `Cases`";

/// A part of a card under a `##` heading.
struct Section<'a, 'b> {
    line: usize,
    title: &'a str,
    blocks: &'b [Block<'a>],
}

pub(crate) fn card(text: &str) -> Result<Card, Fault> {
    let blocks = blocks(text)?;
    let (preamble, sections) = sections(&blocks);
    let (name, name_zh) = names(preamble)?;
    let head = head(preamble)?;
    if let Some(extra) = sections.iter().find(|section| !is_known(section.title)) {
        return Err(Fault::new(extra.line, format!("a section is {SECTIONS}, not `{}`", extra.title)));
    }
    if let Some((_, twice)) = sections
        .iter()
        .enumerate()
        .find(|(index, it)| sections[..*index].iter().any(|earlier| earlier.title == it.title))
    {
        return Err(Fault::new(twice.line, format!("`## {}` stands here a second time", twice.title)));
    }
    let section = |title: &str| sections.iter().find(|section| section.title == title);
    let prose = |title: &str| section(title).map(|section| prose(text, section.blocks));
    let required = |title: &str| prose(title).ok_or_else(|| Fault::new(1, format!("`## {title}` is missing")));
    let how_to_fix = match (prose("How to fix"), prose("怎么改")) {
        (Some(en), Some(zh)) => Some(Words { en, zh }),
        (None, None) => None,
        (Some(_), None) => return Err(Fault::new(1, "`## 怎么改` is missing")),
        (None, Some(_)) => return Err(Fault::new(1, "`## How to fix` is missing")),
    };
    let messages = section("Messages").ok_or_else(|| Fault::new(1, "`## Messages` is missing"))?;
    Ok(Card {
        name,
        name_zh,
        head,
        messages: messages_of(messages.blocks)?,
        why: Words { en: required("Why")?, zh: required("为什么")? },
        how_to_fix,
        cases: section("Cases").map_or(Ok(Vec::new()), |section| cases(text, section.blocks))?,
    })
}

/// Reads a page that holds nothing but headings, prose and message tables.
pub(crate) fn shared(text: &str) -> Result<Messages, Fault> {
    messages_of(&blocks(text)?)
}

fn is_known(title: &str) -> bool {
    matches!(title, "Messages" | "Why" | "为什么" | "How to fix" | "怎么改" | "Cases")
}

fn sections<'a, 'b>(blocks: &'b [Block<'a>]) -> (&'b [Block<'a>], Vec<Section<'a, 'b>>) {
    let starts: Vec<(usize, &'a str)> = blocks
        .iter()
        .enumerate()
        .filter_map(|(index, block)| match block.kind {
            BlockKind::Heading { depth: 2, title } => Some((index, title)),
            BlockKind::Heading { .. } | BlockKind::Fence { .. } | BlockKind::Line(_) => None,
        })
        .collect();
    let preamble = &blocks[..starts.first().map_or(blocks.len(), |(index, _)| *index)];
    let ends = starts.iter().skip(1).map(|(index, _)| *index).chain([blocks.len()]);
    let sections = starts
        .iter()
        .zip(ends)
        .map(|((start, title), end)| Section { line: blocks[*start].line, title, blocks: &blocks[start + 1..end] })
        .collect();
    (preamble, sections)
}

fn names(preamble: &[Block<'_>]) -> Result<(String, String), Fault> {
    let Some((line, title)) = preamble.iter().find_map(|block| match block.kind {
        BlockKind::Heading { depth: 1, title } => Some((block.line, title)),
        BlockKind::Heading { .. } | BlockKind::Fence { .. } | BlockKind::Line(_) => None,
    }) else {
        return Err(Fault::new(1, "a card starts with `# rule-name · 中文名`"));
    };
    match title.split_once(" · ") {
        Some((name, zh)) => Ok((name.trim().to_owned(), zh.trim().to_owned())),
        None => Err(Fault::new(line, "the title is `# rule-name · 中文名`")),
    }
}

fn head(preamble: &[Block<'_>]) -> Result<Head, Fault> {
    let mut found = None;
    for block in preamble {
        match &block.kind {
            BlockKind::Fence { info: "toml", body, .. } if found.is_none() => {
                let head: Head = toml::from_str(body).map_err(|fault| Fault::new(block.line, fault.message()))?;
                if !(1..=8).contains(&head.pitfall) {
                    return Err(Fault::new(block.line, "`pitfall` is a number from 1 to 8"));
                }
                found = Some(head);
            }
            BlockKind::Heading { depth: 1, .. } | BlockKind::Line("") => {}
            BlockKind::Heading { .. } | BlockKind::Fence { .. } | BlockKind::Line(_) => {
                return Err(Fault::new(block.line, "only the title and one TOML head stand before the first `##`"));
            }
        }
    }
    found.ok_or_else(|| Fault::new(1, "the TOML head is missing"))
}

fn messages_of(blocks: &[Block<'_>]) -> Result<Messages, Fault> {
    let mut acc = Messages::default();
    for block in blocks {
        if let BlockKind::Line(text) = block.kind
            && text.trim_start().starts_with('|')
        {
            acc.add(block.line, text)?;
        }
    }
    Ok(acc)
}

/// The Markdown that some neighbouring blocks were cut from.
fn prose(text: &str, blocks: &[Block<'_>]) -> String {
    match (blocks.first(), blocks.last()) {
        (Some(first), Some(last)) => text[first.range.start..last.range.end].trim().to_owned(),
        _ => String::new(),
    }
}

fn cases(text: &str, blocks: &[Block<'_>]) -> Result<Vec<Case>, Fault> {
    let is_title = |block: &Block<'_>| matches!(block.kind, BlockKind::Heading { depth: 3, .. });
    let starts: Vec<usize> = (0..blocks.len()).filter(|index| is_title(&blocks[*index])).collect();
    let before = &blocks[..starts.first().copied().unwrap_or(blocks.len())];
    if let Some(stray) = before.iter().find(|block| matches!(block.kind, BlockKind::Fence { .. })) {
        return Err(Fault::new(stray.line, "a case starts with `### Title`"));
    }
    let ends = starts.iter().skip(1).copied().chain([blocks.len()]);
    starts.iter().zip(ends).map(|(start, end)| case(text, &blocks[*start], &blocks[start + 1..end])).collect()
}

fn case(text: &str, title: &Block<'_>, blocks: &[Block<'_>]) -> Result<Case, Fault> {
    let BlockKind::Heading { title: words, .. } = title.kind else { unreachable!("a case starts at a heading") };
    let (en, zh) = words.split_once(" · ").unwrap_or((words, words));
    let first_fence = blocks.iter().position(|it| matches!(it.kind, BlockKind::Fence { .. })).unwrap_or(blocks.len());
    let mut case = Case {
        title: Words { en: en.trim().to_owned(), zh: zh.trim().to_owned() },
        prose: prose(text, &blocks[..first_fence]),
        files: Vec::new(),
        reports: Vec::new(),
    };
    for block in blocks {
        if let BlockKind::Fence { info, body, body_range } = &block.kind {
            let fault = |what: String| Fault::new(block.line, what);
            match Tag::of(info).map_err(fault)? {
                Tag::File(path) if case.files.iter().any(|it| it.path == path) => {
                    return Err(Fault::new(block.line, format!("the case has two files named `{path}`")));
                }
                Tag::File(path) => case.files.push(file(path, body, block.line)?),
                Tag::Report(lang) if case.reports.iter().any(|it| it.lang == lang) => {
                    return Err(Fault::new(block.line, "the case has two reports in one language"));
                }
                Tag::Report(lang) => {
                    case.reports.push(Report { lang, text: (*body).to_owned(), range: body_range.clone() });
                }
            }
        }
    }
    if case.files.iter().any(|file| is_python(&file.path)) {
        Ok(case)
    } else {
        Err(Fault::new(title.line, "the case has no Python in it"))
    }
}

fn file(path: String, body: &str, line: usize) -> Result<CaseFile, Fault> {
    let marks = if is_python(&path) { marks(body, line + 1)? } else { Vec::new() };
    Ok(CaseFile { path, text: body.to_owned(), marks })
}

fn is_python(path: &str) -> bool {
    path.ends_with(".py") || path.ends_with(".pyi")
}

/// What the opening line of a fence says its body is.
enum Tag {
    File(String),
    Report(Lang),
}

impl Tag {
    fn of(info: &str) -> Result<Tag, String> {
        let (language, rest) = info.split_once(char::is_whitespace).unwrap_or((info, ""));
        let rest = rest.trim();
        if language == "report" {
            return match rest {
                "en" => Ok(Tag::Report(Lang::En)),
                "zh" => Ok(Tag::Report(Lang::Zh)),
                _ => Err("a report is `report en` or `report zh`".to_owned()),
            };
        }
        let title = match rest.strip_prefix("title=\"").and_then(|it| it.strip_suffix('"')) {
            Some(title) if is_inside(title) => Some(title),
            Some(title) => return Err(format!("`{title}` is not a path inside the case")),
            None if rest.is_empty() => None,
            None => return Err(format!("a fence takes `title=\"path\"`, not `{rest}`")),
        };
        match (title, language) {
            (Some(title), _) => Ok(Tag::File(title.to_owned())),
            (None, "py") => Ok(Tag::File("case.py".to_owned())),
            (None, "toml") => Ok(Tag::File("raddle.toml".to_owned())),
            (None, other) => Err(format!("a fence in a case is `py`, `toml`, `report` or has a title, not `{other}`")),
        }
    }
}

/// Whether a path stays inside the folder it is joined to.
fn is_inside(path: &str) -> bool {
    !path.contains('\\') && !path.contains(':') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
