//! Any bytes are a Python file as far as the facts go: they are read, or it is said why not, and nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| raddle_facts::fuzz(data));
