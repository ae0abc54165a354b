"""Maintenance of spec 1, whose history is in refs and snapshot files."""
