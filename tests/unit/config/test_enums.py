"""The closed sets of choices."""

import pickle
from datetime import UTC, datetime

import pytest

import frazil
from frazil import config as c
from frazil.config.enums import parse_spec_version, spec_version, supported_spec_versions

ALL = [c.SpecVersion, c.ChunkType, c.CompressionAlgorithm, c.ChecksumAlgorithm, c.RepoAvailability]


@pytest.mark.parametrize("cls", [*ALL, frazil.VersionSelection, frazil.ConflictType])
def test_members_travel_and_can_be_keys(cls) -> None:
    for member in cls:
        assert pickle.loads(pickle.dumps(member)) is member
        assert {member: 1}[member] == 1
        assert int(member) == member.value


@pytest.mark.parametrize("cls", ALL)
def test_members_compare_with_integers(cls) -> None:
    for member in cls:
        assert member == int(member)
        assert repr(member).startswith(f"{cls.__name__}.{member.name}")
        assert str(member) == repr(member)


def test_versions() -> None:
    assert repr(c.SpecVersion.v1) == "SpecVersion.v1"
    assert repr(c.SpecVersion.v2) == "SpecVersion.v2 (current)"
    assert c.SpecVersion.v1 < c.SpecVersion.v2
    assert c.SpecVersion.v1 < 2 <= c.SpecVersion.v2
    assert c.SpecVersion.current() is spec_version() is c.SpecVersion.v2
    assert supported_spec_versions() == [c.SpecVersion.v2, c.SpecVersion.v1]


def test_versions_that_callers_ask_for() -> None:
    assert parse_spec_version(None) is c.SpecVersion.v2
    assert parse_spec_version(1) is parse_spec_version(c.SpecVersion.v1) is c.SpecVersion.v1
    for number in (0, 3, 255):
        with pytest.raises(ValueError, match=f"Unsupported version {number}"):
            parse_spec_version(number)
    for nonsense in ("a", 1.0, -1, 256, object()):
        with pytest.raises(ValueError, match="Couldn't parse a valid version"):
            parse_spec_version(nonsense)  # type: ignore[arg-type]


def test_the_one_algorithm() -> None:
    assert c.CompressionAlgorithm() is c.CompressionAlgorithm.default() is c.CompressionAlgorithm.Zstd
    with pytest.raises(ValueError, match="1"):
        c.CompressionAlgorithm(1)


def test_statuses() -> None:
    when = datetime(2030, 1, 1, tzinfo=UTC)
    status = c.RepoStatus(c.RepoAvailability.read_only, when, "x")
    assert status == c.RepoStatus(c.RepoAvailability.read_only, when, "x")
    assert pickle.loads(pickle.dumps(status)) == status
    assert c.RepoStatus(c.RepoAvailability.online).set_at.tzinfo is UTC
    with pytest.raises(TypeError, match="non-None tzinfo"):
        c.RepoStatus(c.RepoAvailability.online, datetime(2030, 1, 1))  # noqa: DTZ001 - naive on purpose
    with pytest.raises(TypeError):
        c.RepoStatus(1)


def test_flags() -> None:
    assert c.FeatureFlag(3, "f", default_enabled=True).enabled
    assert not c.FeatureFlag(3, "f", default_enabled=True, setting=False).enabled
    assert c.FeatureFlag(3, "f", default_enabled=False, setting=True).enabled
