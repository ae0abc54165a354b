//! The metadata files from outside: real ones, generated ones and broken ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at surprises"
)]

use std::alloc::System;

use cap::Cap;

mod changes;
mod envelopes;
mod generate;
mod golden;
mod hostile;
mod manifests;
mod repos;
mod snapshots;
mod tables;
mod values;

/// Ends a test run that asks for unreasonable memory, as a decoder that believes a broken length would.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 2 << 30);

/// `ordinary` cases, a hundred times as many in a soak run.
fn cases(ordinary: u32) -> proptest::test_runner::Config {
    let soak = std::env::var("FRAZIL_SOAK").is_ok_and(|value| !matches!(value.as_str(), "" | "0"));
    let cases = if soak { ordinary * 100 } else { ordinary };
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
