"""When zarr is told to use the pipeline: by a call, or by itself unless somebody chose another one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zarr

import frazil
from frazil.codec_pipeline import FrazilCodecPipeline, activate_unless_chosen, use_codec_pipeline
from frazil.codec_pipeline.activation import PATH
from frazil.codec_pipeline.zarr_default import SETTING, default_pipeline_class, default_pipeline_path

BATCHED = "zarr.core.codec_pipeline.BatchedCodecPipeline"

SCRIPT = """
import json, sys, zarr, frazil
before = zarr.config.get("codec_pipeline.path")
{setup}
store = frazil.Repository.create(frazil.in_memory_storage()).writable_session("main").store
print(json.dumps([before, zarr.config.get("codec_pipeline.path")]))
"""


def in_fresh_process(setup: str = "", **environment: str) -> list[str]:
    """zarr's setting before and after a store was first used."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(setup=setup)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_first_store_switches_it_on() -> None:
    assert in_fresh_process() == [default_pipeline_path(), PATH]


@pytest.mark.parametrize("word", ["off", "OFF", "0", "false", "no"])
def test_an_environment_variable_keeps_it_off(word: str) -> None:
    assert in_fresh_process(FRAZIL_CODEC_PIPELINE=word)[1] == default_pipeline_path()


def test_a_choice_of_the_environment_stays_even_if_it_is_the_default() -> None:
    assert in_fresh_process(ZARR_CODEC_PIPELINE__PATH=BATCHED) == [BATCHED, BATCHED]


def test_a_choice_in_a_file_stays_even_if_it_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "zarr.yaml").write_text(f"codec_pipeline:\n  path: {BATCHED}\n")
    assert in_fresh_process(ZARR_CONFIG=str(tmp_path)) == [BATCHED, BATCHED]


def test_a_choice_of_the_program_stays_even_if_it_is_the_default() -> None:
    setup = f'zarr.config.set({{"codec_pipeline.path": "{BATCHED}"}})'
    assert in_fresh_process(setup)[1] == BATCHED


def test_a_choice_for_a_while_lasts_as_long() -> None:
    with zarr.config.set({SETTING: BATCHED}):
        activate_unless_chosen()
        assert zarr.config.get(SETTING) == BATCHED
    with zarr.config.set({SETTING: default_pipeline_path()}):
        activate_unless_chosen()
        assert zarr.config.get(SETTING) == PATH


def test_it_can_be_chosen_for_a_while() -> None:
    with zarr.config.set({SETTING: BATCHED}):
        with use_codec_pipeline():
            assert zarr.config.get(SETTING) == PATH
        assert zarr.config.get(SETTING) == BATCHED


def test_it_is_public() -> None:
    assert frazil.use_codec_pipeline is use_codec_pipeline
    assert PATH == "frazil.codec_pipeline.FrazilCodecPipeline"


def test_it_is_what_zarr_would_use_and_more() -> None:
    default = default_pipeline_class()
    assert f"{default.__module__}.{default.__qualname__}" == default_pipeline_path()
    assert issubclass(FrazilCodecPipeline, default)
