//! Modules outside the project.

use expect_test::{Expect, expect};
use raddle_source::{EnvironmentOrigin, Library, Request, discover};

use crate::folder::{Folder, error};

/// A project with a virtual environment that looks like one of CPython 3.11.
fn environment(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&[
        ("base/bin/python3", ""),
        ("venv/bin/python3", ""),
        ("venv/lib/python3.11/site-packages/plain.py", "x = 1\n"),
        ("venv/lib/python3.11/site-packages/pkg/__init__.py", ""),
        ("venv/lib/python3.11/site-packages/pkg/part.py", ""),
        ("venv/lib/python3.11/site-packages/pkg/part.pyi", ""),
        ("venv/lib/python3.11/site-packages/pkg/fast.pyi", ""),
        ("venv/lib/python3.11/site-packages/ns/inner/mod.py", ""),
        ("venv/lib/python3.11/site-packages/asyncio/__init__.py", ""),
        ("venv/lib/python3.11/site-packages/old.py", "# coding: latin-1\n"),
        ("project/a.py", ""),
    ]);
    let home = folder.path().join("base/bin");
    folder.write("venv/pyvenv.cfg", format!("home = {}\nversion = 3.11.4\n", home.display()).as_bytes());
    for (name, content) in files {
        folder.write(name, content.as_bytes());
    }
    folder
}

fn request(folder: &Folder) -> Request {
    let mut request = folder.request(&["a.py"]);
    request.working_directory = folder.path().join("project");
    request.python = Some("../venv".into());
    request
}

fn check(request: &Request, folder: &Folder, names: &[&str], expected: Expect) {
    let library = Library::new(&discover(request).unwrap()).unwrap();
    let lines = names.iter().map(|name| match library.find(name) {
        None => format!("{name}: nothing"),
        Some(file) => {
            let package = if file.package { " package" } else { "" };
            let read = file.read().map_err(|found| error(&found));
            let read = read
                .map_or_else(|error| error, |text| if text.content.is_empty() { "empty" } else { "text" }.to_owned());
            format!("{name}: {:?}{package} {} {read}", file.origin, file.path)
        }
    });
    expected.assert_eq(&folder.plain(&lines.collect::<Vec<_>>().join("\n")));
}

#[test]
fn the_standard_library_is_bundled() {
    let folder = environment(&[]);
    let names =
        ["asyncio", "asyncio.locks", "threading", "os.path", "builtins", "_thread", "collections.abc", "no.such", ""];
    check(
        &request(&folder),
        &folder,
        &names,
        expect![[r#"
            asyncio: Typeshed package typeshed:stdlib/asyncio/__init__.pyi text
            asyncio.locks: Typeshed typeshed:stdlib/asyncio/locks.pyi text
            threading: Typeshed typeshed:stdlib/threading.pyi text
            os.path: Typeshed typeshed:stdlib/os/path.pyi text
            builtins: Typeshed typeshed:stdlib/builtins.pyi text
            _thread: Typeshed typeshed:stdlib/_thread.pyi text
            collections.abc: Typeshed typeshed:stdlib/collections/abc.pyi text
            no.such: nothing
            : nothing"#]],
    );
}

#[test]
fn installed_packages_code_before_stubs() {
    let folder = environment(&[]);
    let names = ["plain", "pkg", "pkg.part", "pkg.fast", "ns", "ns.inner", "ns.inner.mod", "old", "pkg.nothing"];
    check(
        &request(&folder),
        &folder,
        &names,
        expect![[r#"
        plain: SitePackages ~/venv/lib/python3.11/site-packages/plain.py text
        pkg: SitePackages package ~/venv/lib/python3.11/site-packages/pkg/__init__.py empty
        pkg.part: SitePackages ~/venv/lib/python3.11/site-packages/pkg/part.py empty
        pkg.fast: Stub ~/venv/lib/python3.11/site-packages/pkg/fast.pyi empty
        ns: nothing
        ns.inner: nothing
        ns.inner.mod: SitePackages ~/venv/lib/python3.11/site-packages/ns/inner/mod.py empty
        old: SitePackages ~/venv/lib/python3.11/site-packages/old.py text
        pkg.nothing: nothing"#]],
    );
}

#[test]
fn the_projects_own_modules_are_not_the_librarys() {
    let folder = environment(&[("project/threading.py", "")]);
    check(
        &request(&folder),
        &folder,
        &["a", "threading"],
        expect![[r#"
            a: nothing
            threading: Typeshed typeshed:stdlib/threading.pyi text"#]],
    );
}

#[test]
fn the_python_version_decides_what_the_standard_library_has() {
    let folder = environment(&[]);
    let mut request = request(&folder);
    let names = ["asyncio.taskgroups", "distutils", "tomllib", "imp"];
    request.python_version = Some((3, 10));
    check(
        &request,
        &folder,
        &names,
        expect![[r#"
            asyncio.taskgroups: nothing
            distutils: Typeshed package typeshed:stdlib/distutils/__init__.pyi text
            tomllib: nothing
            imp: Typeshed typeshed:stdlib/imp.pyi text"#]],
    );
    request.python_version = Some((3, 13));
    check(
        &request,
        &folder,
        &names,
        expect![[r#"
            asyncio.taskgroups: Typeshed typeshed:stdlib/asyncio/taskgroups.pyi text
            distutils: nothing
            tomllib: Typeshed typeshed:stdlib/tomllib.pyi text
            imp: nothing"#]],
    );
}

#[test]
fn an_environment_says_its_version_and_where_it_is() {
    let folder = environment(&[]);
    let project = discover(&request(&folder)).unwrap();
    assert_eq!(project.settings.python_version, (3, 11));
    assert_eq!(project.environment.origin, EnvironmentOrigin::Request);
    let paths = project.environment.site_packages.iter().map(|path| path.display().to_string());
    expect!["~/venv/lib/python3.11/site-packages"].assert_eq(&folder.plain(&paths.collect::<Vec<_>>().join("\n")));
}

#[test]
fn an_interpreter_names_its_environment() {
    let folder = environment(&[]);
    let mut request = request(&folder);
    request.python = Some("../venv/bin/python3".into());
    assert_eq!(discover(&request).unwrap().environment.site_packages.len(), 1);
}

#[test]
fn a_local_environment_is_found() {
    let folder = environment(&[]);
    std::fs::write(folder.path().join("project/pyproject.toml"), "").unwrap();
    std::fs::rename(folder.path().join("venv"), folder.path().join("project/.venv")).unwrap();
    let mut request = request(&folder);
    request.python = None;
    let project = discover(&request).unwrap();
    if std::env::var_os("VIRTUAL_ENV").is_none() && std::env::var_os("CONDA_PREFIX").is_none() {
        assert_eq!(project.environment.origin, EnvironmentOrigin::Local);
        assert_eq!(project.environment.site_packages.len(), 1);
    }
}

#[test]
fn a_named_environment_must_be_one() {
    let folder = environment(&[]);
    let mut request = request(&folder);
    let errors = ["../nowhere", "../project"].map(|python| {
        request.python = Some(python.into());
        folder
            .plain(&format!("{:#}", discover(&request).unwrap_err()))
            .replace(": ", ":\n  ")
            .replace(" of the ", "\n  of the ")
    });
    expect![[r#"
        ../nowhere:
          not a Python environment; give `--python` an interpreter or a virtual environment:
          Invalid `--python` argument `~/nowhere`:
          does not point to a Python executable or a directory on disk
        ../project:
          not a Python environment; give `--python` an interpreter or a virtual environment:
          Failed to iterate over the contents
          of the `lib`/`lib64` directories
          of the Python installation `~/project`"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn all_threads_get_the_same_answers() {
    let folder = environment(&[]);
    let library = Library::new(&discover(&request(&folder)).unwrap()).unwrap();
    let names = ["asyncio", "pkg.part", "no.such", "threading", "pkg", "ns.inner.mod"];
    let ask = || names.map(|name| library.find(name));
    let expected = ask();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        assert!(askers.into_iter().all(|asker| asker.join().unwrap() == expected));
    });
}
