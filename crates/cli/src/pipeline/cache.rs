//! What is kept between runs: facts by the content of the file, and the last result by the content of everything.
//!
//! A pack is written beside the old one and renamed over it, so that two runs at once, or one that is killed, leave a
//! whole pack of one of them. A cache that cannot be read or written is a slower run, never a failed one.

use std::io::{BufWriter, Write};
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

/// What stands at the head of a pack: by which raddle it was written, and where the facts of each file begin and end.
#[derive(Debug, Default, Encode, Decode)]
struct Index {
    raddle: Key,
    entries: Vec<(Key, u64, u64)>,
}

/// Facts as they were kept: one piece of memory, and where in it each file's are.
#[derive(Debug, Default)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    places: FxHashMap<Key, (usize, usize)>,
}

impl Pack {
    /// The packed facts of a file.
    pub(super) fn get(&self, key: &Key) -> Option<&[u8]> {
        self.places.get(key).and_then(|(start, end)| self.bytes.get(*start..*end))
    }

    /// All of them.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Key, &[u8])> {
        self.places.keys().filter_map(|key| Some((*key, self.get(key)?)))
    }

    fn read(bytes: Vec<u8>, raddle: Key) -> Option<Pack> {
        let head: [u8; 8] = bytes.get(..8)?.try_into().ok()?;
        let start = usize::try_from(u64::from_le_bytes(head)).ok()?.checked_add(8)?;
        let index: Index = bitcode::decode(bytes.get(8..start)?).ok()?;
        if index.raddle != raddle {
            return None;
        }
        let place = |at: u64| usize::try_from(at).ok()?.checked_add(start);
        let places = index.entries.iter().filter_map(|(key, from, to)| Some((*key, (place(*from)?, place(*to)?))));
        let places = places.collect();
        Some(Pack { places, bytes })
    }
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

    /// The facts that are kept under a name.
    pub(super) fn facts(&self, name: &str) -> Pack {
        let bytes = std::fs::read(self.folder.join(name)).ok();
        bytes.and_then(|bytes| Pack::read(bytes, self.raddle)).unwrap_or_default()
    }

    /// Keeps these facts and no others.
    pub(super) fn keep_facts(&self, name: &str, entries: &[(Key, &[u8])]) {
        let mut index = Index { raddle: self.raddle, entries: Vec::with_capacity(entries.len()) };
        let mut at = 0;
        for (key, bytes) in entries {
            let end = at + bytes.len() as u64;
            index.entries.push((*key, at, end));
            at = end;
        }
        let index = bitcode::encode(&index);
        let head = (index.len() as u64).to_le_bytes();
        let parts = [&head[..], &index[..]].into_iter().chain(entries.iter().map(|(_, bytes)| *bytes));
        let _written = write_whole(&self.folder, name, parts);
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
            let _written = write_whole(&self.folder, "result", std::iter::once(&bytes[..]));
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

fn write_whole<'b>(folder: &Path, name: &str, parts: impl Iterator<Item = &'b [u8]>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n")?;
    }
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    for part in parts {
        file.write_all(part)?;
    }
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
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
