//! What a condition asks about places.

use raddle_facts::{Test, Value, ValueId};
use smallvec::SmallVec;

use super::{Rests, Walk};

/// What a condition asks about a place.
pub(super) struct Asked {
    pub(super) spot: usize,
    pub(super) rests: Rests,
    /// How it came out; for [`Rests::Absence`], whether there was nothing.
    pub(super) holds: bool,
    /// The key that was looked for.
    pub(super) key: Option<ValueId>,
}

impl Walk<'_> {
    /// Places that a test asks about.
    pub(super) fn asked(&mut self, test: ValueId, holds: bool, depth: u8, acc: &mut Vec<Asked>) {
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
                                acc.push(Asked {
                                    spot,
                                    rests: Rests::IsNone,
                                    holds: holds == (kind == Test::IsNone),
                                    key: None,
                                });
                            } else {
                                self.asked_within(part, holds, depth, acc);
                            }
                        }
                    }
                    Test::In | Test::NotIn => {
                        if let [key, container] = parts[..]
                            && let Some(spot) = self.spot(container)
                        {
                            let holds = holds == (kind == Test::In);
                            acc.push(Asked { spot, rests: Rests::Contents, holds, key: Some(key) });
                        }
                    }
                    Test::Equal | Test::NotEqual | Test::Order => {
                        for part in parts {
                            if let Some(spot) = self.spot(part) {
                                acc.push(Asked { spot, rests: Rests::Test, holds, key: None });
                            } else {
                                self.asked_within(part, holds, depth, acc);
                            }
                        }
                    }
                }
            }
            _ => match self.spot(test) {
                Some(spot) => acc.push(Asked { spot, rests: Rests::Absence, holds: !holds, key: None }),
                None => self.asked_within(test, holds, depth, acc),
            },
        }
    }

    /// `len(place)`, `place.get(key)`, or a name that one of these was bound to.
    fn asked_within(&mut self, test: ValueId, holds: bool, depth: u8, acc: &mut Vec<Asked>) {
        match self.facts.value(test) {
            Value::Call(callee, arguments) => {
                if let Value::Attribute(base, name) = self.facts.value(callee)
                    && matches!(self.facts.text(name), "get" | "keys" | "values" | "items" | "empty" | "qsize")
                    && let Some(spot) = self.spot(base)
                {
                    let asks = matches!(self.facts.text(name), "empty" | "qsize");
                    let rests =
                        if asks && self.kind_of(base, super::is_queue) { Rests::Queued } else { Rests::Contents };
                    acc.push(Asked { spot, rests, holds, key: None });
                }
                if self.facts.called_name(callee) == Some("len")
                    && let Some(first) = self.facts.arguments(arguments).first()
                    && let Some(spot) = self.spot(first.value)
                {
                    acc.push(Asked { spot, rests: Rests::Contents, holds, key: None });
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
