"""The history of spec 1: one file for each ref, ancestry in the snapshot files."""
