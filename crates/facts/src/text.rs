//! The names of a file, each kept once.

use bitcode::{Decode, Encode};
use rustc_hash::FxHashMap;

use crate::value::Sym;

/// Names in the order they were first seen, with an index sorted by hash to find them again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Symbols {
    text: String,
    ends: Vec<u32>,
    /// The hashes of all names, sorted.
    hashes: Vec<u32>,
    /// The names in the order of their hashes.
    sorted: Vec<Sym>,
}

/// FNV-1a with a last step that spreads short names over all bits: the same on every machine, since it is kept.
fn hash(text: &str) -> u32 {
    let all = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (all.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

impl Symbols {
    /// The text of a name.
    #[must_use]
    pub fn text(&self, sym: Sym) -> &str {
        let at = sym.0 as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[start..self.ends[at] as usize]
    }

    /// The name with this text, if the file has it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Sym> {
        let hash = hash(text);
        // Hashes are spread evenly, so a name stands close to its share of the way.
        let count = self.hashes.len();
        let mut at = ((u64::from(hash) * count as u64) >> 32) as usize;
        while at > 0 && self.hashes[at - 1] >= hash {
            at -= 1;
        }
        while at < count && self.hashes[at] < hash {
            at += 1;
        }
        let same = (at..count).take_while(|at| self.hashes[*at] == hash);
        same.map(|at| self.sorted[at]).find(|sym| self.text(*sym) == text)
    }

    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Collects names.
#[derive(Debug, Default)]
pub(crate) struct SymbolsBuilder {
    symbols: Symbols,
    seen: FxHashMap<Box<str>, Sym>,
}

impl SymbolsBuilder {
    pub(crate) fn intern(&mut self, text: &str) -> Sym {
        if let Some(sym) = self.seen.get(text) {
            return *sym;
        }
        let sym = Sym(u32::try_from(self.symbols.ends.len()).expect("a file has fewer than 2^32 names"));
        self.symbols.text.push_str(text);
        self.symbols.ends.push(u32::try_from(self.symbols.text.len()).expect("names are shorter than the file"));
        self.seen.insert(text.into(), sym);
        sym
    }

    pub(crate) fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    pub(crate) fn finish(mut self) -> Symbols {
        let mut sorted: Vec<(u32, Sym)> =
            (0..self.symbols.ends.len() as u32).map(|at| (hash(self.symbols.text(Sym(at))), Sym(at))).collect();
        sorted.sort_unstable();
        (self.symbols.hashes, self.symbols.sorted) = sorted.into_iter().unzip();
        self.symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_no_other() {
        let mut builder = SymbolsBuilder::default();
        let names: Vec<String> = (0..500).map(|at| format!("name_{at}")).collect();
        let syms: Vec<Sym> = names.iter().map(|it| builder.intern(it)).collect();
        let symbols = builder.finish();
        assert!(names.iter().zip(&syms).all(|(name, sym)| symbols.find(name) == Some(*sym)));
        assert!((500..1500).all(|at| symbols.find(&format!("name_{at}")).is_none()));
        assert_eq!(Symbols::default().find("name"), None);
    }
}
