"""Which figures of a table may be shown so that none stands for fewer than eleven people.

A figure left blank is not hidden as long as it can be computed: from a total and all other figures, the last
one follows. So more than the small ones are left blank, or the total is.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

FEWEST = 11
"""People behind any figure that is shown."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, repr=False)
class Cell:
    """The people who contributed to a figure (or several figures of the same people), and the figures: whole
    numbers, not negative, that add up from cell to cell."""

    people: frozenset[str]
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is shown: these cells, and the total of all cells or not."""

    cells: frozenset[Hashable]
    total: bool


def disclosed(cells: Mapping[Key, Cell]) -> Disclosure:
    """What may be shown of cells that do not overlap, and of their total.

    No cell of fewer than `FEWEST` people is shown. Where the total is, what it and the shown cells leave over
    is at least two cells, of at least `FEWEST` people together, and at least twice any one of the small cells
    in it: so the rest is no one's, and no good guess at any of them.
    """
    small = {key for key, cell in cells.items() if len(cell.people) < FEWEST}
    large = sorted(
        cells.keys() - small, key=lambda key: (len(cells[key].people), cells[key].amounts, repr(key))
    )
    shown = frozenset(large)
    if not small:
        return Disclosure(shown, total=bool(cells))
    hidden = set(small)
    while not is_covered(cells, small, hidden):
        if not large:
            # No rest is large enough. Without the total nothing can be subtracted from anything.
            return Disclosure(shown, total=False)
        enough = (key for key in large if is_covered(cells, small, hidden | {key}))
        more = next(enough, large[-1])
        large.remove(more)
        hidden.add(more)
    return Disclosure(frozenset(large), total=True)


def is_covered(cells: Mapping[Key, Cell], small: Collection[Key], hidden: Collection[Key]) -> bool:
    """Whether the sum of the hidden cells may become known without telling anything of the small ones."""
    people = frozenset[str]().union(*(cells[key].people for key in hidden))
    if len(hidden) < 2 or len(people) < FEWEST:
        return False
    total = sums(cells.values())
    rest = sums(cells[key] for key in hidden)
    if any(whole > 0 and left == 0 for whole, left in zip(total, rest, strict=True)):
        return False  # nothing is left over: each of them is nothing
    return all(
        2 * amount <= left for key in small for amount, left in zip(cells[key].amounts, rest, strict=True)
    )


def sums(cells: Iterable[Cell]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(cell.amounts for cell in cells), strict=True)))
