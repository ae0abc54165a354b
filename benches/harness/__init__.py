"""The harness of the benchmarks; see README.md."""

from harness.bench import Bench
from harness.processes import memory_kib, reset_peak
from harness.registry import case, child
from harness.subjects import AUTOMATIC, Handle, Subject

__all__ = ["AUTOMATIC", "Bench", "Handle", "Subject", "case", "child", "memory_kib", "reset_peak"]
