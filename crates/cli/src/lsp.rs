//! `raddle lsp`: a language server over standard input and output. Findings appear as somebody types, judged on the whole
//! program with what the editor holds in place of what is on the disk.

mod actions;
mod answers;
mod client;
mod documents;
mod options;
mod positions;
mod publish;
mod server;
mod worker;

pub(crate) use server::serve;
