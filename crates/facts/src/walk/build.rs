//! The arenas of a file while it is walked: equal values become one.

use rustc_hash::FxHashMap;

use crate::text::{Symbols, SymbolsBuilder};
use crate::value::{Argument, ArgumentRange, ListRange, Sym, Value, ValueId};

pub(super) struct Build {
    symbols: SymbolsBuilder,
    values: Vec<Value>,
    seen: FxHashMap<Value, ValueId>,
    lists: Vec<ValueId>,
    seen_lists: FxHashMap<Box<[ValueId]>, ListRange>,
    arguments: Vec<Argument>,
}

impl Build {
    pub(super) fn new() -> Build {
        let mut build = Build {
            symbols: SymbolsBuilder::default(),
            values: Vec::new(),
            seen: FxHashMap::default(),
            lists: Vec::new(),
            seen_lists: FxHashMap::default(),
            arguments: Vec::new(),
        };
        let unknown = build.value(Value::Unknown);
        assert_eq!(unknown, ValueId::UNKNOWN, "the first value of an arena is the unknown one");
        build
    }

    pub(super) fn symbol(&mut self, text: &str) -> Sym {
        self.symbols.intern(text)
    }

    pub(super) fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    pub(super) fn value(&mut self, value: Value) -> ValueId {
        if let Some(id) = self.seen.get(&value) {
            return *id;
        }
        let id = ValueId(u32::try_from(self.values.len()).expect("a file has fewer than 2^32 values"));
        self.values.push(value);
        self.seen.insert(value, id);
        id
    }

    pub(super) fn get(&self, id: ValueId) -> Value {
        self.values[id.0 as usize]
    }

    pub(super) fn list(&mut self, values: Vec<ValueId>) -> ListRange {
        if let Some(range) = self.seen_lists.get(values.as_slice()) {
            return *range;
        }
        let range = ListRange { start: self.lists.len() as u32, len: values.len() as u32 };
        self.lists.extend_from_slice(&values);
        self.seen_lists.insert(values.into_boxed_slice(), range);
        range
    }

    /// A list that is no other's, even where another holds the same: each `[]` makes an object of its own.
    pub(super) fn own_list(&mut self, values: &[ValueId], offset: u32) -> ListRange {
        if values.is_empty() {
            return ListRange { start: offset, len: 0 };
        }
        let range = ListRange { start: self.lists.len() as u32, len: values.len() as u32 };
        self.lists.extend_from_slice(values);
        range
    }

    pub(super) fn entries(&self, range: ListRange) -> &[ValueId] {
        self.lists.get(range.start as usize..(range.start + range.len) as usize).unwrap_or_default()
    }

    /// One of several values; unions inside are opened, doubles dropped.
    pub(super) fn union(&mut self, values: Vec<ValueId>) -> ValueId {
        let mut flat: Vec<ValueId> = Vec::with_capacity(values.len());
        for id in values {
            let parts: Vec<ValueId> = match self.get(id) {
                Value::Union(range) => self.entries(range).to_vec(),
                _ => vec![id],
            };
            for part in parts {
                if !flat.contains(&part) {
                    flat.push(part);
                }
            }
        }
        match flat[..] {
            [] => ValueId::UNKNOWN,
            [one] => one,
            _ => {
                let range = self.list(flat);
                self.value(Value::Union(range))
            }
        }
    }

    pub(super) fn arguments(&mut self, arguments: &[Argument]) -> ArgumentRange {
        if arguments.is_empty() {
            return ArgumentRange { start: 0, len: 0 };
        }
        let range = ArgumentRange { start: self.arguments.len() as u32, len: arguments.len() as u32 };
        self.arguments.extend_from_slice(arguments);
        range
    }

    pub(super) fn finish(self) -> (Symbols, Vec<Value>, Vec<ValueId>, Vec<Argument>) {
        (self.symbols.finish(), self.values, self.lists, self.arguments)
    }
}
