//! Which files are found.

use std::os::unix::fs::{PermissionsExt, symlink};

use expect_test::{Expect, expect};
use raddle_source::discover;

use crate::folder::Folder;

fn check(files: &[&str], paths: &[&str], expected: Expect) {
    let files: Vec<(&str, &str)> = files.iter().map(|name| (*name, "")).collect();
    expected.assert_eq(&Folder::new(&files).files(paths));
}

#[test]
fn python_files_of_every_kind_sorted_by_path() {
    check(
        &["b.py", "a/z.pyi", "a/y.pyw", "a/n.ipynb", "a/readme.md", "a/compiled.so"],
        &["."],
        expect![[r#"
            a/n.ipynb
            a/y.pyw
            a/z.pyi
            b.py"#]],
    );
}

#[test]
fn the_working_directory_when_nothing_is_named() {
    check(&["a.py"], &[], expect!["a.py"]);
}

#[test]
fn a_named_file_is_taken_whatever_it_is_called_or_where_it_stands() {
    check(
        &["tool", ".hidden/h.py", "venv/lib/v.py", "build/b.py"],
        &["tool", ".hidden/h.py", "venv/lib/v.py", "build/b.py"],
        expect![[r#"
            .hidden/h.py
            build/b.py
            tool
            venv/lib/v.py"#]],
    );
}

#[test]
fn generated_and_hidden_folders_are_left_out() {
    check(
        &[
            "a.py",
            ".hidden/h.py",
            "venv/v.py",
            ".venv/v.py",
            "build/b.py",
            "dist/d.py",
            "node_modules/n.py",
            "__pycache__/p.py",
            "lib/site-packages/s.py",
            "deep/build/b.py",
            "building/b.py",
        ],
        &["."],
        expect![[r#"
            a.py
            building/b.py"#]],
    );
}

#[test]
fn a_named_folder_is_taken_though_it_or_a_parent_has_an_excluded_name() {
    check(
        &["build/b.py", "build/site-packages/pkg/s.py", "build/site-packages/venv/x.py", "venv/lib/v.py"],
        &["build/site-packages", "venv/lib"],
        expect![[r#"
            build/site-packages/pkg/s.py
            venv/lib/v.py"#]],
    );
}

#[test]
fn gitignore_is_respected_also_without_git() {
    let folder = Folder::new(&[
        (".gitignore", "generated/\n/local.py\n"),
        ("generated/g.py", ""),
        ("local.py", ""),
        ("a/local.py", ""),
        ("a/.gitignore", "tmp_*\n!tmp_kept.py\n"),
        ("a/tmp_1.py", ""),
        ("a/tmp_kept.py", ""),
    ]);
    expect![[r#"
        a/local.py
        a/tmp_kept.py"#]]
    .assert_eq(&folder.files(&["."]));
    expect!["generated/g.py"].assert_eq(&folder.files(&["generated"]));
    expect!["local.py"].assert_eq(&folder.files(&["local.py"]));
}

#[test]
fn exclude_matches_names_and_paths() {
    let folder = Folder::new(&[("a/x.py", ""), ("a/gen/y.py", ""), ("b/gen/z.py", ""), ("b/t_1.py", "")]);
    let mut request = folder.request(&["."]);
    request.exclude = vec!["a/gen".to_owned(), "t_*.py".to_owned()];
    let found: Vec<String> = discover(&request).unwrap().files.iter().map(|file| file.display.to_string()).collect();
    assert_eq!(found, ["a/x.py", "b/gen/z.py"]);
}

#[test]
fn the_same_file_is_taken_once() {
    let folder = Folder::new(&[("a/x.py", ""), ("a/y.py", "")]);
    symlink(folder.path().join("a/x.py"), folder.path().join("a/link.py")).unwrap();
    expect![[r#"
        a/link.py
        a/y.py"#]]
    .assert_eq(&folder.files(&["a", "./a/y.py", "a/../a/y.py", "."]));
}

#[test]
fn links_to_folders_are_said_and_not_followed_unless_named() {
    let folder = Folder::new(&[("a/x.py", ""), ("outside/o.py", "")]);
    symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    symlink(folder.path().join("outside"), folder.path().join("a/other")).unwrap();
    symlink(folder.path().join("nowhere"), folder.path().join("a/broken.py")).unwrap();
    expect![[r#"
        a/x.py
        link a/loop
        link a/other
        a/broken.py: Unreadable: No such file or directory (os error 2)"#]]
    .assert_eq(&folder.files(&["a"]));
    expect!["a/other/o.py"].assert_eq(&folder.files(&["a/other"]));
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_goes_on() {
    let folder = Folder::new(&[("a/x.py", ""), ("secret/s.py", "")]);
    let secret = folder.path().join("secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    let privileged = std::fs::read_dir(&secret).is_ok();
    let found = folder.files(&["."]);
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Nothing is unreadable for root, under whom containers tend to run.
    let expected = if privileged {
        expect![[r#"
            a/x.py
            secret/s.py"#]]
    } else {
        expect![[r#"
            a/x.py
            secret: Unreadable: Permission denied (os error 13)"#]]
    };
    expected.assert_eq(&found);
}

#[test]
fn a_missing_path_ends_the_run() {
    let folder = Folder::new(&[("a.py", "")]);
    let error = discover(&folder.request(&["a.py", "b.py"])).unwrap_err();
    expect!["b.py: no such file or folder; check the path: No such file or directory (os error 2)"]
        .assert_eq(&format!("{error:#}"));
}

#[test]
fn paths_outside_the_working_directory_are_shown_absolute() {
    let folder = Folder::new(&[("here/a.py", ""), ("there/b.py", "")]);
    let mut request = folder.request(&["a.py", "../there"]);
    request.working_directory = folder.path().join("here");
    let found: Vec<String> = discover(&request).unwrap().files.iter().map(|file| file.display.to_string()).collect();
    expect![[r#"
        ~/there/b.py
        a.py"#]]
    .assert_eq(&folder.plain(&found.join("\n")));
}

#[test]
fn names_that_are_no_words_are_found() {
    check(
        &["with space.py", "ünï.py", "данные/код.py", "-dash.py"],
        &["."],
        expect![[r#"
            -dash.py
            with space.py
            ünï.py
            данные/код.py"#]],
    );
}

#[test]
fn fifos_are_not_read() {
    let folder = Folder::new(&[("a.py", "")]);
    let fifo = folder.path().join("pipe.py");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let project = folder.discover(&["."]);
    let errors: Vec<String> =
        project.files.iter().filter_map(|file| file.read().err()).map(|error| crate::folder::error(&error)).collect();
    expect!["pipe.py: Unreadable: not a regular file"].assert_eq(&errors.join("\n"));
}
