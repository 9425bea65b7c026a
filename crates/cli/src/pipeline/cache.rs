//! What is kept between runs: facts by the content of the file, and the last result by the content of everything.
//!
//! A pack is written beside the old one and renamed over it, so that two runs at once, or one that is killed, leave a
//! whole pack of one of them. A cache that cannot be read or written is a slower run, never a failed one.

use std::io::Write;
use std::path::{Path, PathBuf};

use bitcode::{Decode, Encode};
use raddle_facts::FileFacts;
use raddle_remedies::Habits;
use raddle_source::{Kind, Project, Text};
use raddle_vocabulary::Finding;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Checked;
use crate::request::{Cache, CheckRequest};

/// Identifies what was read and by which raddle.
pub(super) type Key = [u8; 16];

/// The cache of one project.
pub(super) struct Keep {
    folder: PathBuf,
    raddle: Key,
}

/// A result, before anything is filtered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    key: Key,
    pub(super) findings: Vec<Finding>,
    pub(super) unknown: std::collections::BTreeMap<String, u64>,
    pub(super) habits: Habits,
}

#[derive(Debug, Default, Encode, Decode)]
struct Pack {
    raddle: Key,
    entries: Vec<(Key, Vec<u8>)>,
}

impl Keep {
    /// The cache that a run is to use.
    pub(super) fn of(request: &CheckRequest, project: &Project) -> Option<Keep> {
        let folder = match &request.cache {
            Cache::Off => return None,
            Cache::At(folder) => folder.clone(),
            Cache::InProject => project.root.join(".raddle_cache"),
        };
        Some(Keep { folder, raddle: this_raddle()? })
    }

    /// The facts that are kept, by key: those of the project, or those of the library.
    pub(super) fn facts(&self, name: &str) -> FxHashMap<Key, Vec<u8>> {
        let pack = std::fs::read(self.folder.join(name)).ok().and_then(|bytes| bitcode::decode::<Pack>(&bytes).ok());
        match pack {
            Some(pack) if pack.raddle == self.raddle => pack.entries.into_iter().collect(),
            _ => FxHashMap::default(),
        }
    }

    /// Keeps these facts and no others.
    pub(super) fn keep_facts(&self, name: &str, entries: Vec<(Key, Vec<u8>)>) {
        self.write(name, &bitcode::encode(&Pack { raddle: self.raddle, entries }));
    }

    /// The last result, if it was of exactly this.
    pub(super) fn result(&self, key: Key) -> Option<Kept> {
        let bytes = std::fs::read(self.folder.join("result")).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        (kept.key == key).then_some(kept)
    }

    /// Keeps a result for the next run.
    pub(super) fn keep_result(&self, key: Key, findings: &[Finding], checked: &Checked) {
        let (unknown, habits) = (checked.unknown.clone(), checked.habits.clone());
        let kept = Kept { key, findings: findings.to_vec(), unknown, habits };
        if let Ok(bytes) = serde_json::to_vec(&kept) {
            self.write("result", &bytes);
        }
    }

    /// Identifies everything a result depends on; `None` where that is more than the project's own files.
    pub(super) fn result_key(&self, project: &Project, texts: &[&Text]) -> Option<Key> {
        if !project.environment.site_packages.is_empty() {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.raddle);
        hasher.update(format!("{:?}", project.settings.python_version).as_bytes());
        hasher.update(project.settings.models.to_string().as_bytes());
        for (file, text) in project.files.iter().zip(texts) {
            hasher.update(file.display.as_bytes());
            hasher.update(&[0]);
            hasher.update(file.module.as_bytes());
            hasher.update(&[0]);
            hasher.update(&text.hash);
        }
        Some(short(&hasher))
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let _written = write_whole(&self.folder, name, bytes);
    }
}

/// Identifies a file's facts.
pub(super) fn facts_key(text: &Text, kind: Kind, python_version: (u8, u8)) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&text.hash);
    hasher.update(&[
        python_version.0,
        python_version.1,
        u8::from(kind == Kind::Stub),
        u8::from(kind == Kind::Notebook),
    ]);
    short(&hasher)
}

/// Facts as they are kept.
pub(super) fn packed(facts: &FileFacts) -> Vec<u8> {
    bitcode::encode(facts)
}

/// Kept facts; `None` if the bytes are not what this raddle would have written.
pub(super) fn unpacked(bytes: &[u8]) -> Option<FileFacts> {
    bitcode::decode(bytes).ok()
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n")?;
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

/// The running raddle by its version, size and time of building: another build may see other facts.
fn this_raddle() -> Option<Key> {
    let path = std::env::current_exe().ok()?;
    let about = path.metadata().ok()?;
    let built = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(&about.len().to_le_bytes());
    hasher.update(&built.as_nanos().to_le_bytes());
    Some(short(&hasher))
}

fn short(hasher: &blake3::Hasher) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}
