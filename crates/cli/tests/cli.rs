//! What a person or a script meets: exit codes, help, mistakes, languages, colours and closed pipes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;
use expect_test::{Expect, expect};
use tempfile::TempDir;

/// raddle in a folder of its own, with nothing of the machine's locale or colours.
fn raddle(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("raddle").unwrap();
    command.current_dir(folder).args(arguments).env("LC_ALL", "C").env("PATH", "/nowhere");
    for name in ["LANG", "LANGUAGE", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_BACKTRACE", "VIRTUAL_ENV"] {
        command.env_remove(name);
    }
    command
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    ended(&mut raddle(folder.path(), arguments))
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Exit code 2, nothing on standard output, and these words on standard error.
#[track_caller]
fn refused(arguments: &[&str], expected: Expect) {
    let Ended { code, out, err } = run(arguments);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    expected.assert_eq(&err);
}

#[test]
fn help_of_everything() {
    let Ended { code, out, .. } = run(&["--help"]);
    assert_eq!(code, 0);
    expect![[r#"
        raddle finds concurrency bugs in Python code

        Usage: raddle [OPTIONS] <COMMAND>

        Commands:
          check          look for concurrency bugs
          completions    print the completions for a shell
          explain        tell what a rule is about
          explain-place  show who touches a variable or attribute, on which actor, under which locks
          explore        run a test, a function or a script under many schedules until one breaks it
          fix            apply the fixes of what is found
          graph          show the order in which locks are taken, or who runs where
          init           write a settings file, and show what continuous integration needs
          lsp            serve an editor over standard input and output
          man            print a page of the manual
          prove          look for a schedule that shows a finding of `raddle check`
          replay         run one schedule again
          rules          list the rules
          suppress       silence what is found with a comment beside it

        With any command:
              --lang <LANG>   en or zh; the locale decides unless given
              --color <WHEN>  auto (default), always or never
          -h, --help          show this help
          -V, --version       show the version

        `raddle check` looks at the folder you are in
    "#]]
    .assert_eq(&out);
}

#[test]
fn help_of_check() {
    let Ended { code, out, .. } = run(&["check", "-h"]);
    assert_eq!(code, 0);
    expect![[r#"
        look for concurrency bugs

        Usage: raddle check [OPTIONS] [PATHS]...

        Arguments:
          [PATHS]...  files and folders, the folder you are in unless given

        What to look at:
              --exclude <GLOB>        leave files out, such as `tests/**`; may be repeated
              --config <FILE>         read this settings file, not the nearest `raddle.toml` or
                                      `pyproject.toml`
              --isolated              read no settings file
              --python <PATH>         interpreter or environment whose packages the code imports
              --python-version <X.Y>  Python version the code runs on, such as 3.13

        What to report:
              --select <RULE>         only this rule; repeat it, or separate rules with commas
              --ignore <RULE>         not this rule; repeat it, or separate rules with commas
              --min-confidence <HOW>  certain, likely (default) or possible
              --pedantic              also rules that are off unless asked for
              --preset <PRESET>       recommended (default), strict, or free-threading: what breaks without
                                      the GIL

        How to show it:
              --diff <REVISION>           only findings that stand on lines changed since this git revision,
                                          or whose story passes through them
              --output-format <FORMAT>    text (default), concise, json, sarif, github, gitlab, junit or
                                          html
              --output-file <FILE>        write the report here instead of printing it
              --also-write <FORMAT=FILE>  write another report besides, such as `sarif=report.sarif`
              --baseline <FILE>           show only findings that are not in this file; one that is gone
                                          from the code must leave the file
              --write-baseline <FILE>     write the findings into this file as known, and end with 0
              --statistics                count by rule and cause instead of showing each finding
          -q, --quiet                     print findings and nothing else
              --exit-zero                 exit with 0 even when something is found

        How to run:
              --threads <N>         how many threads to work with; one for each processor unless given
              --cache-dir <FOLDER>  keep the cache here
              --no-cache            neither read nor write the cache
              --timing              say how long each part of the work took

        With any command:
              --lang <LANG>   en or zh; the locale decides unless given
              --color <WHEN>  auto (default), always or never
          -h, --help          show this help
    "#]]
    .assert_eq(&out);
}

#[test]
fn help_in_chinese() {
    let Ended { code, out, .. } = run(&["--lang", "zh", "explain", "--help"]);
    assert_eq!(code, 0);
    expect![[r#"
        说明一条规则

        用法：raddle explain [OPTIONS] <RULE>

        参数:
          <RULE>  规则名，例如 `blocking-call-in-coroutine`

        如何显示:
              --output-format <FORMAT>  text（默认）或 markdown

        通用选项:
              --lang <LANG>   en 或 zh，默认由系统区域设置决定
              --color <WHEN>  auto（默认）、always 或 never
          -h, --help          显示帮助
    "#]]
    .assert_eq(&out);
}

#[test]
fn nothing_said_shows_help_and_is_a_mistake() {
    let Ended { code, out, err } = run(&[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, run(&["--help"]).out);
}

#[test]
fn version() {
    let Ended { code, out, .. } = run(&["--version"]);
    assert_eq!((code, out), (0, format!("raddle {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn mistakes_on_the_command_line() {
    refused(
        &["check", "--sellect", "x"],
        expect![[r#"
        error: there is no option `--sellect`
        help: did you mean `--select`?
    "#]],
    );
    refused(
        &["chekc"],
        expect![[r#"
        error: there is no command `chekc`
        help: did you mean `check`?
    "#]],
    );
    refused(
        &["check", "--output-format", "pdf"],
        expect![[r#"
            error: `pdf` does not fit `--output-format <FORMAT>`
            help: one of text, concise, json, sarif, github, gitlab, junit, html
        "#]],
    );
    refused(
        &["check", "--output-format"],
        expect![[r#"
            error: `--output-format <FORMAT>` needs a value
            help: one of text, concise, json, sarif, github, gitlab, junit, html
        "#]],
    );
    refused(
        &["check", "--python-version", "3"],
        expect![[r#"
        error: `3` does not fit `--python-version <X.Y>`
        help: a version is written `3.13`
    "#]],
    );
    refused(
        &["check", "--threads", "0"],
        expect![[r#"
        error: `0` does not fit `--threads <N>`
        help: a number from 1 up
    "#]],
    );
    refused(
        &["check", "--config", "a.toml", "--isolated"],
        expect![[r#"
        error: `--config <FILE>` does not go together with `--isolated`
        help: `raddle check --help` shows what there is
    "#]],
    );
    refused(
        &["check", "--cache-dir", "a", "--no-cache"],
        expect![[r#"
        error: `--cache-dir <FOLDER>` does not go together with `--no-cache`
        help: `raddle check --help` shows what there is
    "#]],
    );
    refused(
        &["check", "--lang", "fr"],
        expect![[r#"
        error: `fr` does not fit `--lang <LANG>`
        help: one of en, zh
    "#]],
    );
    refused(
        &["explain"],
        expect![[r#"
        error: <RULE> is missing
        help: `raddle explain --help` shows what there is
    "#]],
    );
    refused(
        &["--lang=zh", "check", "--output-format", "pdf"],
        expect![[r#"
            错误：`--output-format <FORMAT>` 不接受 `pdf`
            帮助：可选：text, concise, json, sarif, github, gitlab, junit, html
        "#]],
    );
}

#[test]
fn a_rule_that_does_not_exist() {
    refused(
        &["check", "--select", "blocking-call-in-corutine"],
        expect![[r#"
        error: there is no rule `blocking-call-in-corutine`
        help: did you mean `blocking-call-in-coroutine`?
    "#]],
    );
    refused(
        &["check", "--ignore", "xyz"],
        expect![[r#"
        error: there is no rule `xyz`
        help: `raddle rules` lists every rule
    "#]],
    );
    refused(
        &["explain", "blocking-call", "--lang", "zh"],
        expect![[r#"
        错误：没有名为 `blocking-call` 的规则
        帮助：是否想写 `blocking-call-in-coroutine`？
    "#]],
    );
}

#[test]
fn nothing_to_look_at() {
    let Ended { code, out, err } = run(&["check"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "no Python files found\n", ""));
    let Ended { code, out, err } = run(&["check", "--quiet", "--select", "blocking-call-in-coroutine"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    let Ended { out, err, .. } = run(&["check", "--output-format", "concise"]);
    assert_eq!((out.as_str(), err.as_str()), ("", "no Python files found\n"));
}

#[test]
fn json_goes_alone_to_standard_output() {
    let Ended { code, out, err } = run(&["check", "--output-format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["findings"], serde_json::json!([]));
}

#[test]
fn a_report_in_a_file() {
    let folder = TempDir::new().unwrap();
    let arguments = ["check", "--output-format", "json", "--output-file", "report.json"];
    let Ended { code, out, .. } = ended(&mut raddle(folder.path(), &arguments));
    assert_eq!((code, out.as_str()), (0, "no Python files found\n"));
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(document["tool"]["name"], "raddle");
    refused(
        &["check", "--output-file", "no/such/folder/report.txt"],
        expect![[r#"
        error: cannot write `no/such/folder/report.txt`: No such file or directory (os error 2)
        help: choose another file with `--output-file`
    "#]],
    );
}

#[test]
fn timing_goes_to_standard_error() {
    let Ended { out, err, .. } = run(&["check", "--timing"]);
    assert_eq!(out, "no Python files found\n");
    assert!(err.starts_with("part ") && err.contains("finding files") && err.contains(" ms\n"), "{err}");
}

#[test]
fn the_locale_chooses_the_language() {
    let folder = TempDir::new().unwrap();
    let said = |name: &str, value: &str, arguments: &[&str]| {
        ended(raddle(folder.path(), arguments).env_remove("LC_ALL").env(name, value)).out
    };
    assert_eq!(said("LC_ALL", "zh_CN.UTF-8", &["check"]), "没有找到 Python 文件\n");
    assert_eq!(said("LANG", "zh_CN.UTF-8", &["check"]), "没有找到 Python 文件\n");
    assert_eq!(said("LANG", "en_GB.UTF-8", &["check"]), "no Python files found\n");
    assert_eq!(said("LANG", "zh_CN.UTF-8", &["check", "--lang", "en"]), "no Python files found\n");
    assert_eq!(said("LANG", "de_DE", &["--lang", "zh", "check"]), "没有找到 Python 文件\n");
}

#[test]
fn colours_only_where_they_are_seen_or_asked_for() {
    let folder = TempDir::new().unwrap();
    let coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        let out = ended(raddle(folder.path(), arguments).envs(environment.iter().copied())).out;
        assert!(out.contains("blocking-call-in-coroutine"));
        out.contains('\u{1b}')
    };
    assert!(!coloured(&["rules"], &[]), "a pipe is not a terminal");
    assert!(coloured(&["rules", "--color", "always"], &[]));
    assert!(coloured(&["rules", "--color", "always"], &[("NO_COLOR", "1")]), "what is asked for wins");
    assert!(coloured(&["rules"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["rules", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["rules"], &[("NO_COLOR", "1")]));
}

#[test]
fn rules_and_their_cards() {
    let Ended { code, out, .. } = run(&["rules"]);
    assert_eq!(code, 0);
    let squeezed: Vec<String> = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(squeezed[0], "rule pitfall level default");
    assert!(squeezed.contains(&"blocking-call-in-coroutine blocking the event loop error on".to_owned()), "{out}");
    let cards = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../rulebook/cards")).unwrap().count();
    assert_eq!(squeezed.iter().take_while(|line| !line.is_empty()).count(), cards + 1);
    assert_eq!(squeezed.last().map(String::as_str), Some("`raddle explain RULE` tells more about one of them"));
    let page = run(&["explain", "blocking-call-in-coroutine"]);
    assert_eq!(page.code, 0);
    assert!(page.out.starts_with("blocking-call-in-coroutine\npitfall 4"), "{}", page.out);
    let page = run(&["explain", "blocking-call-in-coroutine", "--lang", "zh", "--output-format", "markdown"]);
    assert!(page.out.starts_with("# blocking-call-in-coroutine · 协程里的阻塞调用\n"), "{}", page.out);
}

/// A folder with one fault in it, and one file that is not Python.
fn faulty() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("app.py"), "import time\n\nasync def tick():\n    time.sleep(1)\n").unwrap();
    std::fs::write(folder.path().join("bad.py"), "def (\n").unwrap();
    folder
}

#[test]
fn a_fault_is_shown_and_ends_with_1() {
    let folder = faulty();
    let check = |arguments: &[&str]| {
        let arguments = [&["check", "--no-cache"], arguments].concat();
        ended(&mut raddle(folder.path(), &arguments))
    };
    let Ended { code, out, err } = check(&[]);
    assert_eq!(code, 1);
    // The words of the rule are pinned on its card; here it is what stands around them.
    assert!(out.starts_with("error[blocking-call-in-coroutine]: `time.sleep` "), "{out}");
    assert!(out.contains("\n --> app.py:4:5\n") && out.contains("\n  = help: use `asyncio.sleep`"), "{out}");
    assert!(out.ends_with("\n\nfound 1 problem (1 error) in 2 files; 1 file could not be read in full\n"), "{out}");
    expect![[r#"
        warning: bad.py:1:5: syntax error: Expected an identifier
    "#]]
    .assert_eq(&err);
    let Ended { code, out, err } = check(&["--output-format", "concise", "--lang", "zh"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("app.py:4:5: 错误[blocking-call-in-coroutine] ") && out.lines().count() == 1, "{out}");
    expect![[r#"
        警告：bad.py:1:5: 语法错误：Expected an identifier
        在 2 个文件中发现 1 个问题（1 个错误）；1 个文件未能完整读取
    "#]]
    .assert_eq(&err);
    assert_eq!(check(&["--exit-zero"]).code, 0);
    assert_eq!(check(&["--ignore", "blocking-call-in-coroutine"]).code, 0);
    assert_eq!(check(&["bad.py"]).code, 0, "broken Python is not a finding");
    let Ended { code, out, err } = check(&["--quiet", "--statistics"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.contains("blocking-call-in-coroutine") && !out.contains("app.py"), "{out}");
}

#[test]
fn a_path_that_does_not_exist() {
    refused(
        &["check", "nowhere.py"],
        expect![[r#"
        error: nowhere.py: no such file or folder; check the path
        because: No such file or directory (os error 2)
    "#]],
    );
}

/// `raddle … | head`: the reader goes away before raddle has written what a pipe can hold.
#[test]
fn a_reader_who_goes_away_is_not_an_error() {
    let arguments = ["explain", "blocking-call-in-coroutine", "--output-format", "markdown"];
    let mut child = Process::new(assert_cmd::cargo::cargo_bin("raddle"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// An interrupt while raddle waits for its reader: it does not wait for ever.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_at_once_with_130() {
    use std::io::Read;

    let arguments = ["explain", "blocking-call-in-coroutine", "--output-format", "markdown"];
    let mut child = Process::new(assert_cmd::cargo::cargo_bin("raddle"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first byte says that raddle writes; the page is longer than a pipe holds, so it cannot end.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    let killed = Process::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
