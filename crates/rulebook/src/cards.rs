//! The list of cards.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::Card;

/// Every card that is compiled in. A test keeps the list in step with the folder.
const CARDS: &[(&str, &str)] = &[
    ("acquire-result-ignored", include_str!("../cards/acquire-result-ignored.md")),
    ("async-primitive-from-thread", include_str!("../cards/async-primitive-from-thread.md")),
    ("await-splits-update", include_str!("../cards/await-splits-update.md")),
    ("blocking-call-in-coroutine", include_str!("../cards/blocking-call-in-coroutine.md")),
    ("callback-under-lock", include_str!("../cards/callback-under-lock.md")),
    ("cancellation-swallowed", include_str!("../cards/cancellation-swallowed.md")),
    ("check-then-act", include_str!("../cards/check-then-act.md")),
    ("child-pipe-not-read", include_str!("../cards/child-pipe-not-read.md")),
    ("condition-wait-without-loop", include_str!("../cards/condition-wait-without-loop.md")),
    ("connection-across-threads", include_str!("../cards/connection-across-threads.md")),
    ("coroutine-function-as-callback", include_str!("../cards/coroutine-function-as-callback.md")),
    ("coroutine-never-awaited", include_str!("../cards/coroutine-never-awaited.md")),
    ("coroutine-truth-tested", include_str!("../cards/coroutine-truth-tested.md")),
    ("cpu-work-in-coroutine", include_str!("../cards/cpu-work-in-coroutine.md")),
    ("cpu-work-in-threads", include_str!("../cards/cpu-work-in-threads.md")),
    ("executor-not-shut-down", include_str!("../cards/executor-not-shut-down.md")),
    ("fork-while-threaded", include_str!("../cards/fork-while-threaded.md")),
    ("future-error-never-seen", include_str!("../cards/future-error-never-seen.md")),
    ("gather-errors-ignored", include_str!("../cards/gather-errors-ignored.md")),
    ("guarded-by-violated", include_str!("../cards/guarded-by-violated.md")),
    ("inconsistent-guard", include_str!("../cards/inconsistent-guard.md")),
    ("join-before-drain", include_str!("../cards/join-before-drain.md")),
    ("lazy-init-race", include_str!("../cards/lazy-init-race.md")),
    ("limiter-per-call", include_str!("../cards/limiter-per-call.md")),
    ("lock-created-per-call", include_str!("../cards/lock-created-per-call.md")),
    ("lock-in-finalizer", include_str!("../cards/lock-in-finalizer.md")),
    ("lock-kept-across-fork", include_str!("../cards/lock-kept-across-fork.md")),
    ("lock-not-released", include_str!("../cards/lock-not-released.md")),
    ("lock-order-cycle", include_str!("../cards/lock-order-cycle.md")),
    ("lock-released-twice", include_str!("../cards/lock-released-twice.md")),
    ("missing-main-guard", include_str!("../cards/missing-main-guard.md")),
    ("mutated-while-iterated", include_str!("../cards/mutated-while-iterated.md")),
    ("nested-event-loop", include_str!("../cards/nested-event-loop.md")),
    ("pool-waits-for-itself", include_str!("../cards/pool-waits-for-itself.md")),
    ("queue-empty-then-get", include_str!("../cards/queue-empty-then-get.md")),
    ("self-deadlock", include_str!("../cards/self-deadlock.md")),
    ("session-shared-by-tasks", include_str!("../cards/session-shared-by-tasks.md")),
    ("started-before-ready", include_str!("../cards/started-before-ready.md")),
    ("target-called-not-passed", include_str!("../cards/target-called-not-passed.md")),
    ("task-error-never-seen", include_str!("../cards/task-error-never-seen.md")),
    ("task-group-never-ends", include_str!("../cards/task-group-never-ends.md")),
    ("task-not-kept", include_str!("../cards/task-not-kept.md")),
    ("thread-error-never-seen", include_str!("../cards/thread-error-never-seen.md")),
    ("thread-local-in-coroutine", include_str!("../cards/thread-local-in-coroutine.md")),
    ("timeout-on-finished-future", include_str!("../cards/timeout-on-finished-future.md")),
    ("unbounded-gather", include_str!("../cards/unbounded-gather.md")),
    ("unguarded-shared-write", include_str!("../cards/unguarded-shared-write.md")),
    ("unpicklable-argument", include_str!("../cards/unpicklable-argument.md")),
    ("unpicklable-result", include_str!("../cards/unpicklable-result.md")),
    ("wait-while-holding-lock", include_str!("../cards/wait-while-holding-lock.md")),
    ("wait-without-timeout", include_str!("../cards/wait-without-timeout.md")),
    ("cleanup-misses-cancellation", include_str!("../cards/cleanup-misses-cancellation.md")),
    ("interrupt-never-arrives", include_str!("../cards/interrupt-never-arrives.md")),
    ("resource-before-try", include_str!("../cards/resource-before-try.md")),
    ("state-not-restored", include_str!("../cards/state-not-restored.md")),
    ("task-outlives-cancellation", include_str!("../cards/task-outlives-cancellation.md")),
    ("exception-not-rebuilt", include_str!("../cards/exception-not-rebuilt.md")),
    ("lock-inherited-by-fork", include_str!("../cards/lock-inherited-by-fork.md")),
    ("cleanup-not-shielded", include_str!("../cards/cleanup-not-shielded.md")),
    ("global-changed-in-process", include_str!("../cards/global-changed-in-process.md")),
    ("pool-created-per-call", include_str!("../cards/pool-created-per-call.md")),
    ("unbounded-threads", include_str!("../cards/unbounded-threads.md")),
    ("shared-future-not-shielded", include_str!("../cards/shared-future-not-shielded.md")),
];

/// The cards by the names of their rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rulebook {
    cards: BTreeMap<String, Card>,
}

impl Rulebook {
    /// The cards that raddle ships with.
    #[must_use]
    pub fn built_in() -> &'static Rulebook {
        static BUILT_IN: LazyLock<Rulebook> = LazyLock::new(|| {
            Rulebook::of(CARDS.iter().map(|(name, text)| match Card::parse(text) {
                Ok(card) => card,
                Err(fault) => panic!("cards/{name}.md is parsed by a test before it is compiled in: {fault}"),
            }))
        });
        &BUILT_IN
    }

    /// A rulebook of these cards.
    pub fn of(cards: impl IntoIterator<Item = Card>) -> Rulebook {
        Rulebook { cards: cards.into_iter().map(|card| (card.name.clone(), card)).collect() }
    }

    /// The card of a rule.
    #[must_use]
    pub fn card(&self, rule: &str) -> Option<&Card> {
        self.cards.get(rule)
    }

    /// Every card, sorted by name.
    pub fn cards(&self) -> impl Iterator<Item = &Card> {
        self.cards.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expectation;
    use crate::say::placeholders;
    use crate::shared_words;
    use crate::typography::faults;

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cards");
        let mut on_disk: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect();
        on_disk.sort();
        let mut listed: Vec<&str> = CARDS.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(on_disk, listed);
    }

    #[test]
    fn every_card_is_sound() {
        let mut faults = Vec::new();
        for (name, text) in CARDS {
            match Card::parse(text) {
                Ok(card) => faults.extend(faults_of(name, &card)),
                Err(fault) => faults.push(format!("{name}: {fault}")),
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn shared_words_are_sound() {
        let faults: Vec<String> =
            shared_words().iter().flat_map(|(key, words)| message_faults(key, &words.en, &words.zh)).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    fn faults_of(name: &str, card: &Card) -> Vec<String> {
        let mut acc = Vec::new();
        if card.name != *name {
            acc.push(format!("{name}: the title says `{}`", card.name));
        }
        for (key, words) in card.messages.iter() {
            acc.extend(message_faults(key, &words.en, &words.zh).into_iter().map(|it| format!("{name}: {it}")));
        }
        let prose = [Some(&card.why), card.how_to_fix.as_ref()];
        for words in prose.into_iter().flatten() {
            acc.extend(faults(&words.zh).into_iter().map(|it| format!("{name}: {it}")));
        }
        for case in &card.cases {
            for (path, mark) in case.marks() {
                if let Expectation::Error { key: Some(key) } = &mark.expectation
                    && card.messages.get(key).is_none()
                {
                    acc.push(format!("{name} › {} › {path}:{}: no message `{key}`", case.title.en, mark.line));
                }
            }
        }
        acc
    }

    fn message_faults(key: &str, en: &str, zh: &str) -> Vec<String> {
        let mut acc: Vec<String> = faults(zh).into_iter().map(|it| format!("`{key}`: {it}")).collect();
        if placeholders(en) != placeholders(zh) {
            acc.push(format!("`{key}`: English and Chinese wait for different values"));
        }
        if zh.ends_with('。') || (en.ends_with('.') && !en.ends_with("..")) {
            acc.push(format!("`{key}`: a message ends without a full stop"));
        }
        acc
    }
}
