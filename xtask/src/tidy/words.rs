//! Words that must not stand in the repository.

use super::{Fault, Text};

/// What stays behind in a hurry. Each is put together here, so that this file does not hold it.
const LEFT_BEHIND: &[&str] = &[concat!("to", "do!("), concat!("db", "g!("), concat!("#[ig", "nore")];

/// Folders and hosts that mean one machine or one registry.
const PLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("://cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("index.cra", "tes.io"),
    concat!("registry.npm", "js.org"),
    concat!("deb.deb", "ian.org"),
];

/// Finds them.
pub(super) fn faults(text: &Text, machine: &[String], acc: &mut Vec<Fault>) {
    // cargo writes the registry's name into its lock files.
    if text.is("Cargo.lock") {
        return;
    }
    for (index, line) in text.text.lines().enumerate() {
        let mut fault = |what: &str| acc.push(Fault::new(&text.path, index + 1, what));
        if text.is(".rs") {
            for _ in LEFT_BEHIND.iter().filter(|word| stands_in(line, word)) {
                fault("something was left behind");
            }
        }
        let machine = machine.iter().map(String::as_str);
        for _ in PLACES.iter().copied().chain(machine).filter(|place| stands_in(line, place)) {
            fault("names a folder of a machine or the host of a registry");
        }
    }
}

/// Whether a word stands in a line, not as the end of a longer one: `docs/work/` is nobody's folder.
fn stands_in(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|it| it.is_alphanumeric() || "_-.~".contains(it))
            || word.starts_with(char::is_alphanumeric) && before == Some('.')
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(path: &str, text: &str, expected: &Expect) {
        let text = Text { path: path.to_owned(), text: text.to_owned() };
        let mut acc = Vec::new();
        faults(&text, &["/srv/builder/".to_owned()], &mut acc);
        expected.assert_eq(&acc.iter().map(Fault::show).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn left_behind() {
        check("a.rs", concat!("//! A.\nfn f() {\n    to", "do!()\n}\n"), &expect!["a.rs:3: something was left behind"]);
        check("a.rs", concat!("    my_to", "do!()\n"), &expect![""]);
        check("a.md", concat!("to", "do!()\n"), &expect![""]);
    }

    #[test]
    fn places() {
        check(
            "a.md",
            concat!("see /wo", "rk/main and docs/wo", "rk/x\n"),
            &expect!["a.md:1: names a folder of a machine or the host of a registry"],
        );
        check(
            "a.py",
            concat!("URL = \"https://py", "pi.org/simple\"\n"),
            &expect!["a.py:1: names a folder of a machine or the host of a registry"],
        );
        check(
            "a.toml",
            "cache = \"/srv/builder/cache\"\n",
            &expect!["a.toml:1: names a folder of a machine or the host of a registry"],
        );
        check(
            "fuzz/Cargo.lock",
            concat!("source = \"https://github.com/rust-lang/cra", "tes.io-index\"\n"),
            &expect![""],
        );
    }
}
