//! Strategies against brute force, on a machine that runs small programs.

mod exhaustive;
mod model;
