//! Ctrl-C in long blocking calls, without knowing Python.

use std::sync::OnceLock;
use std::time::Duration;

use crate::error::Result;

/// How long a call may block between two checks.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// How many short steps (one file each) may pass between two checks.
pub const STEPS: usize = 256;

static CHECK: OnceLock<fn() -> Result<()>> = OnceLock::new();

/// Install the check that the embedding program wants made; only the first call counts.
pub fn install(check: fn() -> Result<()>) {
    let _ = CHECK.set(check);
}

/// An error if the embedding program wants the current call to end.
///
/// # Errors
/// Whatever the installed check returns.
pub fn check() -> Result<()> {
    CHECK.get().map_or(Ok(()), |check| check())
}
