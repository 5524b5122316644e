"""No figure that is left blank can be computed from those that are shown."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from models.queries.disclosure import FEWEST, Cell, disclosed

PEOPLE = [f"aud-{number}" for number in range(30)]
cells_of_a_table = st.dictionaries(
    st.integers(0, 11),
    st.builds(
        Cell,
        st.sets(st.sampled_from(PEOPLE), min_size=1).map(frozenset) | st.just(frozenset(PEOPLE[:11])),
        st.tuples(st.integers(0, 5), st.integers(1, 200), st.integers(0, 9000)),
    ),
)
Table = dict[int, Cell]


def of(*sizes: int, amount: int = 10) -> Table:
    return {place: Cell(frozenset(PEOPLE[:size]), (amount,) * 3) for place, size in enumerate(sizes)}


@given(cells_of_a_table)
def test_no_figure_is_of_fewer_than_eleven(cells: Table) -> None:
    shown = disclosed(cells)
    assert all(len(cells[key].people) >= FEWEST for key in cells if key in shown.cells)
    if shown.total:
        assert len(frozenset().union(*(cell.people for cell in cells.values()))) >= FEWEST


@given(cells_of_a_table)
@example(of(12, 12, 3))
@example(of(12, 3, 3))
@example(of(20, 20, 10, 1, 1))
def test_what_follows_from_the_shown_figures_is_of_eleven_or_more(cells: Table) -> None:
    """Every sum of shown figures, whichever are taken and with whatever factor, that is a sum of some blank
    cells: these cells are two at least and of eleven people at least. Found by linear algebra, not by the
    rule that the code goes by."""
    shown = disclosed(cells)
    keys = sorted(cells)
    blank = [place for place, key in enumerate(keys) if key not in shown.cells]
    known = [np.eye(len(keys))[place] for place in range(len(keys)) if place not in blank]
    if shown.total:
        known.append(np.ones(len(keys)))
    if not known or not blank or len(blank) > 7:
        return
    matrix = np.array(known)
    rank = np.linalg.matrix_rank(matrix)
    for taken in product((0.0, 1.0), repeat=len(blank)):
        if not any(taken):
            continue
        wanted = np.zeros(len(keys))
        wanted[blank] = taken
        if np.linalg.matrix_rank(np.vstack([matrix, wanted])) == rank:
            told = [keys[place] for place, one in zip(blank, taken, strict=True) if one]
            people = frozenset().union(*(cells[key].people for key in told))
            assert len(told) >= 2
            assert len(people) >= FEWEST


@given(cells_of_a_table)
def test_no_small_figure_is_guessed_well(cells: Table) -> None:
    """Somebody who subtracts all shown figures from the total, and knows that none is negative, still knows
    no small one: it can be nothing, and it can be twice what it is."""
    shown = disclosed(cells)
    blank = [cell for key, cell in cells.items() if key not in shown.cells]
    if not shown.total or not blank:
        return
    for measure in range(3):
        rest = sum(cell.amounts[measure] for cell in blank)
        assert rest > 0 or sum(cell.amounts[measure] for cell in cells.values()) == 0
        for cell in blank:
            if len(cell.people) < FEWEST:
                assert 2 * cell.amounts[measure] <= rest


@given(cells_of_a_table)
def test_what_is_large_throughout_is_shown_throughout(cells: Table) -> None:
    large = {key: cell for key, cell in cells.items() if len(cell.people) >= FEWEST}
    shown = disclosed(large)
    assert (set(shown.cells), shown.total) == (set(large), bool(large))


@given(cells_of_a_table)
def test_without_the_total_every_large_figure_is_shown(cells: Table) -> None:
    shown = disclosed(cells)
    if not shown.total:
        assert shown.cells == {key for key, cell in cells.items() if len(cell.people) >= FEWEST}


def test_another_figure_is_left_blank_beside_a_small_one() -> None:
    shown = disclosed(of(20, 12, 3))
    assert (set(shown.cells), shown.total) == ({0}, True)


def test_two_small_figures_of_ten_people_do_not_cover_each_other() -> None:
    shown = disclosed(of(20, 12, 3, 10))
    assert (set(shown.cells), shown.total) == ({0}, True)


def test_a_large_small_figure_costs_the_total() -> None:
    cells = of(20, 12) | {2: Cell(frozenset(PEOPLE[:3]), (10, 10, 1000))}
    shown = disclosed(cells)
    assert (set(shown.cells), shown.total) == ({0, 1}, False)


def test_nothing_is_shown_of_ten() -> None:
    assert disclosed(of(10, 9, 10)).cells == frozenset()
    assert not disclosed(of(10, 9, 10)).total
    assert not disclosed({}).total
