//! The names of a file, each kept once.

use bitcode::{Decode, Encode};
use rustc_hash::FxHashMap;

use crate::value::Sym;

/// Names in the order they were first seen, with an index sorted by text to find them again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Symbols {
    text: String,
    ends: Vec<u32>,
    sorted: Vec<Sym>,
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
        self.sorted.binary_search_by(|sym| self.text(*sym).cmp(text)).ok().map(|at| self.sorted[at])
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
        let mut sorted: Vec<Sym> = (0..self.symbols.ends.len() as u32).map(Sym).collect();
        sorted.sort_by(|a, b| self.symbols.text(*a).cmp(self.symbols.text(*b)));
        self.symbols.sorted = sorted;
        self.symbols
    }
}
