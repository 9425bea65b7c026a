//! Who may depend on whom: the arrows of the design, and nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Allowed, Fault};
use crate::child;

/// From each part of the product to the parts it may use. `raddle` is the command line, which may use all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("rulebook", &["vocabulary"]),
    ("source", &["vocabulary"]),
    ("facts", &["source", "vocabulary"]),
    ("program", &["facts", "source", "vocabulary"]),
    ("verdicts", &["program", "vocabulary"]),
    ("remedies", &["facts", "program", "source", "vocabulary"]),
    ("runtime", &["vocabulary"]),
    ("bridge", &["runtime", "vocabulary"]),
    ("report", &["rulebook", "vocabulary"]),
    ("xtask", &[]),
];

/// The one part that may name the crates of ty, ruff and salsa.
const WINDOW: &str = "source";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Edges that the design does not draw.
pub(super) fn faults(allowed: &Allowed, acc: &mut Vec<Fault>) -> Result<()> {
    let text = child::output(&mut child::cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Metadata = serde_json::from_str(&text).context("cannot read `cargo metadata`")?;
    judge(&metadata, allowed, acc);
    Ok(())
}

fn judge(metadata: &Metadata, allowed: &Allowed, acc: &mut Vec<Fault>) {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let names: Vec<&str> = metadata.packages.iter().map(|package| part(&package.name)).collect();
    for package in &metadata.packages {
        let from = part(&package.name);
        let mut fault = |what: String| acc.push(Fault::new("Cargo.toml", 0, what));
        let Some(targets) = arrows.get(from).copied().or((from == "raddle").then_some(&[])) else {
            fault(format!("`{}` is not in the picture of the design", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let to = part(&dependency.name);
            if is_foreign(to) && from != WINDOW {
                fault(format!("`{from}` names `{to}`, which only `{WINDOW}` may"));
            }
            let is_test = dependency.kind.as_deref() == Some("dev");
            // A test may look at a finding the way a reader does, through the rulebook and the report.
            if !names.contains(&to) || is_test && to != "xtask" {
                continue;
            }
            let is_drawn = targets.contains(&to) || from == "raddle" && to != "xtask";
            let is_allowed = allowed.arrow.iter().any(|it| it.from == from && it.to == to && !it.reason.is_empty());
            if !is_drawn && !is_allowed {
                fault(format!("the design draws no arrow from `{from}` to `{to}`"));
            }
        }
    }
}

fn part(package: &str) -> &str {
    package.strip_prefix("raddle_").unwrap_or(package)
}

fn is_foreign(package: &str) -> bool {
    ["ty_", "ruff_", "salsa"].iter().any(|prefix| package.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(edges: &[(&str, &str, Option<&str>)], expected: &Expect) {
        let mut packages: BTreeMap<&str, Vec<Dependency>> = BTreeMap::new();
        for &(from, to, kind) in edges {
            if to.starts_with("raddle") {
                packages.entry(to).or_default();
            }
            let dependency = Dependency { name: to.to_owned(), kind: kind.map(str::to_owned) };
            packages.entry(from).or_default().push(dependency);
        }
        let packages =
            packages.into_iter().map(|(name, dependencies)| Package { name: name.to_owned(), dependencies }).collect();
        let mut acc = Vec::new();
        judge(&Metadata { packages }, &Allowed::default(), &mut acc);
        expected.assert_eq(&acc.iter().map(|fault| fault.what.as_str()).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn down_the_chain() {
        check(&[("raddle", "raddle_verdicts", None), ("raddle_verdicts", "raddle_program", None)], &expect![""]);
    }

    #[test]
    fn up_the_chain() {
        check(
            &[("raddle_facts", "raddle_program", None)],
            &expect!["the design draws no arrow from `facts` to `program`"],
        );
    }

    #[test]
    fn a_test_may_look_further() {
        check(&[("raddle_verdicts", "raddle_report", Some("dev"))], &expect![""]);
    }

    #[test]
    fn only_source_names_ty() {
        check(
            &[("raddle_source", "ty_python_semantic", None), ("raddle_facts", "ruff_python_ast", Some("dev"))],
            &expect!["`facts` names `ruff_python_ast`, which only `source` may"],
        );
    }

    #[test]
    fn a_crate_nobody_drew() {
        check(&[("raddle_helpers", "serde", None)], &expect!["`raddle_helpers` is not in the picture of the design"]);
    }
}
