"""Bringing the sessions of many writers back together."""

from frazil.integrations.distributed import extract_session, merge_sessions

__all__ = ["extract_session", "merge_sessions"]
