"""The capacity of a shift, against the formula tried out number by number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from allocator.optimise.capacity import work_capacity
from allocator.rules.policy import Stretch
from tests.verify.naive import capacity

SPANS = st.builds(
    lambda number, measure, amount, rest: Stretch(f"s-{number}", measure=measure, amount=amount, rest=rest),
    st.integers(0, 99),
    st.sampled_from(("span", "seconds")),
    st.one_of(st.just(0), st.integers(1, 30_000)),
    st.integers(60, 4000),
)


@given(st.lists(SPANS, max_size=3), st.lists(st.integers(0, 20_000), min_size=1, max_size=4))
def test_it_is_what_the_formula_says(stretches: list[Stretch], times: list[int]) -> None:
    found = work_capacity(stretches, np.array(times, dtype=np.int64)).tolist()
    assert found == [max(0, capacity(time, stretches)) for time in times]


def test_an_eight_hour_shift_holds_390_minutes_under_the_default_breaks() -> None:
    breaks = [
        Stretch("screen-break", measure="span", amount=3000, rest=600),
        Stretch("meal", measure="span", amount=14400, rest=1800),
    ]
    assert work_capacity(breaks, np.array([8 * 3600])).tolist() == [390 * 60]
