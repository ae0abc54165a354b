"""The public values of the history: commits, differences, entries of the operations log."""
