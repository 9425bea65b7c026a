//! The salsa database that ty's crates work on: the file system, the bundled typeshed, one set of search paths.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use ruff_db::diagnostic::Diagnostic;
use ruff_db::files::{File, FileRootKind, Files};
use ruff_db::system::{OsSystem, System, SystemPathBuf};
use ruff_db::vendored::VendoredFileSystem;
use ruff_python_ast::PythonVersion;
use ty_module_resolver::{ResolverEnvironment, SearchPathSettings, UseDefaultStrategy};
use ty_python_core::ProgramFile;
use ty_python_core::platform::PythonPlatform;
use ty_python_core::program::{Program, ProgramSettings};
use ty_python_semantic::lint::{LintRegistry, RuleSelection};
use ty_python_semantic::{AnalysisSettings, PythonVersionSource, PythonVersionWithSource, default_lint_registry};

use crate::environment::utf8;
use crate::project::Project;
use crate::types::access;

/// What a program is: a salsa input, because the interned program must come from a query.
#[salsa::input]
struct ProgramInput {
    #[returns(ref)]
    settings: Arc<ProgramSettings>,
}

#[salsa::tracked(returns(copy))]
fn program<'db>(db: &'db dyn ty_python_semantic::Db, input: ProgramInput) -> Program<'db> {
    Program::from_settings(db, input.settings(db))
}

/// A database. Clones share what has been computed; each thread has its own clone.
#[salsa::db]
#[derive(Clone)]
pub(crate) struct Db {
    storage: Metered,
    files: Files,
    system: OsSystem,
    settings: Arc<ProgramSettings>,
    input: Option<ProgramInput>,
    own: Arc<[SystemPathBuf]>,
    rules: Arc<RuleSelection>,
    analysis: Arc<AnalysisSettings>,
}

/// Salsa's storage, which every piece of work on a database reaches through this wrapper.
#[derive(Clone)]
struct Metered(salsa::Storage<Db>);

impl Deref for Metered {
    type Target = salsa::Storage<Db>;

    #[inline]
    fn deref(&self) -> &salsa::Storage<Db> {
        access();
        &self.0
    }
}

impl DerefMut for Metered {
    fn deref_mut(&mut self) -> &mut salsa::Storage<Db> {
        &mut self.0
    }
}

/// What a database is built from.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    /// Folder that paths are relative to.
    working_directory: SystemPathBuf,
    /// Folders that hold the project's own modules.
    own: Vec<SystemPathBuf>,
    installed: Vec<SystemPathBuf>,
    version: PythonVersion,
}

impl Seed {
    /// The project's environment, with the modules below `own` before all others.
    pub(crate) fn new(project: &Project, own: &[PathBuf]) -> anyhow::Result<Seed> {
        let paths = |paths: &[PathBuf]| -> anyhow::Result<Vec<SystemPathBuf>> {
            let existing = paths.iter().filter(|path| path.is_dir());
            existing.map(|path| Ok(utf8(path)?.to_path_buf())).collect()
        };
        let (major, minor) = project.settings.python_version;
        Ok(Seed {
            working_directory: utf8(&project.root)?.to_path_buf(),
            own: paths(own)?,
            installed: paths(&project.environment.site_packages)?,
            version: PythonVersion { major, minor },
        })
    }
}

impl Db {
    /// An empty database.
    pub(crate) fn new(seed: &Seed) -> anyhow::Result<Db> {
        let system = OsSystem::new(&seed.working_directory);
        let search_paths = SearchPathSettings {
            extra_paths: Vec::new(),
            src_roots: seed.own.clone(),
            custom_typeshed: None,
            site_packages_paths: seed.installed.clone(),
            real_stdlib_path: None,
        };
        let search_paths = search_paths
            .to_search_paths(&system, ty_vendored::file_system(), &UseDefaultStrategy)
            .map_err(|error: std::convert::Infallible| match error {})
            .context("the search paths for modules")?;
        let python_version = PythonVersionWithSource { version: seed.version, source: PythonVersionSource::Cli };
        let settings =
            Arc::new(ProgramSettings { python_version, python_platform: PythonPlatform::default(), search_paths });
        let mut db = Db {
            storage: Metered(salsa::Storage::new(None)),
            files: Files::default(),
            system,
            settings: Arc::clone(&settings),
            input: None,
            own: Arc::from(&*seed.own),
            rules: Arc::new(RuleSelection::from_registry(default_lint_registry())),
            analysis: Arc::new(AnalysisSettings::default()),
        };
        for root in db.own.iter() {
            db.files.try_add_root(&db, root, FileRootKind::Project);
        }
        settings.search_paths.try_register_static_roots(&db);
        db.input = Some(ProgramInput::new(&db, settings));
        Ok(db)
    }

    /// Where modules are looked for.
    pub(crate) fn resolver(&self) -> ResolverEnvironment<'_> {
        let settings = &self.settings;
        ResolverEnvironment::new(self, settings.python_version.version, &settings.search_paths)
    }

    fn program(&self) -> Program<'_> {
        program(self, self.input.expect("a database is handed out with its program"))
    }
}

#[salsa::db]
impl salsa::Database for Db {}

#[salsa::db]
impl ruff_db::Db for Db {
    fn vendored(&self) -> &VendoredFileSystem {
        ty_vendored::file_system()
    }

    fn system(&self) -> &dyn System {
        &self.system
    }

    fn files(&self) -> &Files {
        &self.files
    }
}

#[salsa::db]
impl ty_module_resolver::Db for Db {}

#[salsa::db]
impl ty_python_core::Db for Db {
    fn should_check_file(&self, file: File) -> bool {
        let path = file.path(self).as_system_path();
        path.is_some_and(|path| self.own.iter().any(|root| path.starts_with(root)))
    }
}

#[salsa::db]
impl ty_python_semantic::Db for Db {
    fn check_file(&self, file: File) -> Vec<Diagnostic> {
        ty_python_semantic::check_file_unwrap(self, self.program_file(file))
    }

    fn program_file(&self, file: File) -> ProgramFile<'_> {
        self.program().program_file(self, file)
    }

    fn python_version_with_source(&self, _file: File) -> &PythonVersionWithSource {
        &self.settings.python_version
    }

    fn rule_selection(&self, _file: File) -> &RuleSelection {
        &self.rules
    }

    fn lint_registry(&self) -> &LintRegistry {
        default_lint_registry()
    }

    fn analysis_settings(&self, _file: File) -> &AnalysisSettings {
        &self.analysis
    }

    fn verbose(&self) -> bool {
        false
    }

    fn is_open_file(&self, _file: File) -> bool {
        false
    }

    fn dyn_clone(&self) -> Box<dyn ty_python_semantic::Db> {
        Box::new(self.clone())
    }
}
