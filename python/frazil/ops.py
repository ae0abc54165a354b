"""What was done to a repository, and by its upkeep."""

from frazil.history.shown.ops_log_entry import Update, UpdateType
from frazil.maintenance.summary import GCSummary

__all__ = ["GCSummary", "Update", "UpdateType"]
