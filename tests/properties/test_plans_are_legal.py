"""Every plan of every random day is legal, and everything it claims is true."""

from __future__ import annotations

import pytest

from tests.properties.sweep import one_day


@pytest.mark.parametrize("seed", range(220))
def test_the_plan_of_a_random_day_is_legal_and_its_claims_are_true(seed: int) -> None:
    assert one_day(seed) == []
