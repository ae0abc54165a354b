"""Object stores of virtual chunk containers as trees (format section 4.3)."""

from __future__ import annotations

from frazil.config.enums import ChecksumAlgorithm
from frazil.config.object_store import ObjectStoreConfig
from frazil.config.persistence.tree import (
    PLAIN,
    Codec,
    Shape,
    Tagged,
    Tree,
    struct,
    unknown_variant,
    variant,
)
from frazil.config.s3_options import S3Options

_CHECKSUMS = {
    "crc32": ChecksumAlgorithm.Crc32,
    "crc32c": ChecksumAlgorithm.Crc32c,
    "crc64_nvme": ChecksumAlgorithm.Crc64Nvme,
    "sha1": ChecksumAlgorithm.Sha1,
    "sha256": ChecksumAlgorithm.Sha256,
}
_CHECKSUM_NAMES = {algorithm: name for name, algorithm in _CHECKSUMS.items()}


def _read_checksum(tree: Tree) -> ChecksumAlgorithm:
    name, _ = variant("checksum algorithm", tree)
    if name not in _CHECKSUMS:
        raise unknown_variant("checksum algorithm", name)
    return _CHECKSUMS[name]


_S3_OPTIONS: Shape = {
    "region": PLAIN,
    "endpoint_url": PLAIN,
    "anonymous": PLAIN,
    "allow_http": PLAIN,
    "force_path_style": PLAIN,
    "network_stream_timeout_seconds": PLAIN,
    "requester_pays": PLAIN,
    "checksum_algorithm": Codec(_CHECKSUM_NAMES.__getitem__, _read_checksum),
}
S3_OPTIONS = struct(S3Options, _S3_OPTIONS)


def _write(store: ObjectStoreConfig) -> Tree:
    match store:
        case ObjectStoreConfig.LocalFileSystem(path):
            return Tagged("local_file_system", path)
        case ObjectStoreConfig.S3(options):
            return Tagged("s3", S3_OPTIONS.write(options))
        case ObjectStoreConfig.S3Compatible(options):
            return Tagged("s3_compatible", S3_OPTIONS.write(options))
        case ObjectStoreConfig.Tigris(options):
            return Tagged("tigris", S3_OPTIONS.write(options))
        case ObjectStoreConfig.Gcs():
            return Tagged("gcs", dict(store.opts))
        case ObjectStoreConfig.Azure():
            return Tagged("azure", dict(store.opts))
        case ObjectStoreConfig.Http():
            # Older readers cannot parse a configuration that has headers, so only write them if there are any.
            headers = {"headers": dict(store.headers)} if store.headers else {}
            return Tagged("http", {**store.opts, **headers})
        case _:
            return "in_memory"


def _read(tree: Tree) -> ObjectStoreConfig:
    name, value = variant("object store", tree)
    match name:
        case "in_memory":
            return ObjectStoreConfig.InMemory()
        case "local_file_system":
            return ObjectStoreConfig.LocalFileSystem(value)
        case "s3":
            return ObjectStoreConfig.S3(_options(value))
        case "s3_compatible":
            return ObjectStoreConfig.S3Compatible(_options(value))
        case "tigris":
            return ObjectStoreConfig.Tigris(_options(value))
        case "gcs":
            return ObjectStoreConfig.Gcs(value)
        case "azure":
            return ObjectStoreConfig.Azure(value)
        case "http":
            if not isinstance(value, dict):
                raise TypeError(f"the options of http must be a mapping, not {value!r}")
            opts = {key: item for key, item in value.items() if key != "headers"}
            return ObjectStoreConfig.Http(opts, value.get("headers"))
        case _:
            raise unknown_variant("object store", name)


def _options(tree: Tree) -> S3Options:
    options: S3Options = S3_OPTIONS.read(tree)
    return options


OBJECT_STORE = Codec(_write, _read)
