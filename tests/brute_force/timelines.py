"""Everything that one auditor could get done on a tiny day, by trying every order, every rest and every wait.

Times move on a grid. Where every number of the day that is a time is a multiple of the grid, nothing is lost:
for one order of reviews and rests, every rule about time bounds a start or the difference of two starts, and
of any legal timeline one with all times rounded down to the grid is legal too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from allocator.instance import Instance
from allocator.rules.policy import Stretch
from tests.brute_force.legality import (
    Row,
    Slot,
    binds,
    clear_of_edges,
    earliest,
    fixed_slots,
    may_take,
    most,
    past_use,
    use_of,
)

Done = tuple[frozenset[str], frozenset[str]]
"""The items reviewed in time and those reviewed late, beside what is fixed."""
Piece = tuple[int | None, int]
"""What one stretch remembers: the piece so far (start of its first selected review for `span`, else the sum;
None: empty), and the seconds of everyday work since the last review that was none."""


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where a timeline stands: what is done, and what each stretch remembers."""

    done: Done
    pieces: tuple[Piece, ...]


def timelines(instance: Instance, auditor: Row, grid: int) -> dict[Done, tuple[Slot, ...]]:
    """Every set of reviews that this auditor alone could do, each with one legal timeline that does it.

    Nothing is said of how often an item is reviewed in all. A timeline that reviews an item in time and
    another that reviews it late are two entries.
    """
    policy = instance.policy
    items = {row["id"]: row for row in instance.items.to_dicts()}
    fixed = fixed_slots(instance, auditor["id"])
    held = {slot.item for slot in fixed}
    open_items = [
        item for item in items.values() if item["id"] not in held and may_take(policy, auditor, item)
    ]
    rests = sorted({stretch.rest for stretch in policy.stretches})
    start = auditor["shift_start"] if instance.now is None else max(auditor["shift_start"], instance.now)
    begin = _Stand((frozenset(), frozenset()), ((None, 0),) * len(policy.stretches))
    for slot in fixed:
        if slot.start <= start:
            begin = _after_fixed(policy.stretches, begin, slot, items)
    within = _Limits(instance, auditor, items, fixed)
    reached: dict[int, dict[_Stand, tuple[Slot, ...]]] = {start: {begin: ()}}
    found: dict[Done, tuple[Slot, ...]] = {begin.done: ()}
    for now in range(start, auditor["shift_end"] + 1, grid):
        for stand, slots in reached.pop(now, {}).items():
            found.setdefault(stand.done, slots)
            reached.setdefault(now + grid, {}).setdefault(
                _across(policy.stretches, stand, fixed, now + grid, items), slots
            )
            for rest in rests:
                pause = Slot("break", None, now, now + rest, False)
                if pause.end <= auditor["shift_end"] and _free(fixed, pause):
                    after = _across(
                        policy.stretches, _rested(policy.stretches, stand, rest), fixed, pause.end, items
                    )
                    reached.setdefault(pause.end, {}).setdefault(after, (*slots, pause))
            for slot, item in _reviews(instance, auditor, open_items, fixed, stand, now):
                done = _with(stand.done, slot, item)
                pieces = _worked(policy.stretches, stand.pieces, slot, item)
                if pieces is not None and within.allow(done):
                    after = _across(policy.stretches, _Stand(done, pieces), fixed, slot.end, items)
                    reached.setdefault(slot.end, {}).setdefault(after, (*slots, slot))
    return found


def _reviews(
    instance: Instance, auditor: Row, items: Sequence[Row], fixed: Sequence[Slot], stand: _Stand, now: int
) -> Iterator[tuple[Slot, Row]]:
    """The reviews that could begin at `now`, by H3 and H6."""
    if now < earliest(instance, auditor):
        return
    for item in items:
        slot = Slot("work", item["id"], now, now + item["seconds"], False)
        if (
            item["id"] not in stand.done[0] | stand.done[1]
            and (item["release"] is None or item["release"] <= now)
            and slot.end <= auditor["shift_end"]
            and _free(fixed, slot)
            and clear_of_edges(instance.policy, auditor, item, slot.start, slot.end)
        ):
            yield slot, item


def _with(done: Done, slot: Slot, item: Row) -> Done:
    in_time, late = done
    if item["due"] is None or slot.end <= item["due"]:
        return in_time | {item["id"]}, late
    return in_time, late | {item["id"]}


def _free(fixed: Sequence[Slot], slot: Slot) -> bool:
    return all(slot.end <= other.start or other.end <= slot.start for other in fixed)


class _Limits:
    """Which sets of reviews stay within every limit that binds the auditor (H4), each asked once."""

    def __init__(
        self, instance: Instance, auditor: Row, items: dict[str, Row], fixed: Sequence[Slot]
    ) -> None:
        self._policy = instance.policy
        self._items = items
        self._known: dict[frozenset[str], bool] = {}
        stood = [(slot, items[slot.item]) for slot in fixed if slot.kind == "work" and slot.item]
        self._room = [
            (
                limit,
                most(limit, auditor)
                - past_use(instance, limit, auditor)
                - use_of(self._policy, limit, stood),
            )
            for limit in instance.policy.limits
            if binds(limit, auditor)
        ]

    def allow(self, done: Done) -> bool:
        names = done[0] | done[1]
        if names not in self._known:
            work = [
                (Slot("work", name, 0, self._items[name]["seconds"], False), self._items[name])
                for name in names
            ]
            adds = [(use_of(self._policy, limit, work), room) for limit, room in self._room]
            self._known[names] = all(add == 0 or add <= room for add, room in adds)
        return self._known[names]


def _rested(stretches: Sequence[Stretch], stand: _Stand, seconds: int) -> _Stand:
    pieces = zip(stretches, stand.pieces, strict=True)
    return _Stand(
        stand.done, tuple((None, 0) if seconds >= stretch.rest else piece for stretch, piece in pieces)
    )


def _across(
    stretches: Sequence[Stretch], stand: _Stand, fixed: Sequence[Slot], now: int, items: dict[str, Row]
) -> _Stand:
    """The stand once the clock shows `now`: fixed breaks that begin there are rests. (No planned slot
    crosses the beginning of a fixed one, so none is missed.)"""
    for slot in fixed:
        if slot.start == now:
            stand = _after_fixed(stretches, stand, slot, items)
    return stand


def _after_fixed(stretches: Sequence[Stretch], stand: _Stand, slot: Slot, items: dict[str, Row]) -> _Stand:
    if slot.kind == "break":
        return _rested(stretches, stand, slot.end - slot.start)
    if slot.kind == "work" and slot.item is not None:
        item = items[slot.item]
        pieces = zip(stretches, stand.pieces, strict=True)
        return _Stand(stand.done, tuple(_grown(stretch, piece, slot, item) for stretch, piece in pieces))
    return stand


def _worked(
    stretches: Sequence[Stretch], pieces: Sequence[Piece], slot: Slot, item: Row
) -> tuple[Piece, ...] | None:
    """What the stretches remember after a planned review; None where it passes one of them (H5)."""
    grown = tuple(
        _grown(stretch, piece, slot, item) for stretch, piece in zip(stretches, pieces, strict=True)
    )
    for stretch, (piece, _) in zip(stretches, grown, strict=True):
        if piece is None or not stretch.selects(item["category"], item["severity"]):
            continue
        if (slot.end - piece if stretch.measure == "span" else piece) > stretch.amount:
            return None
    return grown


def _grown(stretch: Stretch, piece: Piece, slot: Slot, item: Row) -> Piece:
    so_far, run = piece
    seconds = slot.end - slot.start
    if stretch.selects(item["category"], item["severity"]):
        if stretch.measure == "span":
            return (slot.start if so_far is None else so_far), 0
        return (so_far or 0) + (seconds if stretch.measure == "seconds" else 1), 0
    if stretch.reset_by is None or so_far is None:
        return so_far, 0
    if item["severity"] > stretch.reset_by.max_severity:
        return so_far, 0
    return (None, 0) if run + seconds >= stretch.reset_by.seconds else (so_far, run + seconds)
