"""The mutable part of a repository: branches, tags, the chain of snapshots, the operations log."""
