//! Which module a file is, and which file a module.

use expect_test::{Expect, expect};
use raddle_source::Modules;

use crate::folder::Folder;

fn check(files: &[&str], paths: &[&str], expected: Expect) {
    let files: Vec<(&str, &str)> = files.iter().map(|name| (*name, "")).collect();
    let folder = Folder::new(&files);
    let project = folder.discover(paths);
    let lines = project.files.iter().map(|file| {
        let mut line = format!("{} = {}", file.display, file.module);
        for (alias, _) in &file.aliases {
            line.push_str(&format!(" | {alias}"));
        }
        if file.package { format!("{line} (package)") } else { line }
    });
    let roots = project.roots.iter().map(|root| format!("root {}", root.display()));
    expected.assert_eq(&folder.plain(&lines.chain(roots).collect::<Vec<_>>().join("\n")));
}

#[test]
fn a_package_says_where_it_ends() {
    check(
        &["tmp/p4_x/__init__.py", "tmp/p4_x/bad.py", "tmp/p4_x/sub/__init__.pyi", "tmp/p4_x/sub/s.py"],
        &["tmp"],
        expect![[r#"
            tmp/p4_x/__init__.py = p4_x | tmp.p4_x (package)
            tmp/p4_x/bad.py = p4_x.bad | tmp.p4_x.bad
            tmp/p4_x/sub/__init__.pyi = p4_x.sub | tmp.p4_x.sub (package)
            tmp/p4_x/sub/s.py = p4_x.sub.s | tmp.p4_x.sub.s
            root ~/tmp"#]],
    );
}

#[test]
fn a_package_that_is_named_itself_keeps_its_name() {
    check(
        &["tmp/p/__init__.py", "tmp/p/a.py"],
        &["tmp/p"],
        expect![[r#"
            tmp/p/__init__.py = p | tmp.p (package)
            tmp/p/a.py = p.a | tmp.p.a
            root ~/tmp"#]],
    );
}

#[test]
fn folders_without_init_are_namespaces_below_the_project_root() {
    check(
        &["pyproject.toml", "pkg/sub/mod.py", "main.py"],
        &["pkg/sub"],
        expect![[r#"
            pkg/sub/mod.py = pkg.sub.mod | mod
            root ~"#]],
    );
}

#[test]
fn without_a_project_root_the_given_folder_is_the_root() {
    check(
        &["pkg/sub/mod.py"],
        &["pkg"],
        expect![[r#"
            pkg/sub/mod.py = sub.mod | mod | pkg.sub.mod
            root ~/pkg"#]],
    );
}

#[test]
fn src_is_no_part_of_a_name() {
    check(
        &["pyproject.toml", "src/app/__init__.py", "src/app/a.py", "src/ns/b.py", "tests/test_a.py", "tests/util.py"],
        &["."],
        expect![[r#"
            src/app/__init__.py = app | src.app (package)
            src/app/a.py = app.a | src.app.a
            src/ns/b.py = ns.b | b | src.ns.b
            tests/test_a.py = tests.test_a | test_a
            tests/util.py = tests.util | util
            root ~
            root ~/src"#]],
    );
}

#[test]
fn src_may_be_a_package_of_its_own() {
    check(
        &["pyproject.toml", "src/__init__.py", "src/a.py"],
        &["."],
        expect![[r#"
            src/__init__.py = src (package)
            src/a.py = src.a
            root ~"#]],
    );
}

#[test]
fn a_package_inside_a_namespace_has_both_names() {
    check(
        &["setup.py", "google/cloud/__init__.py", "google/cloud/storage.py"],
        &["google"],
        expect![[r#"
            google/cloud/__init__.py = cloud | google.cloud (package)
            google/cloud/storage.py = cloud.storage | google.cloud.storage
            root ~/google"#]],
    );
}

#[test]
fn a_name_that_cannot_be_imported_is_kept_for_show() {
    check(
        &["my-script.py", "2024/run.py"],
        &["."],
        expect![[r#"
            2024/run.py = 2024.run | run
            my-script.py = my-script
            root ~"#]],
    );
}

/// What each import means to the importer.
fn check_find(files: &[&str], importer: &str, names: &[&str], expected: Expect) {
    let files: Vec<(&str, &str)> = files.iter().map(|name| (*name, "")).collect();
    let folder = Folder::new(&files);
    let project = folder.discover(&["."]);
    let modules = Modules::new(&project);
    let importer = project.files.iter().position(|file| &*file.display == importer).unwrap();
    let lines = names.iter().map(|name| match modules.find(name, importer) {
        Some(found) => format!("{name} -> {}", project.files[found].display),
        None => format!("{name} -> nothing"),
    });
    expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn two_claims_are_settled_by_the_importers_root() {
    let files = ["one/app/__init__.py", "one/app/util.py", "one/main.py", "two/app/__init__.py", "two/app/util.py"];
    let names = ["app.util", "one.app.util", "two.app.util", "nowhere"];
    check_find(
        &files,
        "one/app/__init__.py",
        &names,
        expect![[r#"
            app.util -> one/app/util.py
            one.app.util -> one/app/util.py
            two.app.util -> two/app/util.py
            nowhere -> nothing"#]],
    );
    check_find(
        &files,
        "two/app/util.py",
        &names,
        expect![[r#"
            app.util -> two/app/util.py
            one.app.util -> one/app/util.py
            two.app.util -> two/app/util.py
            nowhere -> nothing"#]],
    );
}

#[test]
fn code_wins_over_its_stub() {
    check_find(&["a.py", "b.py", "b.pyi"], "a.py", &["b"], expect!["b -> b.py"]);
}

#[test]
fn a_script_imports_its_neighbour() {
    check_find(
        &["pyproject.toml", "examples/x/main.py", "examples/x/util.py", "examples/y/main.py", "examples/y/util.py"],
        "examples/y/main.py",
        &["util"],
        expect!["util -> examples/y/util.py"],
    );
}

#[test]
fn the_standard_library_keeps_its_names() {
    let files =
        ["pyproject.toml", "calendar.py", "main.py", "tests/queue.py", "tests/asyncio/__init__.py", "tests/test_a.py"];
    check_find(
        &files,
        "tests/test_a.py",
        &["queue", "asyncio", "calendar", "test_a"],
        expect![[r#"
            queue -> nothing
            asyncio -> nothing
            calendar -> calendar.py
            test_a -> tests/test_a.py"#]],
    );
    check_find(
        &files,
        "main.py",
        &["test_a", "tests.test_a"],
        expect![[r#"
        test_a -> nothing
        tests.test_a -> tests/test_a.py"#]],
    );
}

#[test]
fn relative_imports_stay_in_their_root() {
    let files =
        ["one/app/__init__.py", "one/app/util.py", "one/app/deep/__init__.py", "one/app/deep/x.py", "two/app/other.py"];
    let folder = Folder::new(&files.map(|name| (name, "")));
    let project = folder.discover(&["."]);
    let modules = Modules::new(&project);
    let ask = |importer: &str, level: u32, module: &str| {
        let from = project.files.iter().position(|file| &*file.display == importer).unwrap();
        let found = modules.find_relative(level, module, from).map(|found| &*project.files[found].display);
        let name = modules.absolute(level, module, from);
        format!(
            "{}{module} = {} -> {}",
            ".".repeat(level as usize),
            name.as_deref().unwrap_or("-"),
            found.unwrap_or("nothing")
        )
    };
    let lines = [
        ask("one/app/__init__.py", 1, "util"),
        ask("one/app/deep/x.py", 1, ""),
        ask("one/app/deep/x.py", 2, "util"),
        ask("one/app/deep/__init__.py", 2, "util"),
        ask("one/app/deep/x.py", 3, "util"),
        ask("one/app/deep/x.py", 4, "util"),
        ask("one/app/util.py", 1, "other"),
    ];
    expect![[r#"
        .util = app.util -> one/app/util.py
        . = app.deep -> one/app/deep/__init__.py
        ..util = app.util -> one/app/util.py
        ..util = app.util -> one/app/util.py
        ...util = util -> nothing
        ....util = - -> nothing
        .other = app.other -> nothing"#]]
    .assert_eq(&lines.join("\n"));
}
