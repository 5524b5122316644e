"""What counts of a review that ends: at each edge one second less, exactly, and one more."""

from __future__ import annotations

import pytest

from models.counted import Looked, counted

LEASED = 600


@pytest.mark.parametrize(
    ("full", "said", "counts"),
    [(599, 20, 20), (600, 20, 600), (601, 20, 600), (599, 599, 599), (601, 599, 600), (601, 601, 601)],
)
def test_once_the_lease_has_run_out_all_of_it_counts(full: int, said: int, counts: int) -> None:
    assert counted(Looked(full, full, 0, LEASED), said) == counts


@pytest.mark.parametrize(("said", "counts"), [(299, 300), (300, 300), (301, 301), (90_000, 90_000)])
def test_less_than_the_program_said_is_not_believed_and_more_is(said: int, counts: int) -> None:
    assert counted(Looked(310, 310, 300, LEASED), said) == counts


@pytest.mark.parametrize(("begun", "counts"), [(0, 0), (91, 91), (599, 599), (600, 600), (601, 600)])
def test_without_a_word_the_time_that_went_by_counts_up_to_the_lease(begun: int, counts: int) -> None:
    assert counted(Looked(max(0, begun - 1), begun, 0, LEASED), None) == counts


def test_a_second_that_has_begun_is_over_for_nobody() -> None:
    """The lease runs out with its last second, not with that one's beginning."""
    assert counted(Looked(599, 600, 0, LEASED), 20) == 20


@pytest.mark.parametrize("said", [None, 0])
def test_what_the_program_said_counts_beyond_the_lease_too(said: int | None) -> None:
    assert counted(Looked(630, 630, 630, LEASED), said) == 630
