//! A project as text, trees and types; the only crate that names the `ty_*` crates.

mod db;
mod depth;
mod discover;
mod encoding;
mod environment;
mod error;
mod layout;
mod library;
mod modules;
mod paths;
mod place;
mod project;
mod settings;
mod silence;
mod suppress;
pub mod syntax;
mod text;
mod toml_place;
mod tree;
mod types;

pub use depth::DEPTH_LIMIT;
pub use discover::discover;
pub use encoding::encode;
pub use environment::{Environment, EnvironmentOrigin};
pub use error::{SourceError, SourceErrorKind};
pub use library::{Library, LibraryFile, Origin};
pub use modules::Modules;
pub use place::{LineIndex, Place};
pub use project::{Kind, Project, ProjectFile, Request};
pub use settings::{Named, Pattern, PerFile, Preset, Settings, VersionSource};
pub use silence::silence;
pub use suppress::{Malformed, Suppression, Suppressions, Unused};
pub use text::{Cell, SIZE_LIMIT, Text};
pub use tree::{Tree, parse};
pub use types::{Answer, Because, Counts, Types, WORK_LIMIT};
