//! What a process does with the locks of the core when it forks.

use std::thread;
use std::time::{Duration, Instant};

use frazil_core::sync;
use pyo3::prelude::*;

/// Whoever holds a lock longer than that does not keep the process from forking.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(50);

/// Wait until no other thread holds a lock of the core, and keep them from taking one until `after_fork`.
#[pyfunction]
pub fn before_fork(py: Python<'_>) {
    let begin = Instant::now();
    // The GIL is held from the moment that the gate is closed: whoever has it then never waits at the gate.
    while !sync::close() && begin.elapsed() < PATIENCE {
        py.detach(|| thread::sleep(PAUSE));
    }
}

/// Let threads take locks again.
#[pyfunction]
pub fn after_fork(child: bool) {
    sync::open(child);
}
