//! Python that nobody would write, made of Python that somebody wrote.

use crate::chance::Chance;

/// Most mutations that one input goes through.
const ROUNDS: usize = 8;

/// Words that change what the text around them means.
const WORDS: &[&str] = &[
    "await ",
    "async ",
    "async def f(): ",
    "async with x: ",
    "async for x in y: ",
    "lambda: ",
    "yield ",
    "yield from ",
    "with ",
    "try:",
    "finally:",
    "except* E:",
    "match x:",
    "case _:",
    "type X = ",
    "def f[T: (int, str)](): ",
    "class C(C): ",
    "return ",
    "global x\n",
    "nonlocal x\n",
    "del x\n",
    "import x\n",
    "from . import *\n",
    "from .. import x as y\n",
    ":=",
    "*",
    "**",
    "->",
    "@",
    "...",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"\"\"",
    "f\"{",
    "f'{x!r:{y}}'",
    "rb'",
    "\\\n",
    "#",
    ";",
    "\t",
    "\x0c",
    "é",
    "𝕏",
    "# raddle: ",
    "# raddle: allow blocking-call-in-coroutine because\n",
    "# coding: latin-1\n",
    "time.sleep(1)",
    "open(x).read()",
    "asyncio.create_task(f())",
    "threading.Lock()",
    "asyncio.run(f())",
    "asyncio.to_thread(f)",
    "with lock: await x",
];

/// How deep a nest is; parsers and walks recurse.
const DEPTH: usize = 300;

/// One input.
pub(super) fn mutate(chance: &mut Chance, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut text = chance.one(seeds).clone();
    for _ in 0..=chance.below(ROUNDS) {
        round(chance, seeds, &mut text);
    }
    text
}

fn round(chance: &mut Chance, seeds: &[Vec<u8>], text: &mut Vec<u8>) {
    match chance.below(13) {
        0 => {
            let (start, stop) = some_lines(chance, text);
            text.drain(start..stop);
        }
        1 => {
            let (start, stop) = some_lines(chance, text);
            let copy = text[start..stop].to_vec();
            insert(text, stop, &copy);
        }
        2 => {
            let other = chance.one(seeds);
            let (start, stop) = some_lines(chance, other);
            let (at, _) = some_lines(chance, text);
            insert(text, at, &other[start..stop]);
        }
        3 => swap_tokens(chance, text),
        4 => {
            let (start, stop) = some_token(chance, text);
            let word = chance.one(WORDS);
            text.splice(start..stop, word.bytes());
        }
        5 | 6 => {
            let (at, _) = some_token(chance, text);
            let word = chance.one(WORDS);
            insert(text, at, word.as_bytes());
        }
        7 => replace_all(text, b"def ", b"async def "),
        8 => replace_all(text, b" = ", b" = await "),
        9 => {
            let (start, stop) = some_lines(chance, text);
            let by: &[u8] = chance.one(&["\n    ", "\n", "\n\t", "\n "]).as_bytes();
            let mut lines = text[start..stop].to_vec();
            replace_all(&mut lines, b"\n", by);
            text.splice(start..stop, lines);
        }
        10 => {
            let (at, _) = some_token(chance, text);
            let byte = u8::try_from(chance.below(256)).expect("the number is below 256");
            insert(text, at, &[byte]);
        }
        11 => {
            let (at, _) = some_token(chance, text);
            let nest = chance.one(&["(", "[", "{0:", "lambda:", "not ", "-", "x(", "x[", "f'{", "await ", "if x:\n "]);
            insert(text, at, nest.repeat(chance.below(DEPTH)).as_bytes());
        }
        _ => {
            let (at, _) = some_token(chance, text);
            text.truncate(at);
        }
    }
}

fn insert(text: &mut Vec<u8>, at: usize, what: &[u8]) {
    text.splice(at..at, what.iter().copied());
}

/// A range of whole lines, a few of them as a rule.
fn some_lines(chance: &mut Chance, text: &[u8]) -> (usize, usize) {
    let mut starts: Vec<usize> = [0].into_iter().chain(positions(text, b"\n").into_iter().map(|at| at + 1)).collect();
    starts.push(text.len());
    let first = chance.below(starts.len());
    let most = if chance.below(4) == 0 { starts.len() } else { 12 };
    let last = (first + chance.below(most)).min(starts.len() - 1);
    (starts[first], starts[last])
}

/// A word, or a single byte that is in none.
fn some_token(chance: &mut Chance, text: &[u8]) -> (usize, usize) {
    if text.is_empty() {
        return (0, 0);
    }
    let at = chance.below(text.len());
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !is_word(&text[at]) {
        return (at, at + 1);
    }
    let before = text[..at].iter().rev().take_while(|byte| is_word(byte)).count();
    let after = text[at..].iter().take_while(|byte| is_word(byte)).count();
    (at - before, at + after)
}

fn swap_tokens(chance: &mut Chance, text: &mut Vec<u8>) {
    let mut tokens = [some_token(chance, text), some_token(chance, text)];
    tokens.sort_unstable();
    let [(start, stop), (later_start, later_stop)] = tokens;
    if stop <= later_start {
        let swapped = [&text[later_start..later_stop], &text[stop..later_start], &text[start..stop]].concat();
        text.splice(start..later_stop, swapped);
    }
}

fn replace_all(text: &mut Vec<u8>, what: &[u8], by: &[u8]) {
    let mut acc = Vec::with_capacity(text.len());
    let mut rest = 0;
    for at in positions(text, what) {
        acc.extend_from_slice(&text[rest..at]);
        acc.extend_from_slice(by);
        rest = at + what.len();
    }
    acc.extend_from_slice(&text[rest..]);
    *text = acc;
}

/// Where something stands, for what does not overlap itself.
fn positions(text: &[u8], what: &[u8]) -> Vec<usize> {
    text.windows(what.len()).enumerate().filter(|(_, window)| *window == what).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn seeds() -> Vec<Vec<u8>> {
        ["import time\n\ndef wait(seconds):\n    time.sleep(seconds)\n", "class Shop:\n    stock = 3\n", ""]
            .map(|text| text.as_bytes().to_vec())
            .into()
    }

    #[test]
    fn a_seed_is_an_input() {
        let input = |seed| String::from_utf8_lossy(&mutate(&mut Chance::new(seed), &seeds())).into_owned();
        assert_eq!(input(7), input(7));
        expect![[r#"
            class Shop:
                �stock = 3
        "#]]
        .assert_eq(&input(7));
        expect![[r#"
            import time

        "#]]
        .assert_eq(&input(12));
    }

    #[test]
    fn every_mutation_takes_every_text() {
        for seed in 0..20_000 {
            mutate(&mut Chance::new(seed), &seeds());
        }
    }
}
