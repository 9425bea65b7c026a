//! Text to trees, within bounds.

use std::sync::Arc;

use expect_test::{Expect, expect};
use raddle_source::{DEPTH_LIMIT, Kind, SourceErrorKind, Text, Tree, parse};

use crate::folder::{error, notebook};

fn tree(content: &str, kind: Kind) -> Result<Tree, raddle_source::SourceError> {
    let text = Text::of_bytes(content.as_bytes(), &Arc::from("a.py"), kind)?;
    parse(&text, kind, (3, 12))
}

fn check(content: &str, expected: Expect) {
    let shown = match tree(content, Kind::Python) {
        Ok(tree) => format!("{} statements, {} tokens", tree.body.len(), tree.tokens().len()),
        Err(found) => error(&found),
    };
    expected.assert_eq(&shown);
}

#[test]
fn python_of_the_newest_kinds() {
    check(
        "match x:\n    case [1, *_]: pass\ntype T[X] = list[X]\nexcept_ = f'{x!r:>{y}}'\n",
        expect!["3 statements, 42 tokens"],
    );
    check("", expect!["0 statements, 0 tokens"]);
    check("\x0cx = 1\r\ny = 2\rz = 3", expect!["3 statements, 12 tokens"]);
}

#[test]
fn the_first_syntax_error_has_a_place() {
    check(
        "x = 1\ndef f(:\n    pass\n",
        expect!["a.py:2:7: Syntax: Expected a parameter or the end of the parameter list"],
    );
    check("x = 'é' +\ny = )\n", expect!["a.py:1:10: Syntax: Expected an expression"]);
    check(
        "print 'hello'\n",
        expect!["a.py:1:7: Syntax: Simple statements must be separated by newlines or semicolons"],
    );
    check("if x:\npass\n", expect!["a.py:2:1: Syntax: Expected an indented block after `if` statement"]);
    check("x = '''abc\n\n", expect!["a.py:1:5: Syntax: missing closing quote in string literal"]);
    check("def f():\n\tx\n        y\n", expect!["a.py:3:1: Syntax: Unexpected indentation"]);
    check("%matplotlib inline\n", expect!["a.py:1:1: Syntax: Expected a statement"]);
    check("x = 1\ny = \0\n", expect!["a.py:2:5: Syntax: source code cannot contain null bytes"]);
}

#[test]
fn versions_do_not_make_syntax_errors() {
    let text = Text::of_bytes(b"match x:\n    case 1: pass\n", &Arc::from("a.py"), Kind::Python).unwrap();
    assert!(parse(&text, Kind::Python, (3, 8)).is_ok());
}

#[test]
fn notebook_cells_are_parsed_one_by_one() {
    let good = tree(&notebook(&["import x", "%time x.y()", "", "await z()"]), Kind::Notebook).unwrap();
    assert_eq!(good.body.len(), 3);
    let bad = tree(&notebook(&["x = 1", "y = 1\nif y:"]), Kind::Notebook).unwrap_err();
    expect!["a.py:cell 2:2:6: Syntax: Expected an indented block after `if` statement"].assert_eq(&error(&bad));
}

/// Shapes that nest `depth` deep, one for each way in which a tree can.
fn shapes(depth: usize) -> Vec<(&'static str, String)> {
    let blocks = |depth: usize| {
        let lines = (0..depth).map(|level| format!("{}if x:\n", " ".repeat(level)));
        lines.chain([format!("{}pass\n", " ".repeat(depth))]).collect::<String>()
    };
    vec![
        ("unary", format!("x = {}1\n", "-".repeat(depth))),
        ("not", format!("x = {}1\n", "not ".repeat(depth))),
        ("await", format!("x = {}1\n", "await ".repeat(depth))),
        ("parentheses", format!("x = {}1{}\n", "(".repeat(depth), ")".repeat(depth))),
        ("lists", format!("x = {}1{}\n", "[".repeat(depth), "]".repeat(depth))),
        ("dictionaries", format!("x = {}1{}\n", "{1: ".repeat(depth), "}".repeat(depth))),
        ("binary", format!("x = {}1\n", "1 + ".repeat(depth))),
        ("power", format!("x = {}1\n", "1 ** ".repeat(depth))),
        ("comparison", format!("x = {}1\n", "1 < ".repeat(depth))),
        ("attributes", format!("x = y{}\n", ".z".repeat(depth))),
        ("calls", format!("x = y{}\n", "()".repeat(depth))),
        ("subscripts", format!("x = y{}\n", "[0]".repeat(depth))),
        ("conditional", format!("x = {}1\n", "a if b else ".repeat(depth))),
        ("lambda", format!("x = {}1\n", "lambda a, b: ".repeat(depth))),
        ("strings", format!("x = {}1{}\n", "f'{".repeat(depth), "}'".repeat(depth))),
        ("specifications", format!("x = f'{}1{}'\n", "{a:".repeat(depth), "}".repeat(depth))),
        ("patterns", format!("match x:\n    case {}1{}: pass\n", "[".repeat(depth), "]".repeat(depth))),
        ("blocks", if depth > 3000 { format!("x = {}1\n", "-".repeat(depth)) } else { blocks(depth) }),
        ("unclosed", format!("x = {}\n", "(".repeat(depth))),
        ("unclosed strings", format!("x = {}\n", "f'{".repeat(depth))),
    ]
}

/// How each shape ends, on a thread with as little stack as any of raddle's has.
fn endings(depth: usize) -> String {
    let ending = |content: String| match tree(&content, Kind::Python) {
        Ok(_) => "parsed".to_owned(),
        Err(error) => format!("{:?}", error.kind),
    };
    let work = move || {
        let lines = shapes(depth).into_iter().map(|(name, content)| format!("{name}: {}", ending(content)));
        lines.collect::<Vec<_>>().join("\n")
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap()
}

#[test]
fn deep_nesting_is_parsed_and_dropped_without_overflow() {
    expect![[r#"
        unary: parsed
        not: parsed
        await: Syntax
        parentheses: parsed
        lists: parsed
        dictionaries: parsed
        binary: parsed
        power: parsed
        comparison: parsed
        attributes: parsed
        calls: parsed
        subscripts: parsed
        conditional: parsed
        lambda: parsed
        strings: parsed
        specifications: parsed
        patterns: parsed
        blocks: parsed
        unclosed: Syntax
        unclosed strings: Syntax"#]]
    .assert_eq(&endings(2_400));
}

#[test]
fn nesting_near_the_limit_is_parsed_and_dropped_without_overflow() {
    expect![[r#"
        unary: parsed
        not: parsed
        await: Syntax
        parentheses: parsed
        lists: parsed
        dictionaries: parsed
        binary: parsed
        power: parsed
        comparison: parsed
        attributes: parsed
        calls: parsed
        subscripts: parsed
        conditional: parsed
        lambda: parsed
        strings: parsed
        specifications: parsed
        patterns: parsed
        blocks: parsed
        unclosed: Syntax
        unclosed strings: Syntax"#]]
    .assert_eq(&endings(4_900));
}

#[test]
fn deeper_nesting_is_refused() {
    expect![[r#"
        unary: TooDeep
        not: TooDeep
        await: TooDeep
        parentheses: TooDeep
        lists: TooDeep
        dictionaries: TooDeep
        binary: TooDeep
        power: TooDeep
        comparison: TooDeep
        attributes: TooDeep
        calls: TooDeep
        subscripts: TooDeep
        conditional: TooDeep
        lambda: TooDeep
        strings: TooDeep
        specifications: TooDeep
        patterns: TooDeep
        blocks: TooDeep
        unclosed: TooDeep
        unclosed strings: TooDeep"#]]
    .assert_eq(&endings(20_000));
}

#[test]
fn absurd_nesting_is_refused() {
    for (name, content) in shapes(1_000_000) {
        let found = tree(&content, Kind::Python).map(|_| ()).unwrap_err();
        assert_eq!(found.kind, SourceErrorKind::TooDeep, "{name}");
    }
}

#[test]
fn long_data_is_not_deep() {
    assert!(tree(&format!("x = {}1\n", "1 and 2 or ".repeat(100_000)), Kind::Python).is_ok());
    let numbers = "-1.5e-7, ('a' 'b', {'c': -2}), x.y.z(*a, **b), lambda a, b: a + b,\n".repeat(5_000);
    let found = tree(&format!("x = [\n{numbers}]\n"), Kind::Python).unwrap();
    assert!(found.depth_bound() < DEPTH_LIMIT, "{}", found.depth_bound());
    let lines = "x = -a.b.c(d)[e] + f'{g.h:>{i}}' if not j else k ** -l\n".repeat(20_000);
    assert!(tree(&lines, Kind::Python).unwrap().depth_bound() < 50);
}

#[test]
fn fifty_megabytes_are_parsed() {
    let content = "value = compute(1, 'two', [3.0])\n".repeat(50 * 1024 * 1024 / 33);
    assert_eq!(tree(&content, Kind::Python).unwrap().body.len(), 50 * 1024 * 1024 / 33);
}
