//! The library modules that a project's imports lead to, as units.

use std::sync::Arc;

use raddle_facts::{Depth, Environment, FileFacts};
use raddle_source::{Kind, Library, LibraryFile, Text, parse};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::unit::{Origin, Unit};

/// Modules every program needs: what names resolve to that nobody imports.
const ALWAYS: [&str; 4] = ["builtins", "typing", "types", "functools"];

/// More library files than this are not read: what they would say stays unknown.
const MOST: usize = 4_000;

/// Loads the stubs and installed modules that units of the project import, and those that they import in turn.
///
/// `facts` gives the facts of one file, from a cache where there is one.
#[must_use]
pub fn library_units(
    own: &[Unit],
    library: &Library,
    facts: &(dyn Fn(&LibraryFile) -> Option<Arc<FileFacts>> + Sync),
) -> Vec<Unit> {
    let is_own: FxHashSet<&str> = own.iter().map(|it| &*it.module).collect();
    let mut seen: FxHashSet<Arc<str>> = FxHashSet::default();
    let mut wanted: Vec<Arc<str>> = ALWAYS.iter().map(|it| Arc::from(*it)).collect();
    for unit in own {
        wanted.extend(imported(unit));
    }
    let mut units: Vec<Unit> = Vec::new();
    while !wanted.is_empty() && units.len() < MOST {
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|name| !is_own.contains(&**name) && seen.insert(name.clone()));
        let found: Vec<Unit> = wanted
            .par_iter()
            .filter_map(|name| {
                let file = library.find(name)?;
                let facts = facts(&file)?;
                Some(Unit {
                    path: file.path.clone(),
                    module: file.module.clone(),
                    root: Arc::from(""),
                    is_package: file.package,
                    is_stub: file.kind() == Kind::Stub,
                    origin: Origin::Library,
                    facts,
                })
            })
            .collect();
        wanted = found.iter().flat_map(imported).collect();
        units.extend(found);
    }
    units.sort_by(|a, b| a.module.cmp(&b.module));
    units.dedup_by(|a, b| a.module == b.module);
    units
}

/// Walks one library file; a file that cannot be parsed is a library that is not there.
#[must_use]
pub fn library_facts(text: &Text, kind: Kind, python_version: (u8, u8)) -> Option<FileFacts> {
    let tree = parse(text, kind, python_version).ok()?;
    Some(raddle_facts::walk(&tree, Depth::Signatures, Environment { python_version }))
}

/// Absolute names of the modules a file imports, with the packages around them.
fn imported(unit: &Unit) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    for sym in &unit.facts.imports {
        let full = unit.absolute(unit.facts.text(*sym));
        let mut name = &*full;
        loop {
            if !name.is_empty() {
                names.push(name.into());
            }
            match name.rsplit_once('.') {
                Some((package, _)) => name = package,
                None => break,
            }
        }
    }
    names
}
