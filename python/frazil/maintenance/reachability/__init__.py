"""The walk from refs to snapshots, manifests and chunks, past the caches and with bounded memory."""
