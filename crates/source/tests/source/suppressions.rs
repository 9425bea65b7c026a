//! Comments that silence findings.

use std::sync::Arc;

use expect_test::{Expect, expect};
use raddle_source::{Kind, LineIndex, Malformed, Suppressions, Text, parse, silence};

fn read(content: &str) -> (Suppressions, Text) {
    let text = Text::of_bytes(content.as_bytes(), &Arc::from("a.py"), Kind::Python).unwrap();
    let tree = parse(&text, Kind::Python, (3, 12)).unwrap();
    (Suppressions::read(&tree, &LineIndex::new(&text), &text.content), text)
}

fn check(content: &str, expected: Expect) {
    let (suppressions, text) = read(content);
    let mut lines = Vec::new();
    for entry in &suppressions.entries {
        let rules = match &entry.rules {
            Some(rules) => rules.iter().map(|rule| &**rule).collect::<Vec<_>>().join(" "),
            None => "everything".to_owned(),
        };
        let shown = &text.content[entry.span.start as usize..entry.span.end as usize];
        let file = if entry.file { "file" } else { "line" };
        lines.push(format!("{}: {file}: {rules}: `{shown}`", entry.line));
    }
    for Malformed { span, line } in &suppressions.malformed {
        lines.push(format!("{line}: malformed `{}`", &text.content[span.start as usize..span.end as usize]));
    }
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn every_form() {
    check(
        "# raddle: ignore-file[a, b]\n\
         x = 1  # raddle: ignore\n\
         x = 1  # raddle: ignore[c] because\n\
         x = 1  # noqa: E501  # raddle:ignore [ d , e-f ]\n\
         # raddle: ignore-file\n",
        expect![[r#"
            1: file: a b: `raddle: ignore-file[a, b]`
            2: line: everything: `raddle: ignore`
            3: line: c: `raddle: ignore[c]`
            4: line: d e-f: `raddle:ignore [ d , e-f ]`
            5: file: everything: `raddle: ignore-file`"#]],
    );
}

#[test]
fn what_is_none() {
    check(
        "x = '# raddle: ignore'\n\
         y = 1  # the word raddle: ignore in prose\n\
         z = 1  # raddle: guarded-by self._lock\n\
         a = 1  # raddle: ignore[\n\
         b = 1  # raddle: ignore[]\n\
         c = 1  # raddle: ignored[a]\n\
         d = 1  # raddle: ignore[a b]\n\
         e = 1  # raddle: ingore[a]\n\
         f = 1  # raddle: noqa\n",
        expect![[r#"
            4: malformed `raddle: ignore[`
            5: malformed `raddle: ignore[]`
            6: malformed `raddle: ignored[a]`
            7: malformed `raddle: ignore[a b]`
            8: malformed `raddle: ingore[a]`
            9: malformed `raddle: noqa`"#]],
    );
}

#[test]
fn what_is_covered_and_what_was_idle() {
    let (mut suppressions, _) = read(
        "# raddle: ignore-file[everywhere, nowhere]\n\
         x = 1  # raddle: ignore\n\
         y = 1  # raddle: ignore[a, b]\n\
         z = 1  # raddle: ignore\n",
    );
    let asked = [("a", 1), ("a", 2), ("a", 3), ("c", 3), ("everywhere", 9), ("b", 4)];
    let covered = asked.map(|(rule, line)| suppressions.covers(rule, line));
    assert_eq!(covered, [false, true, true, false, true, true]);
    let unused =
        suppressions.unused().into_iter().map(|unused| format!("{}: {:?}", unused.suppression.line, unused.rules));
    expect![[r#"
        1: ["nowhere"]
        3: ["b"]"#]]
    .assert_eq(&unused.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_comment_holds_for_the_lines_that_a_string_or_a_backslash_joins_to_it() {
    let (mut suppressions, _) = read(
        "x = f(\"\"\"\n\
         \"\"\", g())  # raddle: ignore[a]\n\
         y = 1 + \\\n\
         2 + \\\n\
         3  # raddle: ignore[b]\n\
         z = (\n\
         1)  # raddle: ignore[c]\n",
    );
    let asked = [("a", 1), ("a", 2), ("b", 3), ("b", 4), ("b", 5), ("c", 6), ("c", 7)];
    let covered = asked.map(|(rule, line)| suppressions.covers(rule, line));
    assert_eq!(covered, [true, true, true, true, true, false, true]);
}

#[test]
fn silencing_keeps_what_is_there() {
    let (_, text) = read(
        "a()\n\
         b()  # noqa\r\n\
         c()  # raddle: ignore[x]  # noqa\n\
         d(f\"\"\"\n\
         {1}\n\
         \"\"\")\n\
         e = \\\n\
         '#'   \n\
         g()",
    );
    let tree = parse(&text, Kind::Python, (3, 12)).unwrap();
    let wanted = [(1, "x"), (2, "x"), (2, "y"), (3, "x"), (3, "z"), (4, "x"), (7, "x"), (9, "x")];
    let mut lines: std::collections::BTreeMap<u32, std::collections::BTreeSet<Arc<str>>> = Default::default();
    for (line, rule) in wanted {
        lines.entry(line).or_default().insert(rule.into());
    }
    let mut content = text.content.to_string();
    for (span, more) in silence(&tree, &text, &lines).into_iter().rev() {
        content.replace_range(span.start as usize..span.end as usize, &more);
    }
    expect![[r#"
        a()  # raddle: ignore[x]
        b()  # noqa  # raddle: ignore[x, y]<CR>
        c()  # raddle: ignore[x, z]  # noqa
        d(f"""
        {1}
        """)  # raddle: ignore[x]
        e = \
        '#'  # raddle: ignore[x]   
        g()  # raddle: ignore[x]"#]]
    .assert_eq(&content.replace('\r', "<CR>"));
    let (mut suppressions, _) = read(&content);
    assert!(wanted.iter().all(|(line, rule)| suppressions.covers(rule, *line)));
    assert!(suppressions.unused().is_empty());
}
