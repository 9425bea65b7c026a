//! Comments that silence findings.

use std::sync::Arc;

use expect_test::{Expect, expect};
use raddle_source::{Kind, LineIndex, Suppressions, Text, parse};

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
    for span in &suppressions.malformed {
        lines.push(format!("malformed `{}`", &text.content[span.start as usize..span.end as usize]));
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
         d = 1  # raddle: ignore[a b]\n",
        expect![[r#"
            malformed `raddle: ignore[`
            malformed `raddle: ignore[]`
            malformed `raddle: ignored[a]`
            malformed `raddle: ignore[a b]`"#]],
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
