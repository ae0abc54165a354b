"""Which arrays, dimensions and manifests a condition is for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.config import ManifestPreloadCondition as Preload
from frazil.config import ManifestSplitCondition as Split
from frazil.config import ManifestSplitDimCondition as Dim
from frazil.config import ManifestSplittingConfig, SplitSizesDict
from frazil.config.effective import EffectivePreload
from frazil.config.preload_condition import Bound
from tests.unit.config import configs


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Split.AnyArray(), True),
        (Split.path_matches("ocean"), True),
        (Split.path_matches("^/ocean/temp$"), True),
        (Split.path_matches("^ocean"), False),
        (Split.name_matches("^temp$"), True),
        (Split.name_matches("ocean"), False),
        (Split.name_matches("("), False),
        (Split.name_matches(r"^\p{L}+\z"), True),
        (Split.name_matches("^[[:alpha:]]{4}$"), True),
        (Split.name_matches("te(?=mp)"), False),
        (Split.or_conditions([]), False),
        (Split.and_conditions([]), True),
        (Split.name_matches("x") | Split.path_matches("ocean"), True),
        (Split.name_matches("x") & Split.path_matches("ocean"), False),
    ],
)
def test_arrays(condition: Split, *, expected: bool) -> None:
    assert condition.matches("/ocean/temp", "temp") is expected


def test_no_pattern_takes_for_ever() -> None:
    assert not Split.name_matches("^(a+)+$").matches("/x", "a" * 5000 + "b")


def test_the_root_has_no_name() -> None:
    assert not Split.name_matches(".*").matches("/", "")
    assert not Preload.name_matches(".*").matches("/", "", 1)


@given(configs.split_conditions, configs.split_conditions)
def test_logic(one: Split, other: Split) -> None:
    first, second = one.matches("/a/b", "b"), other.matches("/a/b", "b")
    assert (one | other).matches("/a/b", "b") == (first or second)
    assert (one & other).matches("/a/b", "b") == (first and second)
    assert hash(one | other) == hash(Split.or_conditions([one, other]))


def test_dimensions() -> None:
    assert Dim.Axis(1).matches(1, None)
    assert not Dim.Axis(1).matches(0, "1")
    assert Dim.DimensionName("^t").matches(5, "time")
    assert not Dim.DimensionName(".*").matches(0, None)
    assert Dim.Any().matches(9, None)
    assert {Dim.Any(): 1, Dim.Axis(0): 2}[Dim.Axis(0)] == 2
    with pytest.raises(OverflowError):
        Dim.Axis(-1)


@given(st.integers(0, 20), st.none() | st.integers(0, 20), st.none() | st.integers(0, 20))
def test_counts_are_in_a_half_open_range(count: int, low: int | None, high: int | None) -> None:
    expected = (low is None or low <= count) and (high is None or count < high)
    assert Preload.num_refs(low, high).matches("/a", "a", count) == expected


@given(configs.bounded_num_refs, configs.unsigned(32))
def test_bounds_of_files_mean_the_same_as_their_repr(condition, count: int) -> None:
    import frazil

    shown = eval(repr(condition), {"frazil": frazil})
    assert shown.matches("/a", "a", count) == condition.matches("/a", "a", count)


def test_bounds_of_files() -> None:
    condition = Preload.NumRefs(Bound(5, included=False), Bound(7, included=True))
    assert [count for count in range(10) if condition.matches("/a", "a", count)] == [6, 7]
    assert getattr(condition, "from") == 5
    assert condition.to == 7
    assert getattr(Preload.num_refs(None, None), "from") is None


def test_constants() -> None:
    assert Preload.true().matches("/a", "a", 0)
    assert not Preload.false().matches("/a", "a", 0)
    assert type(Preload.true()) is getattr(Preload, "True")
    assert type(Preload.false()) is getattr(Preload, "False")
    assert isinstance(Preload.true(), Preload)


@pytest.mark.parametrize(
    "name", ["time", "t", "lat", "latitude", "xlon", "depth_2", "sigma", "x", "nj", "month12", "lev"]
)
def test_coordinates_are_fetched_ahead(name: str) -> None:
    condition = EffectivePreload().preload_if
    assert condition.matches(f"/a/{name}", name, 1000)
    assert not condition.matches(f"/a/{name}", name, 1001)


@pytest.mark.parametrize("name", ["temperature", "air_time", "salt", "xy", "", "timestamp"])
def test_other_arrays_are_not(name: str) -> None:
    assert not EffectivePreload().preload_if.matches(f"/a/{name}", name, 1)


def test_rules_as_dictionaries_keep_their_order() -> None:
    rules: SplitSizesDict = {
        Split.name_matches("b"): {Dim.Axis(1): 3, Dim.Any(): 1},
        Split.AnyArray(): {Dim.DimensionName("t"): 12, Dim.Axis(0): 2},
    }
    config = ManifestSplittingConfig.from_dict(rules)
    assert list(config.to_dict()) == list(rules)
    assert [list(sizes.items()) for sizes in config.to_dict().values()] == [list(s.items()) for s in rules.values()]
    assert config == ManifestSplittingConfig([(rule, list(sizes.items())) for rule, sizes in rules.items()])
    assert config == ManifestSplittingConfig(tuple((rule, tuple(sizes.items())) for rule, sizes in rules.items()))
    with pytest.raises(TypeError):
        ManifestSplittingConfig().to_dict()
