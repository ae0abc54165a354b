"""Files of every kind with something changed in them, used end to end: a typed error or an answer, within 2 GiB."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

import frazil
from frazil import Repository, RepositoryConfig
from tests.repo.sources import ROOT

AT_ONCE: Final = 2500
"""Mutations of one process."""
LONGEST: Final = 1200
"""Seconds of one process, after which it hangs: many times what it takes."""


def build(path: Path, spec_version: Any) -> None:
    """A repository that has every kind of file, and in them every kind of entry."""
    storage = frazil.local_filesystem_storage(str(path), durable=False)
    config = RepositoryConfig(inline_chunk_threshold_bytes=12)
    repo = Repository.create(storage, config, spec_version=spec_version)
    repo.save_config()
    with repo.transaction("main", message="one", metadata={"k": [1, {"x": None}], "f": 1.5}) as store:
        group = zarr.create_group(store, attributes={"of": "the root"})
        group.create_array("a", shape=(16,), chunks=(2,), dtype="i4", compressors=None)[:8] = 1
        for name, codec in {"b": ZstdCodec(), "c": GzipCodec(), "d": BloscCodec(cname="lz4")}.items():
            array = group.create_array(name, shape=(400,), chunks=(200,), dtype="f8", compressors=codec)
            array[:] = np.arange(400) % 17
        shards = group.create_array("e", shape=(20, 20), shards=(20, 20), chunks=(5, 5), dtype="u2", compressors=None)
        shards[:10] = 7
        group.create_array("s", shape=(), dtype="i8", dimension_names=(), compressors=None)[...] = 5
    repo.create_branch("old", repo.lookup_branch("main"))
    with repo.transaction("main", message="two") as store:
        root = zarr.open_group(store, mode="r+")
        root.attrs["more"] = "x" * 100
        root["a"][4:] = 3
        root.create_group("g").create_array("v", shape=(4,), chunks=(1,), dtype="u1", compressors=None)
        for number in range(4):
            store.set_virtual_ref(
                f"g/v/c/{number}", "file:///nowhere/x.bin", offset=number, length=1, validate_container=False
            )
        del root["b"]
    repo.create_tag("t", repo.lookup_branch("main"))
    repo.create_tag("gone", repo.lookup_branch("main"))
    repo.delete_tag("gone")
    if spec_version == 2:
        repo.set_metadata({"about": ["this", 1]})


def mutate(path: Path, seed: int, count: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.mutating", str(path), str(seed), str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, (seed, done.returncode, done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(6 * 3600)
def test_mutated_files_are_errors_or_answers(tmp_path: Path, amount: Callable[[int, int], int]) -> None:
    """100,000 in a soak run."""
    total = amount(300, 100_000)
    for spec_version in (1, 2):
        build(tmp_path / str(spec_version), spec_version)
    at_once = min(AT_ONCE, total // 2)
    runs = [(tmp_path / str(number % 2 + 1), number, at_once) for number in range(total // at_once)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda run: mutate(*run), runs))
    bad = [(number, *one) for number, run in enumerate(found) for one in run["bad"]]
    assert not bad, "\n".join(map(str, bad[:20]))
    typed = sum(count for run in found for name, count in run["outcomes"].items() if name.endswith(" typed"))
    assert typed > total // 4
