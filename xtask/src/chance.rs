//! Chance that can be repeated: the same seed gives the same numbers on every machine.

/// A small xorshift generator.
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    /// A generator whose numbers depend on the seed only.
    pub(crate) fn new(seed: u64) -> Chance {
        // Neighbouring seeds are torn apart (splitmix64), and the state must not be zero.
        let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Chance { state: (state ^ (state >> 31)) | 1 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number below `bound`, which is at least one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("usize is at most 64 bits wide");
        usize::try_from(self.next() % bound).expect("the number is below a usize")
    }

    /// One of some things.
    pub(crate) fn one<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    /// Puts things into a random order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_seed_is_an_order() {
        let order = |seed| {
            let mut letters: Vec<char> = ('a'..='p').collect();
            Chance::new(seed).shuffle(&mut letters);
            letters.into_iter().collect::<String>()
        };
        expect!["mjepakdicfbghlon lokedmgbcpjfniha lokedmgbcpjfniha pofbcnldikhamegj"]
            .assert_eq(&[order(0), order(1), order(1), order(2)].join(" "));
    }
}
