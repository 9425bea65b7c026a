//! A card is read as it is written, and what is wrong with one is said with its line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use expect_test::{Expect, expect};
use raddle_rulebook::{Card, Expectation, Lang, explain_in_markdown, explain_in_terminal, say, try_say};
use raddle_vocabulary::Message;

const FIXTURE: &str = include_str!("fixture.md");

fn fixture() -> Card {
    Card::parse(FIXTURE).unwrap()
}

/// Strips ANSI styles.
fn plain(text: &str) -> String {
    let mut acc = String::new();
    let mut in_style = false;
    for char in text.chars() {
        match char {
            '\u{1b}' => in_style = true,
            'm' if in_style => in_style = false,
            _ if in_style => {}
            other => acc.push(other),
        }
    }
    acc
}

#[test]
fn cases_with_files_and_marks() {
    let mut acc = String::new();
    for case in fixture().cases {
        acc += &format!("{} / {}\n", case.title.en, case.title.zh);
        for file in &case.files {
            acc += &format!("  {} ({} lines)\n", file.path, file.text.lines().count());
        }
        for (path, mark) in case.marks() {
            let what = match &mark.expectation {
                Expectation::Error { key } => format!("error {key:?}"),
                Expectation::Missed { why } => format!("missed {why:?}"),
                Expectation::FalseAlarm { why } => format!("false alarm {why:?}"),
            };
            acc += &format!("  {path}:{}: {what}, fires: {}\n", mark.line, mark.fires());
        }
        for report in &case.reports {
            assert_eq!(FIXTURE[report.range.clone()], report.text);
            acc += &format!("  report {:?}: {:?}\n", report.lang, report.text);
        }
    }
    expect![[r#"
        A direct call / 直接调用
          case.py (4 lines)
          case.py:4: error Some("direct"), fires: true
          report En: "error: one\n"
          report Zh: "错误：一\n"
        Through a helper / Through a helper
          app.py (5 lines)
          pkg/helpers.py (4 lines)
          raddle.toml (1 lines)
          app.py:4: error None, fires: true
          app.py:5: false alarm "the second call, see issue #12", fires: true
        A thread may sleep / 线程可以睡眠
          case.py (4 lines)
        A sleep behind `eval` / A sleep behind `eval`
          case.py (2 lines)
          case.py:2: missed "text is not code to raddle", fires: false
    "#]]
    .assert_eq(&acc);
}

#[test]
fn prose_keeps_its_fences() {
    let card = fixture();
    assert_eq!(card.name_zh, "协程里的睡眠");
    assert!(card.why.en.ends_with("```py\n## not a heading\n```"));
    assert_eq!(card.title(Lang::Zh), "协程里的睡眠");
}

#[test]
fn messages_are_said_in_both_languages() {
    let card = fixture();
    let message =
        Message::new("direct").arg("call", "time.sleep").arg("function", "{call}").arg("cause", "@cause-sleep");
    assert_eq!(say(Lang::En, &message, &card), "`time.sleep` makes `{call}` wait for the clock");
    assert_eq!(say(Lang::Zh, &message, &card), "`time.sleep` 让 `{call}` 等待时钟");
    let bar = Message::new("helper").arg("call", "@app.get");
    assert_eq!(say(Lang::En, &bar, &card), "`@app.get` waits | nothing else runs");
}

#[test]
fn what_cannot_be_said_is_an_error_for_tests_and_shown_to_readers() {
    let card = fixture();
    let unfilled = Message::new("helper");
    assert_eq!(try_say(Lang::En, &unfilled, &card).unwrap_err().to_string(), "nothing fills `{call}` of `helper`");
    assert_eq!(say(Lang::En, &unfilled, &card), "`{call}` waits | nothing else runs");
    let unknown = Message::new("nowhere");
    assert_eq!(try_say(Lang::En, &unknown, &card).unwrap_err().to_string(), "no card has words for `nowhere`");
    assert_eq!(say(Lang::En, &unknown, &card), "nowhere");
}

#[test]
fn locales_choose_the_language() {
    for locale in ["zh", "zh_CN.UTF-8", "zh-Hans", "ZH"] {
        assert_eq!(Lang::from_locale(locale), Lang::Zh, "{locale}");
    }
    for locale in ["", "C", "en_GB", "zhu"] {
        assert_eq!(Lang::from_locale(locale), Lang::En, "{locale}");
    }
}

#[test]
fn explained_in_a_terminal() {
    expect![[r#"
        sleepy-coroutine
        pitfall 4: blocking the event loop
        level: error
        confidence: likely
        found by: check · watch
        since raddle 0.1.0

        Why

          While a coroutine sleeps in `time.sleep`, nothing else on its event
          loop runs. Every other request waits as long as the sleep does.

          - one thread
          - one loop

              ## not a heading

        How to fix

          Call `await asyncio.sleep(...)`, which gives the loop back.

        Cases

          ✗ A direct call
            The loop runs `tick`, and `tick` sleeps.
              import time

              async def tick():
          ✗       time.sleep(1)

          ✗ Through a helper
            app.py
              from pkg.helpers import pause

              async def tick():
          ✗       pause()
                  pause()
            pkg/helpers.py
              import time

              def pause():
                  time.sleep(1)
            raddle.toml
              select = ["sleepy-coroutine"]

          ✓ A thread may sleep
              import time

              def worker():
                  time.sleep(1)

        Limits

          - Through a helper, a false alarm: the second call, see issue #12
          - A sleep behind `eval`, missed: text is not code to raddle
    "#]]
    .assert_eq(&plain(&explain_in_terminal(&fixture(), Lang::En, 72)));
}

#[test]
fn explained_in_a_chinese_terminal() {
    let page = plain(&explain_in_terminal(&fixture(), Lang::Zh, 40));
    let start: Vec<&str> = page.lines().take(16).collect();
    expect![[r#"
        sleepy-coroutine · 协程里的睡眠
        陷阱 4：阻塞事件循环
        级别：错误
        可信度：很可能
        发现方式：check（静态检查） · watch（运行时观察）
        始于 raddle 0.1.0

        为什么

          协程在 `time.sleep` 里睡眠时，同一个事
          件循环上的其他任务都无法运行。其他请求
          都要等到睡眠结束。

        怎么改

          改用 `await asyncio.sleep(...)`，把控"#]]
    .assert_eq(&start.join("\n"));
}

#[test]
fn explained_in_markdown() {
    expect![[r##"
        # sleepy-coroutine · 协程里的睡眠

        - 陷阱 4：阻塞事件循环
        - 级别：错误
        - 可信度：很可能
        - 发现方式：check（静态检查） · watch（运行时观察）
        - 始于 raddle 0.1.0

        ## 为什么

        协程在 `time.sleep` 里睡眠时，
        同一个事件循环上的其他任务都无法运行。其他请求都要等到睡眠结束。

        ## 怎么改

        改用 `await asyncio.sleep(...)`，把控制权还给事件循环。

        ## 案例

        ### ✗ 直接调用

        The loop runs `tick`, and `tick` sleeps.

        ```py
        import time

        async def tick():
            time.sleep(1)  # ✗
        ```

        ```text
        错误：一
        ```

        ### ✗ Through a helper

        `app.py`

        ```py
        from pkg.helpers import pause

        async def tick():
            pause()  # ✗
            pause()
        ```

        `pkg/helpers.py`

        ```py
        import time

        def pause():
            time.sleep(1)
        ```

        `raddle.toml`

        ```toml
        select = ["sleepy-coroutine"]
        ```

        ### ✓ 线程可以睡眠

        ```py
        import time

        def worker():
            time.sleep(1)
        ```

        ### A sleep behind `eval`

        ```py
        async def tick():
            eval("time.sleep(1)")
        ```

        ## 局限

        - **Through a helper**，误报：the second call, see issue #12
        - **A sleep behind `eval`**，漏报：text is not code to raddle
    "##]]
    .assert_eq(&explain_in_markdown(&fixture(), Lang::Zh));
}

#[track_caller]
fn faulty(from: &str, to: &str, expected: Expect) {
    assert!(FIXTURE.contains(from), "the fixture has no {from:?}");
    let fault = Card::parse(&FIXTURE.replacen(from, to, 1)).unwrap_err();
    expected.assert_eq(&fault.to_string());
}

#[test]
fn faults_are_named_with_their_line() {
    faulty(" · 协程里的睡眠", "", expect!["line 1: the title is `# rule-name · 中文名`"]);
    faulty("pitfall = 4", "pitfall = 9", expect!["line 3: `pitfall` is a number from 1 to 8"]);
    faulty("since = \"0.1.0\"", "", expect!["line 3: missing field `since`"]);
    faulty(
        "```toml\npitfall",
        "```json\npitfall",
        expect!["line 3: only the title and one TOML head stand before the first `##`"],
    );
    faulty(
        "\\| nothing",
        "| nothing",
        expect!["line 16: a message has three cells (key, English, Chinese), this has 4"],
    );
    faulty("| helper |", "| direct |", expect!["line 16: `direct` stands here a second time"]);
    faulty(
        "## Why",
        "## Wherefore",
        expect![
            "line 18: a section is `Messages`, `Why`, `为什么`, `How to fix`, `怎么改` or `Cases`, not `Wherefore`"
        ],
    );
    faulty("## 怎么改", "### 怎么改", expect!["line 1: `## 怎么改` is missing"]);
    faulty(
        "# error: direct",
        "# error: no such thing",
        expect!["line 53: `# error: no such thing` does not name a message"],
    );
    faulty("# missed: text is not code to raddle", "# missed", expect!["line 98: `# missed` says why: `# missed: …`"]);
    faulty("```report zh", "```report fr", expect!["line 60: a report is `report en` or `report zh`"]);
    faulty("```report zh", "```report en", expect!["line 60: the case has two reports in one language"]);
    faulty(
        "title=\"pkg/helpers.py\"",
        "title=\"../helpers.py\"",
        expect!["line 74: `../helpers.py` is not a path inside the case"],
    );
    faulty("title=\"pkg/helpers.py\"", "title=\"app.py\"", expect!["line 74: the case has two files named `app.py`"]);
    faulty(
        "```toml\nselect",
        "```text\nselect",
        expect!["line 81: a fence in a case is `py`, `toml`, `report` or has a title, not `text`"],
    );
    faulty(
        "eval(\"time.sleep(1)\")  # missed: text is not code to raddle\n```",
        "eval",
        expect!["line 96: the fence that opens here never closes"],
    );
}

/// A deterministic stand-in for fuzzing: no prefix and no single lost line makes the parser fall over.
#[test]
fn broken_cards_are_refused_not_fatal() {
    for end in (0..FIXTURE.len()).filter(|end| FIXTURE.is_char_boundary(*end)) {
        let _ = Card::parse(&FIXTURE[..end]);
    }
    let lines: Vec<&str> = FIXTURE.split_inclusive('\n').collect();
    for lost in 0..lines.len() {
        let _ = Card::parse(&[&lines[..lost], &lines[lost + 1..]].concat().concat());
    }
    assert!(Card::parse(&FIXTURE.replace('\n', "\r\n")).is_ok());
}
