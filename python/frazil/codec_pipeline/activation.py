"""Telling zarr to use the pipeline: zarr chooses it by configuration only, for all stores of a process."""

from __future__ import annotations

from typing import Any, Final

import zarr

from frazil.codec_pipeline import packing
from frazil.codec_pipeline.pipeline import FrazilCodecPipeline
from frazil.codec_pipeline.switches import is_off
from frazil.codec_pipeline.zarr_default import SETTING, default_pipeline_path
from frazil.names import public

PATH: Final = f"{FrazilCodecPipeline.__module__}.{FrazilCodecPipeline.__qualname__}"
"""What zarr's setting has to be."""

SWITCH: Final = "FRAZIL_CODEC_PIPELINE"
"""The environment variable that keeps the pipeline from being switched on by itself."""


@public
def use_codec_pipeline(*, pack_chunks: bool | None = None) -> Any:
    """Let zarr open arrays with Frazil's codec pipeline from now on.

    Arrays of other stores are read and written as before.  Frazil does this by itself when a store is first used, unless
    the setting has been chosen by anybody or the environment variable ``FRAZIL_CODEC_PIPELINE`` is ``off``.

    Parameters
    ----------
    pack_chunks
        Whether small chunks that are written together, eight or more with one assignment, share objects of up to 4 MiB
        instead of being an object each.  Readers need not know.  The space of a chunk that nothing refers to any more is
        freed when that holds for all chunks of its object.  None leaves it as it is: on, unless the environment variable
        ``FRAZIL_PACK_CHUNKS`` is ``off``.

    Returns
    -------
    donfig.config_obj.ConfigSet
        What ``zarr.config.set`` returns: as a context manager it takes the setting back at the end.
    """
    chosen: dict[str, Any] = {SETTING: PATH}
    if pack_chunks is not None:
        chosen[packing.SETTING] = pack_chunks
    return zarr.config.set(chosen)


def activate_unless_chosen() -> None:
    """Switch the pipeline on if the setting still is zarr's own default."""
    if zarr.config.get(SETTING) is default_pipeline_path() and not is_off(SWITCH) and not _is_configured():
        use_codec_pipeline()


def _is_configured() -> bool:
    """Whether a file or the environment names a pipeline, be it the default one.

    A setting made by the program is told by identity: the default is the very object that zarr's defaults hold.
    """
    section = zarr.config.collect().get("codec_pipeline")
    return isinstance(section, dict) and "path" in section
