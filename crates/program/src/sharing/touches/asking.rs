//! What a condition asks about places.

use raddle_facts::{Test, Value, ValueId};
use smallvec::SmallVec;

use super::{Rests, Walk};

impl Walk<'_> {
    /// Places that a test asks about.
    pub(super) fn asked(&mut self, test: ValueId, holds: bool, depth: u8, acc: &mut Vec<(usize, Rests, bool)>) {
        if depth > 4 {
            return;
        }
        match self.facts.value(test) {
            Value::Test(kind, list) => {
                let parts: SmallVec<[ValueId; 4]> = self.facts.list(list).iter().copied().collect();
                match kind {
                    Test::Not => {
                        for part in parts {
                            self.asked(part, !holds, depth + 1, acc);
                        }
                    }
                    Test::And | Test::Or => {
                        for part in parts {
                            self.asked(part, holds, depth + 1, acc);
                        }
                    }
                    Test::IsNone | Test::IsNotNone => {
                        for part in parts {
                            if let Some(spot) = self.spot(part) {
                                acc.push((spot, Rests::Absence, holds == (kind == Test::IsNone)));
                            } else {
                                self.asked_within(part, holds, depth, acc);
                            }
                        }
                    }
                    Test::In | Test::NotIn => {
                        if let [_, container] = parts[..]
                            && let Some(spot) = self.spot(container)
                        {
                            acc.push((spot, Rests::Contents, holds));
                        }
                    }
                    Test::Equal | Test::NotEqual | Test::Order => {
                        for part in parts {
                            if let Some(spot) = self.spot(part) {
                                acc.push((spot, Rests::Test, holds));
                            } else {
                                self.asked_within(part, holds, depth, acc);
                            }
                        }
                    }
                }
            }
            _ => match self.spot(test) {
                Some(spot) => acc.push((spot, Rests::Absence, !holds)),
                None => self.asked_within(test, holds, depth, acc),
            },
        }
    }

    /// `len(place)`, `place.get(key)`, or a name that one of these was bound to.
    fn asked_within(&mut self, test: ValueId, holds: bool, depth: u8, acc: &mut Vec<(usize, Rests, bool)>) {
        match self.facts.value(test) {
            Value::Call(callee, arguments) => {
                if let Value::Attribute(base, name) = self.facts.value(callee)
                    && matches!(self.facts.text(name), "get" | "keys" | "values" | "items" | "empty")
                    && let Some(spot) = self.spot(base)
                {
                    acc.push((spot, Rests::Contents, holds));
                }
                if self.facts.called_name(callee) == Some("len")
                    && let Some(first) = self.facts.arguments(arguments).first()
                    && let Some(spot) = self.spot(first.value)
                {
                    acc.push((spot, Rests::Contents, holds));
                }
            }
            Value::Union(list) => {
                for part in self.facts.list(list).to_vec() {
                    self.asked(part, holds, depth + 1, acc);
                }
            }
            _ => {}
        }
    }
}
