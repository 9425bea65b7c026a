//! Strategies against brute force and on classic programs, on a machine that runs small programs.

mod classics;
mod exhaustive;
mod model;
mod orders;
