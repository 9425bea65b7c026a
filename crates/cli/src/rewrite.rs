//! Files written anew: in their encoding, with their line ends and permissions, whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use raddle_source::{Kind, Text, encode, syntax};
use similar::TextDiff;

/// Writes a file anew, or notes what would change; why it is left alone, where it is.
pub(crate) fn rewritten(
    only_diff: bool,
    shown: &Arc<str>,
    before: &str,
    after: &str,
    diff: &mut String,
) -> Result<Option<&'static str>> {
    let path = PathBuf::from(&**shown);
    let kind = match path.extension().and_then(|it| it.to_str()) {
        Some("ipynb") => return Ok(Some("fix-notebook")),
        Some("pyi") => Kind::Stub,
        Some(_) | None => Kind::Python,
    };
    if fs::symlink_metadata(&path).is_ok_and(|it| it.is_symlink()) {
        return Ok(Some("fix-link"));
    }
    if syntax::parse_module(before).is_ok() && syntax::parse_module(after).is_err() {
        return Ok(Some("fix-broken"));
    }
    let bytes = fs::read(&path).with_context(|| format!("{}", path.display()))?;
    let Ok(now) = Text::of_bytes(&bytes, shown, kind) else { return Ok(Some("fix-changed")) };
    if *now.content != *before {
        return Ok(Some("fix-changed"));
    }
    if only_diff {
        let changes = TextDiff::from_lines(before, after);
        let header = |side: &str| format!("{side}/{shown}");
        diff.push_str(&changes.unified_diff().header(&header("a"), &header("b")).to_string());
        return Ok(None);
    }
    let Some(bytes) = encode(after, &now.encoding, now.mark) else { return Ok(Some("fix-encoding")) };
    replace(&path, &bytes)?;
    Ok(None)
}

/// Puts a whole file in the place of another, with its permissions, so that nobody ever sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("{}", path.display());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    let permissions = fs::metadata(path).with_context(failed)?.permissions();
    fs::set_permissions(file.path(), permissions).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
