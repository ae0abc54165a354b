"""Module names of the compatible API that belong to other projects' code."""
