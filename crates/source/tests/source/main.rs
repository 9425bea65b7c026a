//! The crate as its users see it: real files in temporary folders, text out.

// A test that cannot set itself up has failed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod discovery;
mod folder;
mod libraries;
mod modules;
mod reading;
mod settings;
mod suppressions;
mod trees;
mod types;
