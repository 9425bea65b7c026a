//! The Python environment whose packages the project imports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use ruff_db::system::{OsSystem, SystemPath, SystemPathBuf};
use ty_site_packages::{PythonEnvironment, SysPrefixPathOrigin};

use crate::error::{SourceError, SourceErrorKind};
use crate::paths::{absolute, shown};
use crate::project::Request;

/// Where the environment was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EnvironmentOrigin {
    /// The caller named it.
    Request,
    /// `VIRTUAL_ENV`.
    VirtualEnv,
    /// `CONDA_PREFIX`.
    Conda,
    /// `.venv` in the project root.
    Local,
    /// There is none: only the standard library is known.
    None,
}

/// A Python installation or virtual environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Where it was found.
    pub origin: EnvironmentOrigin,
    /// `sys.prefix`.
    pub prefix: Option<PathBuf>,
    /// Folders with installed packages, in import order.
    pub site_packages: Vec<PathBuf>,
    /// The version it says it has.
    pub python_version: Option<(u8, u8)>,
}

impl Environment {
    fn none() -> Environment {
        Environment { origin: EnvironmentOrigin::None, prefix: None, site_packages: Vec::new(), python_version: None }
    }
}

/// Finds the environment. One that the caller named must work; an activated one that does not is an error to show.
pub(crate) fn environment(
    request: &Request,
    root: &Path,
    errors: &mut Vec<SourceError>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> anyhow::Result<Environment> {
    if let Some(python) = &request.python {
        let path = absolute(python, &request.working_directory);
        return inspect(&path, EnvironmentOrigin::Request, root).with_context(|| {
            let python = shown(python);
            format!("{python}: not a Python environment; give `--python` an interpreter or a virtual environment")
        });
    }
    let activated = variable("VIRTUAL_ENV").map(|path| (path, EnvironmentOrigin::VirtualEnv));
    let conda = variable("CONDA_PREFIX").map(|path| (path, EnvironmentOrigin::Conda));
    let base = matches!(variable("CONDA_DEFAULT_ENV").as_deref(), Some("base" | "root"));
    let local = root.join(".venv");
    let local = local.is_dir().then(|| (shown(&local), EnvironmentOrigin::Local));
    // As ty does: conda's base environment is nobody's choice, so a project's own one wins over it.
    let order = if base { [activated, local, conda] } else { [activated, conda, local] };
    for (path, origin) in order.into_iter().flatten().filter(|(path, _)| !path.is_empty()) {
        match inspect(&absolute(Path::new(&path), &request.working_directory), origin, root) {
            Ok(environment) => return Ok(environment),
            // A folder that is only called `.venv` is nobody's wish.
            Err(_) if origin == EnvironmentOrigin::Local => {}
            Err(error) => {
                let detail = format!("{error:#}");
                errors.push(SourceError::whole(&Arc::from(path), SourceErrorKind::BadEnvironment, detail));
            }
        }
    }
    Ok(Environment::none())
}

fn inspect(path: &Path, origin: EnvironmentOrigin, root: &Path) -> anyhow::Result<Environment> {
    let system = OsSystem::new(utf8(root)?);
    let said = match origin {
        EnvironmentOrigin::Request | EnvironmentOrigin::None => SysPrefixPathOrigin::PythonCliFlag,
        EnvironmentOrigin::VirtualEnv => SysPrefixPathOrigin::VirtualEnvVar,
        EnvironmentOrigin::Conda => SysPrefixPathOrigin::CondaPrefixVar,
        EnvironmentOrigin::Local => SysPrefixPathOrigin::LocalVenv,
    };
    let found = PythonEnvironment::new(utf8(path)?, said, &system).map_err(|error| anyhow!("{error}"))?;
    let site_packages = found.site_packages_paths(&system).map_err(|error| anyhow!("{error}"))?;
    let version = found.python_version_from_metadata().cloned();
    let version = version.or_else(|| site_packages.python_version_from_layout());
    Ok(Environment {
        origin,
        prefix: Some(found.sys_prefix().as_std_path().to_path_buf()),
        python_version: version.map(|version| version.version.as_tuple()),
        site_packages: site_packages.into_vec().into_iter().map(SystemPathBuf::into_std_path_buf).collect(),
    })
}

/// The path as ruff's crates take it.
pub(crate) fn utf8(path: &Path) -> anyhow::Result<&SystemPath> {
    SystemPath::from_std_path(path)
        .with_context(|| format!("{}: the path is not UTF-8; move or rename the folder", path.display()))
}
