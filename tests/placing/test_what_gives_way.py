"""What gives way for a review, on days of two people that are small enough to say so beforehand."""

from __future__ import annotations

from allocator.placing import Person, Placement, Planned, Wanted, place
from tests.days.build import NINE, policy

MINUTE = 60
ENDS = NINE + 60 * MINUTE


def sample(slot: int, start: int, end: int, behind: int = 0) -> Planned:
    """From one minute of the shift to another."""
    return Planned(
        slot, "work", NINE + start * MINUTE, NINE + end * MINUTE, "adult", item_kind="sample", behind=behind
    )


def person(name: str, *planned: Planned) -> Person:
    return Person(name, NINE, ENDS, NINE, (), planned, ())


def placed(*people: Person, due: int | None = None) -> Placement:
    """Five minutes of work, wanted at nine and due after so many minutes."""
    wanted = Wanted("adult", 1, 5 * MINUTE, 2, due=None if due is None else NINE + due * MINUTE)
    found = place(policy(), wanted, people, NINE)
    assert found is not None
    return found


def told(found: Placement) -> tuple[str, int, bool, tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Who, at which minute, whether late, which slots begin at which minute now, and which are left out."""
    moved = tuple((one.slot, (one.start - NINE) // MINUTE) for one in found.moved)
    return found.auditor, (found.start - NINE) // MINUTE, found.late, moved, found.dropped


TIGHT = (sample(1, 2, 30), sample(2, 33, 60))
"""Five minutes can be had at the start, by moving the first."""
TIGHTER = (sample(3, 2, 20), sample(4, 20, 40), sample(5, 43, 60))
"""By moving the first two."""
FULL = (sample(6, 0, 30), sample(7, 30, 60))
ROOMY = (sample(8, 0, 30), sample(9, 36, 60))
"""There is a gap in the middle."""


def test_a_gap_before_moving() -> None:
    """Though it begins later so, and with who comes later by name."""
    assert told(placed(person("anna", *TIGHT), person("bert", *ROOMY))) == ("bert", 30, False, (), ())
    assert told(placed(person("anna", *ROOMY), person("bert", *TIGHT))) == ("anna", 30, False, (), ())
    assert told(placed(person("anna", *TIGHT))) == ("anna", 0, False, ((1, 5),), ())


def test_one_moved_before_two() -> None:
    assert told(placed(person("anna", *TIGHTER), person("bert", *TIGHT))) == ("bert", 0, False, ((1, 5),), ())
    assert told(placed(person("anna", *TIGHTER))) == ("anna", 0, False, ((3, 5), (4, 23)), ())


def test_moving_before_leaving_out() -> None:
    assert told(placed(person("anna", *FULL), person("bert", *TIGHTER))) == (
        "bert", 0, False, ((3, 5), (4, 23)), (),
    )  # fmt: skip
    assert told(placed(person("anna", *FULL))) == ("anna", 0, False, (), (6,))


def test_moving_before_a_gap_that_is_late() -> None:
    assert told(placed(person("anna", *TIGHT), person("bert", *ROOMY), due=20)) == (
        "anna", 0, False, ((1, 5),), (),
    )  # fmt: skip


def test_leaving_out_before_a_gap_that_is_late() -> None:
    late = person("bert", sample(8, 0, 54))
    assert told(placed(late)) == ("bert", 54, False, (), ())
    assert told(placed(person("anna", *FULL), late, due=20)) == ("bert", 0, False, ((8, 5),), ())


def test_what_was_drawn_last_is_left_out() -> None:
    drawn = (sample(1, 0, 20, behind=2), sample(2, 20, 40, behind=0), sample(3, 40, 60, behind=1))
    assert told(placed(person("anna", *drawn))) == ("anna", 20, False, (), (2,))
