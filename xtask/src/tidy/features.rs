//! The product and its tests are built with the same features, so that ty, which takes minutes, is built once for both.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Fault;
use crate::child;

/// Packages that tests would build a second time, because a dependency of the tests asks for more of them.
pub(super) fn faults(acc: &mut Vec<Fault>) -> Result<()> {
    judge(&tree("normal,build")?, &tree("normal,build,dev")?, acc);
    Ok(())
}

fn tree(edges: &str) -> Result<String> {
    let arguments = ["tree", "--workspace", "--offline", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges];
    child::output(&mut child::cargo(&arguments))
}

fn judge(product: &str, tests: &str, acc: &mut Vec<Fault>) {
    let (product, tests) = (packages(product), packages(tests));
    for (package, features) in product.difference(&tests) {
        let theirs = tests.iter().filter(|(name, _)| name == package).flat_map(|(_, features)| features.split(','));
        let ours: BTreeSet<&str> = features.split(',').collect();
        let more: BTreeSet<&str> = theirs.filter(|it| !it.is_empty() && !ours.contains(it)).collect();
        let more: Vec<String> = more.into_iter().map(|feature| format!("`{feature}`")).collect();
        let what =
            format!("tests build `{package}` with {}: a normal dependency has to ask for it too", more.join(", "));
        acc.push(Fault::new("Cargo.toml", 0, what));
    }
}

/// Packages with their features; cargo marks those it has shown before.
fn packages(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|')).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(product: &str, tests: &str, expected: &Expect) {
        let mut acc = Vec::new();
        judge(product, tests, &mut acc);
        expected.assert_eq(&acc.iter().map(|fault| fault.what.as_str()).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_package_of_the_tests_alone() {
        check("regex v1.0.0|std", "fancy-regex v0.16.2|std\nregex v1.0.0|std\nregex v1.0.0|std (*)", &expect![""]);
    }

    #[test]
    fn a_package_of_both() {
        check(
            "regex v1.0.0|\nregex v1.0.0|std",
            "regex v1.0.0|\nregex v1.0.0|dfa,std",
            &expect!["tests build `regex v1.0.0` with `dfa`: a normal dependency has to ask for it too"],
        );
    }
}
