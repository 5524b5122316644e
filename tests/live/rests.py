"""What stretches and edges say of a review that has just been let on to the screen, worked out once more from
the raw rows: until its lease ends it must pass none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allocator.rules.policy import Policy, Stretch
from tests.live.checks import parts_looked_at
from tests.live.rows import Rows, Slot

SEEN = ("post", "incident")


@dataclass(frozen=True, slots=True)
class Part:
    """A review, or a part of one, on the screen; `seconds` as they count."""

    start: int
    end: int
    seconds: int
    item: str
    category: str
    severity: int


def held_back(rows: Rows, policy: Policy, slot: Slot, now: int) -> Iterator[str]:
    """Which rules this running review would pass by the end of its lease."""
    if slot.state != "started" or slot.kind != "work" or slot.leased_until is None:
        return
    until = max(slot.leased_until, now)
    parts = _parts(rows, slot, until)
    rests = _rests(rows, slot, parts, now)
    item = rows.items[str(slot.item)]
    for stretch in policy.stretches:
        if stretch.selects(item.category, item.severity):
            measure = _measure(stretch, parts, rests)
            if measure > stretch.amount:
                yield (
                    f"rest: slot {slot.id} of {slot.auditor} is leased until {until - now} s from now: then "
                    f"{stretch.key} ({stretch.measure}) is {measure} of {stretch.amount} since the last rest"
                )
    shift = rows.shifts[slot.auditor, slot.work_date]
    opens = shift.start if shift.available_from is None else max(shift.start, shift.available_from)
    closes = shift.end if shift.available_until is None else min(shift.end, shift.available_until)
    assert slot.started_at is not None
    for edge in policy.edges:
        if edge.selects(item.category, item.severity):
            if slot.started_at < opens + edge.first and slot.started_at == now:
                yield f"edge: slot {slot.id} began within the first {edge.first} s"
            if edge.last and until > closes - edge.last:
                yield f"edge: slot {slot.id} is leased into the last {edge.last} s of the shift"


def _parts(rows: Rows, running: Slot, until: int) -> list[Part]:
    """What was on the screen that date, in order, and what will be of the one that runs."""
    found = []
    for slot in rows.slots.values():
        if (slot.auditor, slot.work_date, slot.kind) != (running.auditor, running.work_date, "work"):
            continue
        if slot.started_at is None or slot.item is None:
            continue
        item = rows.items[slot.item]
        # As it turned out to be, and of several records the severest.
        shown = [(one.severity, one.id, one.category) for one in rows.by_slot[slot.id] if one.entry in SEEN]
        severity, _, category = max(shown, default=(item.severity, 0, item.category))
        pieces = parts_looked_at(slot, until)
        if slot.ended_at is not None and not pieces:
            # Never on the screen by the clock: what was seen of it may have been seen just before its end.
            pieces = [(slot.ended_at, slot.ended_at)]
        on_screen = sum(end - start for start, end in pieces)
        for number, (start, end) in enumerate(pieces):
            # What counts otherwise than the clock has it counts so with the last part.
            is_last = number == len(pieces) - 1
            more = slot.seen_seconds - on_screen if is_last and slot.seen_seconds is not None else 0
            found.append(Part(start, end, end - start + more, slot.item, category, severity))
    return sorted(found, key=lambda part: (part.start, part.end))


def _rests(rows: Rows, running: Slot, parts: list[Part], now: int) -> list[tuple[int, int]]:
    """Breaks and pauses, but for what work or a meeting lies over."""
    breaks = []
    for slot in rows.slots.values():
        if (slot.auditor, slot.work_date) != (running.auditor, running.work_date) or slot.started_at is None:
            continue
        if slot.kind == "break":
            breaks.append((slot.started_at, min(now, now if slot.ended_at is None else slot.ended_at)))
        elif slot.kind == "work":
            breaks += [(lower, min(now, now if upper is None else upper)) for lower, upper in slot.pauses]
    free = []
    for begin, end in breaks:
        at = begin
        for part in parts:
            if part.end > at and part.start < end:
                if part.start > at:
                    free.append((at, part.start))
                at = max(at, part.end)
        if at < end:
            free.append((at, end))
    return free


def _measure(stretch: Stretch, parts: list[Part], rests: list[tuple[int, int]]) -> int:
    """The stretch's measure of the piece that the last part lies in."""
    piece: list[Part] = []
    everyday = 0
    reached = 0
    for part in parts:
        if any(
            end - begin >= stretch.rest and begin >= reached and end <= part.start for begin, end in rests
        ):
            piece, everyday = [], 0
        reached = max(reached, part.end)
        if stretch.selects(part.category, part.severity):
            everyday = 0
            piece.append(part)
        elif stretch.reset_by is not None and part.severity <= stretch.reset_by.max_severity:
            everyday += min(part.seconds, part.end - part.start)
            if everyday >= stretch.reset_by.seconds:
                piece = []
        else:
            everyday = 0
    if stretch.measure == "items":
        return len({part.item for part in piece})
    if stretch.measure == "seconds":
        return sum(part.seconds for part in piece)
    return max((part.end for part in piece), default=0) - min((part.start for part in piece), default=0)
