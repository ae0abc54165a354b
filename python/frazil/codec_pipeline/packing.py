"""Whether many small chunks that are written together share objects."""

from __future__ import annotations

from typing import Final

import zarr

from frazil.codec_pipeline.switches import is_off

SETTING: Final = "frazil.pack_chunks"
"""A setting of zarr's configuration, since that is where the choice of the pipeline is."""

SWITCH: Final = "FRAZIL_PACK_CHUNKS"
"""The environment variable that counts where the setting was not made."""


def packs_chunks() -> bool:
    """What the program has chosen, else the environment, else yes."""
    chosen = zarr.config.get(SETTING, None)
    return not is_off(SWITCH) if chosen is None else bool(chosen)
