//! A schedule as a value: only where it differs from an undisturbed run, and short enough to be pasted.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::operation::ActorId;
use crate::point::Point;

/// One choice that an undisturbed run would have made otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Switch {
    /// Who ran up to there.
    pub from: Option<ActorId>,
    /// Where it stood: the low bits of the key of the point.
    pub key: u32,
    /// How often it had stood there before in this run.
    pub visit: u32,
    /// Who goes on.
    pub to: ActorId,
}

/// What makes a run happen again: an undisturbed run with these switches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// Of the program, given by whoever runs it; zero where there is none.
    pub fingerprint: u32,
    /// In the order in which they happen.
    pub switches: Vec<Switch>,
}

/// Keys in a schedule have this many bits: together with the actor and the visit enough to tell the points of one run apart.
const KEY_BITS: u32 = 24;
const VERSION: u8 = 1;
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// A letter that no token has.
    Letter(char),
    /// It ends too early, goes on too long, or a letter was changed.
    Damaged,
    /// Made by another version of this format.
    Version(u8),
}

/// The part of a key that a schedule keeps. Never zero for a key that is not.
pub(crate) fn short_key(key: u64) -> u32 {
    if key == 0 {
        return 0;
    }
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> (64 - KEY_BITS)) as u32).max(1)
}

impl Schedule {
    /// The token: a version, the fingerprint, the switches and a check sum, in letters that survive being read aloud.
    #[must_use]
    pub fn token(&self) -> String {
        let mut bytes = vec![VERSION];
        number(u64::from(self.fingerprint), &mut bytes);
        for switch in &self.switches {
            number(switch.from.map_or(0, |actor| u64::from(actor.0) + 1), &mut bytes);
            number(u64::from(switch.to.0), &mut bytes);
            number(u64::from(switch.visit), &mut bytes);
            bytes.extend_from_slice(&switch.key.to_le_bytes()[..(KEY_BITS / 8) as usize]);
        }
        let sum = check_sum(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        letters(&bytes)
    }

    /// The schedule of a token.
    ///
    /// # Errors
    /// When the text is not a token of this version.
    pub fn from_token(token: &str) -> Result<Self, BadToken> {
        let bytes = bytes(token.trim())?;
        let [version, .., _, _] = bytes[..] else { return Err(BadToken::Damaged) };
        if version != VERSION {
            return Err(BadToken::Version(version));
        }
        let (body, sum) = bytes.split_at(bytes.len() - 2);
        if check_sum(body).to_le_bytes() != sum {
            return Err(BadToken::Damaged);
        }
        let mut rest = &body[1..];
        let mut schedule = Self { fingerprint: narrow(take(&mut rest)?)?, switches: Vec::new() };
        while !rest.is_empty() {
            let from = take(&mut rest)?.checked_sub(1).map(|actor| narrow(actor).map(ActorId)).transpose()?;
            let to = ActorId(narrow(take(&mut rest)?)?);
            let visit = narrow(take(&mut rest)?)?;
            let [one, two, three, ..] = *rest else { return Err(BadToken::Damaged) };
            rest = &rest[(KEY_BITS / 8) as usize..];
            schedule.switches.push(Switch { from, key: u32::from_le_bytes([one, two, three, 0]), visit, to });
        }
        Ok(schedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.token())
    }
}

fn number(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(rest: &mut &[u8]) -> Result<u64, BadToken> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(BadToken::Damaged)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BadToken::Damaged)
}

fn narrow<T: TryFrom<u64>>(value: u64) -> Result<T, BadToken> {
    T::try_from(value).map_err(|_| BadToken::Damaged)
}

fn check_sum(bytes: &[u8]) -> u16 {
    let sum = bytes.iter().fold(0x811c_9dc5u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (sum ^ (sum >> 16)) as u16
}

fn letters(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    text
}

fn bytes(text: &str) -> Result<Vec<u8>, BadToken> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0u32, 0);
    for letter in text.chars() {
        let small = letter.to_ascii_lowercase();
        let value = LETTERS.iter().position(|it| char::from(*it) == small).ok_or(BadToken::Letter(letter))?;
        held = (held << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    if bits >= 5 || held & ((1 << bits) - 1) != 0 {
        return Err(BadToken::Damaged);
    }
    Ok(bytes)
}

/// Takes down what a run chose, at the cost of one push a point.
#[derive(Debug, Default)]
pub struct Recorder {
    steps: Vec<Taken>,
    preemptions: u32,
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    from: Option<ActorId>,
    to: ActorId,
    is_switch: bool,
    key: u64,
}

impl Recorder {
    /// Forgets the run before.
    pub fn begin_run(&mut self) {
        self.steps.clear();
        self.preemptions = 0;
    }

    /// Takes down a choice.
    pub fn note(&mut self, point: &Point<'_>, to: ActorId) {
        let is_switch = point.undisturbed() != to;
        self.preemptions += if is_switch { point.cost(to) } else { 0 };
        self.steps.push(Taken { from: point.current, to, is_switch, key: point.key });
    }

    /// Preemptions so far.
    #[must_use]
    pub fn preemptions(&self) -> u32 {
        self.preemptions
    }

    /// Choices so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing was chosen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The run as a value.
    #[must_use]
    pub fn schedule(&self, fingerprint: u32) -> Schedule {
        let mut visits = Visits::default();
        let mut switches = Vec::new();
        for step in &self.steps {
            let (key, visit) = visits.arrive(step.from, step.key);
            if step.is_switch {
                switches.push(Switch { from: step.from, key, visit, to: step.to });
            }
        }
        Schedule { fingerprint, switches }
    }
}

/// How often each actor has stood at each place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visits(FxHashMap<(Option<ActorId>, u32), u32>);

impl Visits {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The short key, and how often the actor has stood there before.
    pub(crate) fn arrive(&mut self, from: Option<ActorId>, key: u64) -> (u32, u32) {
        let key = short_key(key);
        let visits = self.0.entry((from, key)).or_default();
        let before = *visits;
        *visits += 1;
        (key, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn tokens_round_trip() {
        let mut chance = Generator::of_run(1, 0);
        for _ in 0..2_000 {
            let fingerprint = chance.number() as u32;
            let switches = (0..chance.below(6)).map(|_| Switch {
                from: (chance.below(4) > 0).then(|| ActorId(chance.below(300) as u16)),
                key: chance.below(1 << KEY_BITS) as u32,
                visit: chance.below(1000) as u32,
                to: ActorId(chance.below(300) as u16),
            });
            let schedule = Schedule { fingerprint, switches: switches.collect() };
            assert_eq!(Schedule::from_token(&schedule.token()), Ok(schedule));
        }
    }

    #[test]
    fn a_damaged_token_is_refused() {
        let switch = Switch { from: Some(ActorId(0)), key: 77, visit: 0, to: ActorId(1) };
        let token = Schedule { fingerprint: 9, switches: vec![switch, switch] }.token();
        assert_eq!(Schedule::from_token("u"), Err(BadToken::Letter('u')));
        assert_eq!(Schedule::from_token(""), Err(BadToken::Damaged));
        assert_eq!(Schedule::from_token(&token.to_uppercase()).map(|it| it.switches.len()), Ok(2));
        for at in 2..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert!(Schedule::from_token(std::str::from_utf8(&other).unwrap()).is_err(), "letter {at} of {token}");
        }
        assert!(token.len() < 32, "{token}");
    }
}
