"""A duration means the same to the check and to the local cache: what the check accepts runs, what it refuses does not.

The forms are those of SageMaker's documentation of ExpireAfter.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_kit.checks import caching
from mlops_kit.definition.durations import parse_duration
from mlops_kit.definition.model import Definition
from mlops_kit.runner.cache import Cache
from mlops_kit.runner.graph import DefinitionError, read_graph
from mlops_kit.runner.step_result import StepResult

NUMBERS = st.integers(0, 10**18 - 1)
DATE_UNITS, TIME_UNITS = "YMWD", "HMS"
SPANS = {
    **{"Y": timedelta(days=365), "M": timedelta(days=30), "W": timedelta(weeks=1), "D": timedelta(days=1)},
    **{"TH": timedelta(hours=1), "TM": timedelta(minutes=1), "TS": timedelta(seconds=1)},
}


def parts(units: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Some of the units, in their order, each with a number."""
    chosen = st.lists(st.sampled_from(units), unique=True).map(lambda some: sorted(some, key=units.index))
    return chosen.flatmap(lambda some: st.tuples(*(st.tuples(st.just(unit), NUMBERS) for unit in some)).map(list))


@st.composite
def durations(draw: st.DrawFn) -> tuple[str, float]:
    """A valid duration and its length in seconds."""
    date, time = draw(parts(DATE_UNITS)), draw(parts(TIME_UNITS))
    if not date and not time:
        date = [("D", draw(NUMBERS))]
    text = draw(st.sampled_from(["P", ""])) + "".join(f"{number}{unit}" for unit, number in date)
    text += "".join(["T", *(f"{number}{unit}" for unit, number in time)]) if time else ""
    seconds = sum(number * SPANS[unit].total_seconds() for unit, number in date)
    seconds += sum(number * SPANS[f"T{unit}"].total_seconds() for unit, number in time)
    return draw(st.sampled_from([text, text.lower()])), seconds


def cached_step(expire_after: Any) -> dict[str, Any]:
    """A definition of one cached step."""
    cache = {"Enabled": True, "ExpireAfter": expire_after}
    return {"Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}, "CacheConfig": cache}]}


def is_accepted(expire_after: Any) -> bool:
    """Whether the check accepts a duration."""
    return not any(f.path == "CacheConfig.ExpireAfter" for f in caching.check(Definition(cached_step(expire_after))))


def runs(expire_after: Any) -> bool:
    """Whether an execution starts with a duration; if it does, the cache can look for a result."""
    try:
        (node,) = read_graph(cached_step(expire_after))
    except DefinitionError:
        return False
    cache = Cache(lambda uri: True, lambda: 0.0)
    cache.keep("key", StepResult({}), "arn")
    assert cache.find("key", node.definition["CacheConfig"]["ExpireAfter"])
    return True


@given(st.text("PTYMWDHS0123456789ptymwdhs .-") | st.text() | durations().map(lambda pair: pair[0]))
@example("T1H")
@example("p30d")
@example("T")
@example("P")
@example("PT")
@example("P1W")
@example("P1DT")
@example("P99999999999999999999D")
@example("P999999999999999999Y")
@example("P٣D")
@example("P1D\n")
def test_the_check_accepts_a_duration_exactly_if_it_runs(text: str) -> None:
    assert is_accepted(text) == runs(text)


@given(durations())
def test_a_valid_duration_is_accepted_and_has_its_length(pair: tuple[str, float]) -> None:
    text, seconds = pair
    assert is_accepted(text)
    assert parse_duration(text).total_seconds() == pytest.approx(min(seconds, timedelta.max.total_seconds()))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("P30D", timedelta(days=30)),
        ("PT1H", timedelta(hours=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P2W", timedelta(weeks=2)),
        ("P1W", timedelta(weeks=1)),
        ("P1Y2M3DT4H", timedelta(days=365 + 60 + 3, hours=4)),
        ("P1Y2M3W4DT5H6M7S", timedelta(days=365 + 60 + 21 + 4, hours=5, minutes=6, seconds=7)),
        ("p30d", timedelta(days=30)),  # this and the next are examples of the SDK's CacheConfig
        ("T12H", timedelta(hours=12)),
        ("T1H", timedelta(hours=1)),
        ("30d", timedelta(days=30)),  # from here on examples of SageMaker's developer guide
        ("5y", timedelta(days=5 * 365)),
        ("T16m", timedelta(minutes=16)),
        ("30dT5h", timedelta(days=30, hours=5)),
    ],
)
def test_the_documented_forms_are_accepted(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "P", "T", "PT", "P1DT", "P1H", "PT1D", "1", "30 days", "-P1D", "P1.5D", "P1DP1D", None, 30]
)
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration; write one like P30D"):
        parse_duration(text)


def test_a_cache_without_an_end_is_refused_by_the_check_and_never_expires_in_the_local_cloud() -> None:
    assert not is_accepted(None)
    assert runs(None)
