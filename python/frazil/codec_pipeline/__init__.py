"""Whole batches of chunks between arrays and the store: the codec pipeline that zarr opens arrays with."""

from frazil.codec_pipeline.activation import activate_unless_chosen, use_codec_pipeline
from frazil.codec_pipeline.pipeline import FrazilCodecPipeline
from frazil.codec_pipeline.tree_store import TreeStore

__all__ = ["FrazilCodecPipeline", "TreeStore", "activate_unless_chosen", "use_codec_pipeline"]
