"""Shared by all parts of an open repository: its context, new files, and manifests fetched before they are asked for."""
