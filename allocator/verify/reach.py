"""Who *could take* an item: on an otherwise empty day, by H1–H6 and now, history counted, fixed slots not.

For one review of material m by person a that is a question of its seconds and its release alone:
seconds <= longest(a, m), and max(early(a, m), release) + seconds <= late(a, m).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from allocator.verify.day import Day
from allocator.verify.edges import window
from allocator.verify.exact import BEYOND, Exact, Flags, Ints
from allocator.verify.limits import Amounts, Uses
from allocator.verify.stretches import longest_alone

BLOCK = 64
"""People looked at together."""


def longest_under_limits(day: Day, known: Amounts, used: Uses, material: int) -> Ints:
    """The longest review of this material that each person can add to `used` without passing a limit, in
    seconds; below 1 where none can be added."""
    longest: Exact = np.full(len(day.people), BEYOND, dtype=np.int64)
    units = int(day.units[material])
    for key, chosen in known.selected.items():
        if not chosen[material]:
            continue
        left = known.tightest[key] - used[key]
        if key[2] == "items":
            left = np.where(left >= 1, BEYOND, 0)
        elif key[2] == "dose":
            if units == 0:
                continue  # what adds nothing passes nothing
            left = left // units
        longest = np.minimum(longest, left)
    return np.clip(longest, 0, BEYOND).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Ability:
    """What each person could do with reviews of one material, language and market aside. Shapes (P,)."""

    willing: Flags  # clearance, no opt-out, max_severity
    longest: Ints
    early: Ints
    late: Ints


def ability(day: Day, known: Amounts, used: Uses, material: int) -> Ability:
    category, severity = day.material_parts(material)
    willing = day.cleared[:, category] & ~day.opted_out[:, category] & (day.max_severity >= severity)
    longest = np.minimum(longest_under_limits(day, known, used, material), longest_alone(day, material))
    early, late = window(day, material)
    return Ability(willing, longest, early, late)


@dataclass(frozen=True, slots=True)
class Alike:
    """Items of one material that the same people can read: people ascending, items ascending."""

    material: int
    items: Ints
    people: Ints


def groups(labels: Ints) -> Iterator[tuple[int, Ints]]:
    """Each label with the places that bear it."""
    if not labels.size:
        return
    order = np.argsort(labels, kind="stable")
    values, firsts = np.unique(labels[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, firsts[1:]), strict=True)


def alike(day: Day, abilities: dict[int, Ability]) -> list[Alike]:
    """The items, put together where language, market and material allow the same people."""
    found = []
    place, where = np.unique(day.language * max(1, len(day.markets)) + day.market, return_inverse=True)
    readers: dict[bytes, int] = {}
    masks: list[Flags] = []
    mask_of = np.zeros(len(place), dtype=np.int64)
    for number, both in enumerate(place.tolist()):
        language, market = divmod(both, len(day.markets))
        mask = day.speaks[:, language] & day.covers[:, market]
        mask_of[number] = readers.setdefault(mask.tobytes(), len(masks))
        if mask_of[number] == len(masks):
            masks.append(mask)
    for label, items in groups(day.material * max(1, len(masks)) + mask_of[where]):
        material, mask_number = divmod(label, len(masks))
        people = np.flatnonzero(masks[mask_number] & abilities[material].willing)
        found.append(Alike(material, items, people))
    return found


@dataclass(frozen=True, slots=True)
class Reach:
    """Who could take what. `earliest_end[i]`: the soonest end of a review of item i by anybody who could take
    it; BEYOND where nobody could."""

    abilities: dict[int, Ability]
    alike: list[Alike]
    singled: Flags  # items with somebody excluded, or for some people only
    takeable: Flags
    earliest_end: Ints


def make_reach(day: Day, known: Amounts, history_alone: Uses) -> Reach:
    abilities = {
        material: ability(day, known, history_alone, material)
        for material in np.unique(day.material).tolist()
    }
    together = alike(day, abilities)
    singled = day.has_only.copy()
    singled[day.excluded_pairs // max(1, len(day.people))] = True
    nobody = np.zeros(len(day.items), dtype=bool)
    reach = Reach(abilities, together, singled, nobody, np.zeros(0, dtype=np.int64))
    flat = np.zeros(len(day.people), dtype=np.int64)
    soonest = least_over_takers(day, reach, lambda material: (flat, abilities[material].early), BEYOND)
    takeable = soonest < BEYOND
    end = np.where(takeable, np.maximum(soonest, day.release) + day.span, BEYOND)
    return Reach(abilities, together, singled, takeable, end.astype(np.int64))


def least_over_takers(
    day: Day, reach: Reach, line: Callable[[int], tuple[Exact, Exact]], nobody: int
) -> Exact:
    """For each item the least of seconds × slope(a) + level(a) over the people a who could take it; `nobody`
    (more than any such value) where there is none. `line(material)` gives slope >= 0 and level, shapes (P,).

    People are tried in blocks, the least slope first; an item is settled as soon as no later block can be
    better."""
    least: Exact = np.full(len(day.items), nobody, dtype=np.int64 if abs(nobody) <= BEYOND else object)
    for group in reach.alike:
        slope, level = (column[group.people] for column in line(group.material))
        able = reach.abilities[group.material]
        order = np.lexsort((level, slope)) if slope.dtype != object else np.argsort(slope, kind="stable")
        people, slope, level = group.people[order], slope[order], level[order]
        for first in range(0, len(people), BLOCK):
            block = slice(first, first + BLOCK)
            open_items = group.items
            if first:
                floor = day.span[open_items] * slope[first] + level[first:].min()
                open_items = open_items[least[open_items] > floor]
            if not open_items.size:
                break
            values = _block_least(
                day, reach, able, open_items, people[block], slope[block], level[block], nobody
            )
            least[open_items] = np.minimum(least[open_items], values)
    return least


def _block_least(
    day: Day,
    reach: Reach,
    able: Ability,
    items: Ints,
    people: Ints,
    slope: Exact,
    level: Exact,
    nobody: int,
) -> Exact:
    seconds = day.span[items][:, None]
    release = day.release[items][:, None]
    fits = (seconds <= able.longest[people]) & (
        np.maximum(able.early[people], release) + seconds <= able.late[people]
    )
    singled = np.flatnonzero(reach.singled[items])
    if singled.size:
        pair_items, pair_people = np.repeat(items[singled], len(people)), np.tile(people, len(singled))
        allowed = ~day.is_excluded(pair_items, pair_people) & day.is_asked(pair_items, pair_people)
        fits[singled] &= allowed.reshape(len(singled), len(people))
    values: Exact = np.where(fits, seconds * slope + level, nobody).min(axis=1)
    return values
