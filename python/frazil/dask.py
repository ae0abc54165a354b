"""Writing dask arrays through the forks of a session."""

from frazil.integrations.distributed import extract_session, merge_sessions
from frazil.integrations.optional import needs

with needs("dask", extra="dask"):
    from frazil.integrations.dask import (
        SimpleGraph,
        computing_meta,
        merge_sessions_array_kwargs,
        session_merge_reduction,
        store_dask,
    )

__all__ = [
    "SimpleGraph",
    "computing_meta",
    "extract_session",
    "merge_sessions",
    "merge_sessions_array_kwargs",
    "session_merge_reduction",
    "store_dask",
]
