"""Coroutines and threads: awaiting the extension's reads, and coroutine twins of blocking functions."""
