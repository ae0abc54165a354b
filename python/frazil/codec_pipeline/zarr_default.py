"""The pipeline that zarr uses where nobody chose one."""

from __future__ import annotations

from typing import Any, Final

import zarr
from zarr.abc.codec import CodecPipeline
from zarr.core import codec_pipeline

SETTING: Final = "codec_pipeline.path"


def default_pipeline_path() -> Any:
    """Zarr's own value of the setting, the very object, whatever is set now; None if zarr has none."""
    for defaults in zarr.config.defaults:
        section = defaults.get("codec_pipeline")
        if isinstance(section, dict) and "path" in section:
            return section["path"]
    return None


def default_pipeline_class() -> type[CodecPipeline]:
    """The class that zarr's default names."""
    path = default_pipeline_path()
    if isinstance(path, str) and path.startswith(f"{codec_pipeline.__name__}."):
        found = getattr(codec_pipeline, path.rpartition(".")[2], None)
        if isinstance(found, type) and issubclass(found, CodecPipeline):
            return found
    return codec_pipeline.BatchedCodecPipeline
