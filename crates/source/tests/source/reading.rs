//! Bytes to text.

use std::sync::Arc;

use expect_test::{Expect, expect};
use raddle_source::{Kind, LineIndex, SIZE_LIMIT, Text, encode};
use raddle_vocabulary::Span;

use crate::folder::{Folder, error};

fn read(bytes: &[u8], kind: Kind) -> Result<Text, String> {
    Text::of_bytes(bytes, &Arc::from("a.py"), kind).map_err(|found| error(&found))
}

fn check(bytes: &[u8], expected: Expect) {
    let shown = match read(bytes, Kind::Python) {
        Ok(text) => format!("{:?} {} mark={}", text.content, text.encoding, text.mark),
        Err(error) => error,
    };
    expected.assert_eq(&shown);
}

#[test]
fn utf8_is_the_default_and_a_mark_is_taken_off() {
    check("x = 'é'\n".as_bytes(), expect![[r#""x = 'é'\n" utf-8 mark=false"#]]);
    check(b"\xef\xbb\xbfx = 1\n", expect![[r#""x = 1\n" utf-8 mark=true"#]]);
    check(b"", expect![[r#""" utf-8 mark=false"#]]);
}

#[test]
fn line_ends_are_kept() {
    check(b"a\r\nb\rc\n", expect![[r#""a\r\nb\rc\n" utf-8 mark=false"#]]);
}

#[test]
fn other_bytes_without_a_declaration_are_an_error() {
    check(b"a = 1\r\nb = '\xe9'\n", expect!["a.py:2: NotUtf8: byte 0xe9 at offset 12"]);
    check(b"\xff\xfea\0", expect!["a.py:1: NotUtf8: byte 0xff at offset 0"]);
}

#[test]
fn declared_encodings() {
    check(
        b"# -*- coding: latin-1 -*-\nx = '\xe9\x80'\n",
        expect![[r##""# -*- coding: latin-1 -*-\nx = 'é\u{80}'\n" latin-1 mark=false"##]],
    );
    check(
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
        expect![[r##""#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n" cp1252 mark=false"##]],
    );
    check(
        b"# coding: shift_jis\nx = '\x93\xfa'\n",
        expect![[r##""# coding: shift_jis\nx = '日'\n" shift_jis mark=false"##]],
    );
    check(b"# coding: gbk\nx = '\xd6\xd0'\n", expect![[r##""# coding: gbk\nx = '中'\n" gbk mark=false"##]]);
    check(b"# coding=euc_kr\nx = '\xc7\xd1'\n", expect![[r##""# coding=euc_kr\nx = '한'\n" euc_kr mark=false"##]]);
    check(
        b"\r\n# coding: koi8-r\r\nx = '\xc1'\r\n",
        expect![[r##""\r\n# coding: koi8-r\r\nx = 'а'\r\n" koi8-r mark=false"##]],
    );
    check(
        b"# coding: iso8859_2\nx = '\xb1'\n",
        expect![[r##""# coding: iso8859_2\nx = 'ą'\n" iso8859_2 mark=false"##]],
    );
    check(b"# coding: ascii\nx = 1\n", expect![[r##""# coding: ascii\nx = 1\n" ascii mark=false"##]]);
}

#[test]
fn every_name_that_files_are_known_to_declare() {
    let known = [
        "utf8",
        "UTF-8",
        "utf_8",
        "utf-8-sig",
        "utf-8-unix",
        "latin-1",
        "latin1",
        "iso-8859-1",
        "ISO_8859_1",
        "iso8859-1",
        "iso-latin-1-unix",
        "iso-8859-15",
        "iso8859-15",
        "iso_8859_15",
        "latin2",
        "cp1250",
        "cp1251",
        "cp1252",
        "windows-1252",
        "cp866",
        "koi8-r",
        "koi8_u",
        "gbk",
        "gb2312",
        "gb18030",
        "cp936",
        "big5",
        "cp950",
        "shift-jis",
        "sjis",
        "cp932",
        "euc-jp",
        "euc_jp",
        "iso-2022-jp",
        "euc-kr",
        "cp949",
        "mac-roman",
        "us-ascii",
    ];
    let unknown: Vec<&str> = known
        .into_iter()
        .filter(|name| read(format!("# coding: {name}\n").as_bytes(), Kind::Python).is_err())
        .collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn declarations_that_do_not_count() {
    // Only the first two lines, and the second only after a comment or a blank line, as PEP 263 says.
    check(b"x = 1\n# coding: latin-1\n", expect![[r##""x = 1\n# coding: latin-1\n" utf-8 mark=false"##]]);
    check(b"\n\n# coding: latin-1\n", expect![[r##""\n\n# coding: latin-1\n" utf-8 mark=false"##]]);
    check(b"# encoding latin-1\n", expect![[r##""# encoding latin-1\n" utf-8 mark=false"##]]);
}

#[test]
fn declared_encodings_that_are_wrong() {
    check(b"# coding: klingon\n", expect!["a.py:1:1: UnknownEncoding: klingon"]);
    check(b"#\n# coding: utf-16\n", expect!["a.py:2:1: UnknownEncoding: utf-16"]);
    check(
        b"\xef\xbb\xbf# coding: latin-1\n",
        expect!["a.py:1:1: UnknownEncoding: latin-1 with a UTF-8 byte order mark"],
    );
    check(b"# coding: utf-8\n\xe9\n", expect!["a.py:2: NotDecodable: byte 0xe9 at offset 16"]);
    check(b"# coding: ascii\nx\n\xe9\n", expect!["a.py:3: NotDecodable: byte 0xe9 at offset 18"]);
    check(b"# coding: gbk\nx\n\xff\n", expect!["a.py:3: NotDecodable: byte 0xff at offset 16"]);
}

#[test]
fn what_was_read_can_be_written() {
    for bytes in [
        &b"\xef\xbb\xbfx = 1\n"[..],
        b"# coding: latin-1\nx = '\xe9'\n",
        b"# coding: shift_jis\nx = '\x93\xfa'\n",
        b"# coding: ascii\n",
    ] {
        let text = read(bytes, Kind::Python).unwrap();
        assert_eq!(encode(&text.content, &text.encoding, text.mark).as_deref(), Some(bytes));
    }
    assert_eq!(encode("日", "latin-1", false), None);
}

#[test]
fn the_hash_is_of_the_bytes() {
    let one = read(b"x\n", Kind::Python).unwrap();
    let mark = read(b"\xef\xbb\xbfx\n", Kind::Python).unwrap();
    assert_eq!(one.content, mark.content);
    assert_ne!(one.hash, mark.hash);
    assert_eq!(one.hash, read(b"x\n", Kind::Python).unwrap().hash);
}

fn check_place(content: &str, needle: &str, expected: Expect) {
    let text = read(content.as_bytes(), Kind::Python).unwrap();
    let start = text.content.find(needle).unwrap() as u32;
    let place = LineIndex::new(&text).place(Span { start, end: start + needle.len() as u32 });
    expected.assert_eq(&format!("{}:{}-{}:{}", place.line, place.column, place.end_line, place.end_column));
}

#[test]
fn places_count_lines_and_characters() {
    check_place("a\nb = 'é日' + x\n", "x", expect!["2:12-2:13"]);
    check_place("a\r\nb\rc = d\n", "d", expect!["3:5-3:6"]);
    check_place("\u{feff}first\n", "first", expect!["1:1-1:6"]);
    check_place("f(\n  x)\n", "(\n  x)", expect!["1:2-2:5"]);
}

#[test]
fn lines_as_text() {
    let text = read("a\r\n b \n".as_bytes(), Kind::Python).unwrap();
    let index = LineIndex::new(&text);
    let lines: Vec<_> = (0..5).map(|line| index.line_text(line)).collect();
    assert_eq!(lines, [None, Some("a"), Some(" b "), Some(""), None]);
    assert_eq!((index.lines(), index.line(0), index.line(3), index.line(99)), (3, 1, 2, 3));
}

const NOTEBOOK: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# title"]},
  {"cell_type": "code", "metadata": {}, "source": ["import time\n", "x = 1"], "outputs": [], "execution_count": null},
  {"cell_type": "code", "metadata": {}, "source": ["%%bash\n", "ls"], "outputs": [], "execution_count": null},
  {"cell_type": "code", "metadata": {}, "source": ["%matplotlib inline\n", "time.sleep(x)"],
   "outputs": [], "execution_count": null}
 ],
 "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 2
}"##;

#[test]
fn a_notebook_is_its_code_cells_in_a_row() {
    let text = read(NOTEBOOK.as_bytes(), Kind::Notebook).unwrap();
    expect![[r#"
        import time
        x = 1
        %matplotlib inline
        time.sleep(x)
    "#]]
    .assert_eq(&text.content);
    let index = LineIndex::new(&text);
    let places = ["import", "x = 1", "%mat", "time.sleep"].map(|needle| {
        let start = text.content.find(needle).unwrap() as u32;
        let place = index.place(Span { start, end: start + 1 });
        format!("cell {} line {}", place.cell.unwrap(), place.line)
    });
    expect!["cell 2 line 1, cell 2 line 2, cell 4 line 1, cell 4 line 2"].assert_eq(&places.join(", "));
}

#[test]
fn notebooks_without_python() {
    let other = NOTEBOOK.replace("\"python\"", "\"julia\"");
    assert_eq!(&*read(other.as_bytes(), Kind::Notebook).unwrap().content, "");
    let bad = ["", "{}", "[1", "{\"nbformat\": 3, \"nbformat_minor\": 0, \"metadata\": {}, \"cells\": []}"];
    let shown = bad.map(|bytes| {
        let error = read(bytes.as_bytes(), Kind::Notebook).unwrap_err();
        error.chars().take(100).collect::<String>()
    });
    expect![[r#"
        a.py: BadNotebook: Expected a Jupyter Notebook, which must be internally stored as JSON, but this fi
        a.py: BadNotebook: This file does not match the schema expected of Jupyter Notebooks: missing field 
        a.py: BadNotebook: This file does not match the schema expected of Jupyter Notebooks: invalid type: 
        a.py: BadNotebook: Expected Jupyter Notebook format 4, found: 3"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn large_files_are_read_up_to_the_limit() {
    let folder = Folder::new(&[]);
    folder.write("big.py", &vec![b'\n'; SIZE_LIMIT as usize]);
    folder.write("bigger.py", &vec![b'\n'; SIZE_LIMIT as usize + 1]);
    let project = folder.discover(&["."]);
    let [big, bigger] = &project.files[..] else { panic!("two files") };
    assert_eq!(big.read().unwrap().content.len() as u64, SIZE_LIMIT);
    expect!["bigger.py: TooLarge: more than 64 MiB"].assert_eq(&error(&bigger.read().unwrap_err()));
}

#[test]
fn a_file_that_went_away_is_an_error() {
    let folder = Folder::new(&[("a.py", "")]);
    let project = folder.discover(&["."]);
    std::fs::remove_file(folder.path().join("a.py")).unwrap();
    expect!["a.py: Unreadable: No such file or directory (os error 2)"]
        .assert_eq(&error(&project.files[0].read().unwrap_err()));
}
