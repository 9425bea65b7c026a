//! What `raddle graph` and `raddle explain-place` show.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use assert_cmd::Command;
use expect_test::{Expect, expect};
use tempfile::TempDir;

const BANK: &str = "\
import threading

audit = threading.Lock()

class Account:
    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 0

    def pay(self, n):
        with self.lock:
            with audit:
                self.balance += n

    def fee(self):
        self.balance -= 1

def main(account: Account):
    threading.Thread(target=account.pay, args=(1,)).start()
    threading.Thread(target=account.fee).start()
";

/// What a command says of the bank, with its exit code.
#[track_caller]
fn check(arguments: &[&str], expected: Expect) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("bank.py"), BANK).unwrap();
    let mut command = Command::cargo_bin("raddle").unwrap();
    let output = command.current_dir(folder.path()).args(arguments).env("LC_ALL", "C").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    expected.assert_eq(&format!("{}{}exit {code}\n", text(output.stdout), text(output.stderr)));
    assert!(!folder.path().join(".raddle_cache").exists(), "looking keeps nothing");
}

#[test]
fn locks() {
    check(
        &["graph", "locks"],
        expect![[r#"
        under         is taken  where
        Account.lock  audit     bank.py:12
        exit 0
    "#]],
    );
}

#[test]
fn locks_for_graphviz() {
    check(
        &["graph", "locks", "--output-format", "dot"],
        expect![[r#"
        digraph raddle {
            rankdir=LR;
            "Account.lock" -> "audit" [label="bank.py:12"];
        }
        exit 0
    "#]],
    );
}

#[test]
fn actors() {
    check(
        &["graph", "actors"],
        expect![[r#"
        actor     runs         where
        a thread  Account.fee  bank.py:20
        a thread  Account.pay  bank.py:19
        exit 0
    "#]],
    );
}

#[test]
fn a_place() {
    check(
        &["explain-place", "Account.balance"],
        expect![[r#"
        bank.Account.balance
        what     function          actor     under                where
        sets     Account.__init__                                 bank.py:8
        reads    Account.pay       a thread  audit, Account.lock  bank.py:13
        updates  Account.pay       a thread  audit, Account.lock  bank.py:13
        reads    Account.fee       a thread                       bank.py:16
        updates  Account.fee       a thread                       bank.py:16
        exit 0
    "#]],
    );
}

#[test]
fn no_place() {
    check(
        &["explain-place", "Account.blance"],
        expect![[r#"
        error: nothing here touches `Account.blance`
        help: name a global, an attribute or a variable of a function that inner functions share, from its module or class on: `Shop.stock`
        exit 2
    "#]],
    );
}
