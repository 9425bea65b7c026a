//! Configuration: where it is found, what it says, what is wrong with it.

use expect_test::expect;
use raddle_source::{Settings, VersionSource, discover};

use crate::folder::Folder;

fn names(named: &[raddle_source::Named]) -> String {
    named.iter().map(|named| &*named.name).collect::<Vec<_>>().join(" ")
}

fn shown(settings: &Settings) -> String {
    let mut lines = Vec::new();
    if let Some(source) = &settings.source {
        lines.push(format!("source {}", source.display()));
    }
    if let Some(select) = &settings.select {
        lines.push(format!("select {}", names(select)));
    }
    lines.push(format!("ignore {}", names(&settings.ignore)));
    for entry in &settings.per_file_ignores {
        lines.push(format!("in {} ignore {}", entry.pattern.glob, names(&entry.rules)));
    }
    let globs: Vec<&str> = settings.exclude.iter().map(|pattern| &*pattern.glob).collect();
    lines.push(format!("exclude {}", globs.join(" ")));
    let (major, minor) = settings.python_version;
    lines.push(format!("python {major}.{minor} from {:?}", settings.python_version_from));
    lines.push(format!("gil {:?}, models {:?}", settings.gil, settings.models));
    lines.join("\n")
}

const WHOLE: &str = r#"
select = ["lock-order-cycle", "self-deadlock"]
ignore = ["task-not-kept"]
exclude = ["gen/", "*_pb2.py"]
python-version = "3.11"
gil = false

[per-file-ignores]
"tests/*" = ["sleep-as-synchronisation"]

[models.requests]
blocks = true
"#;

#[test]
fn every_setting() {
    let folder = Folder::new(&[("raddle.toml", WHOLE), ("pkg/a.py", ""), ("gen/b.py", ""), ("pkg/c_pb2.py", "")]);
    let project = folder.discover(&["pkg", "."]);
    expect![[r#"
        source ~/raddle.toml
        select lock-order-cycle self-deadlock
        ignore task-not-kept
        in tests/* ignore sleep-as-synchronisation
        exclude gen/ *_pb2.py
        python 3.11 from Configuration
        gil Some(false), models {"requests": Table({"blocks": Boolean(true)})}"#]]
    .assert_eq(&folder.plain(&shown(&project.settings)));
    assert_eq!(project.files.len(), 1);
}

#[test]
fn pyproject_is_read_where_it_has_a_table_for_raddle() {
    let table = "[project]\nname = 'x'\n[tool.raddle]\nignore = ['one']\n";
    let folder = Folder::new(&[
        ("pyproject.toml", table),
        ("inner/pyproject.toml", "[tool.other]\nx = 1\n"),
        ("inner/a.py", ""),
        ("both/pyproject.toml", table),
        ("both/raddle.toml", "ignore = ['two']\n"),
        ("both/a.py", ""),
    ]);
    assert_eq!(names(&folder.discover(&["inner/a.py"]).settings.ignore), "one");
    assert_eq!(names(&folder.discover(&["both"]).settings.ignore), "two");
}

#[test]
fn a_named_configuration_wins_and_isolation_wins_over_all() {
    let folder = Folder::new(&[("raddle.toml", "ignore = ['one']"), ("other.toml", "ignore = ['two']"), ("a.py", "")]);
    let mut request = folder.request(&["a.py"]);
    request.config = Some("other.toml".into());
    assert_eq!(names(&discover(&request).unwrap().settings.ignore), "two");
    request.config = None;
    request.isolated = true;
    assert_eq!(names(&discover(&request).unwrap().settings.ignore), "");
}

#[test]
fn rules_are_left_out_per_file() {
    let config = "[per-file-ignores]\n'tests/**' = ['a']\n'conftest.py' = ['b']\n'scripts' = ['c']\n";
    let folder = Folder::new(&[("raddle.toml", config), ("a.py", "")]);
    let settings = folder.discover(&["."]).settings;
    let ignored = |file: &str| {
        let rules = ["a", "b", "c"].into_iter().filter(|rule| settings.ignored(&folder.path().join(file), rule));
        rules.collect::<String>()
    };
    let files = ["a.py", "tests/t.py", "tests/deep/conftest.py", "x/conftest.py", "scripts/deep/s.py", "x/tests/t.py"];
    assert_eq!(files.map(ignored), ["", "a", "ab", "b", "c", ""]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = [
        ("raddle.toml", "ignore = []\nselct = ['a']\n"),
        ("pyproject.toml", "[tool.raddle]\n  per_file_ignores = 1\n"),
        ("raddle.toml", "ignore = 'a'\n"),
        ("raddle.toml", "ignore = ['a', 1]\n"),
        ("raddle.toml", "gil = 'no'\n"),
        ("raddle.toml", "python-version = 3.12\n"),
        ("raddle.toml", "python-version = '2.7'\n"),
        ("raddle.toml", "exclude = ['a[']\n"),
        ("raddle.toml", "per-file-ignores = ['a']\n"),
        ("raddle.toml", "[per-file-ignores]\n'x' = 'a'\n"),
        ("raddle.toml", "models = 1\n"),
        ("raddle.toml", "ignore = [\n"),
        ("pyproject.toml", "[tool]\nraddle = 1\n"),
        ("raddle.toml", "ignore = []\nignore = []\n"),
    ];
    let errors = wrong.map(|(name, content)| {
        let folder = Folder::new(&[(name, content), ("a.py", "")]);
        let error = discover(&folder.request(&["a.py"])).unwrap_err();
        folder.plain(&format!("{error:#}")).replace("; ", ";\n  ")
    });
    expect![[r#"
        ~/raddle.toml:2:1: `selct` is not a setting;
          the settings are preset, select, ignore, severity, per-file-ignores, exclude, python-version, models, gil
        ~/pyproject.toml:2:3: `per_file_ignores` is not a setting;
          the settings are preset, select, ignore, severity, per-file-ignores, exclude, python-version, models, gil
        ~/raddle.toml:1:10: `ignore` is a list of text
        ~/raddle.toml:1:16: `ignore` is a list of text
        ~/raddle.toml:1:7: `gil` is true or false
        ~/raddle.toml:1:18: `python-version` is text from "3.7" to "3.15"
        ~/raddle.toml:1:18: `python-version` is text from "3.7" to "3.15"
        ~/raddle.toml:1:12: `a[` is not a glob;
          mend it: error parsing glob 'a[': unclosed character class;
          missing ']'
        ~/raddle.toml:1:20: `per-file-ignores` is a table
        ~/raddle.toml:2:7: `x` is a list of text
        ~/raddle.toml:1:10: `models` is a table
        ~/raddle.toml:1:11: not TOML: unclosed array, expected `]`
        ~/pyproject.toml:2:10: `tool.raddle` is a table of settings
        ~/raddle.toml:2:1: not TOML: duplicate key"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn a_named_configuration_must_be_there() {
    let folder = Folder::new(&[("a.py", ""), ("pyproject.toml", "[project]\nname = 'x'\n")]);
    let mut request = folder.request(&["a.py"]);
    let errors = ["none.toml", "pyproject.toml"].map(|config| {
        request.config = Some(config.into());
        folder.plain(&format!("{:#}", discover(&request).unwrap_err())).replace("; ", ";\n  ")
    });
    expect![[r#"
        ~/none.toml: cannot read the configuration;
          name a file that is there and can be read: No such file or directory (os error 2)
        ~/pyproject.toml: no table `[tool.raddle]`;
          add it, or name a raddle.toml"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn who_says_the_python_version() {
    let version = |files: &[(&str, &str)], asked: Option<(u8, u8)>| {
        let folder = Folder::new(files);
        folder.write("a.py", b"");
        let mut request = folder.request(&["a.py"]);
        request.python_version = asked;
        let settings = discover(&request).unwrap().settings;
        (settings.python_version, settings.python_version_from)
    };
    let requires =
        |text: &str| version(&[("pyproject.toml", &format!("[project]\nrequires-python = '{text}'\n"))], None);
    assert_eq!(version(&[], Some((3, 8))), ((3, 8), VersionSource::Request));
    assert_eq!(version(&[("raddle.toml", "python-version = '3.9'")], None), ((3, 9), VersionSource::Configuration));
    assert_eq!(version(&[], None), ((3, 14), VersionSource::Default));
    assert_eq!(requires(">=3.10"), ((3, 10), VersionSource::RequiresPython));
    assert_eq!(requires(">= 3.10.2, <4"), ((3, 10), VersionSource::RequiresPython));
    assert_eq!(requires("~=3.11.0"), ((3, 11), VersionSource::RequiresPython));
    assert_eq!(requires("==3.12.*"), ((3, 12), VersionSource::RequiresPython));
    assert_eq!(requires(">=2.7, !=3.0.*"), ((3, 7), VersionSource::RequiresPython));
    assert_eq!(requires("<4"), ((3, 14), VersionSource::Default));
}

#[test]
fn an_unsupported_python_version_ends_the_run() {
    let folder = Folder::new(&[("a.py", "")]);
    let mut request = folder.request(&["a.py"]);
    request.python_version = Some((2, 7));
    expect!["Python 2.7 is not supported; name one from 3.7 to 3.15"]
        .assert_eq(&format!("{:#}", discover(&request).unwrap_err()));
}
