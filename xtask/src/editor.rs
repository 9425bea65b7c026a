//! The extension for Visual Studio Code: its types, its bundle, its tests against the real server, and the package.

use anyhow::{Result, bail};

use crate::{child, places, raddle};

const FOLDER: &str = "editors/vscode";

/// Builds and tests the extension, where there is an npm.
///
/// # Errors
///
/// When a step fails.
pub(crate) fn test() -> Result<usize> {
    if !child::command("npm", &["--version"]).output().is_ok_and(|output| output.status.success()) {
        println!("no npm: the extension for Visual Studio Code is not built");
        return Ok(0);
    }
    let raddle = raddle::build()?;
    let npm = |arguments: &[&str]| {
        let mut command = child::command("npm", arguments);
        command.current_dir(places::root().join(FOLDER)).env("RADDLE_BINARY", &raddle);
        command
    };
    child::run(&mut npm(&["ci", "--no-progress"]))?;
    let (said, is_fine) = child::watched(&mut npm(&["test"]))?;
    if !is_fine {
        bail!("the tests of the extension fail");
    }
    child::run(&mut npm(&["run", "package"]))?;
    Ok(said.lines().filter_map(passed_of).sum())
}

/// `# pass 3`, or `ℹ pass 3` on a terminal.
fn passed_of(line: &str) -> Option<usize> {
    line.trim().strip_prefix(['#', 'ℹ'])?.trim().strip_prefix("pass ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_node_counts() {
        assert_eq!(passed_of("# pass 3"), Some(3));
        assert_eq!(passed_of("ℹ pass 12"), Some(12));
        assert_eq!(passed_of("# passes 3"), None);
    }
}
