"""What must hold after every step, asked of the raw rows with arithmetic of its own.

Each check gives sentences, one a breach; none: it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from tests.live.rows import Changes, Limit, Rows, Shift, Slot, Use
from tests.live.told import Told
from tests.live.waiting import LIVE, lacking, unexplained

UNITS_PER_POINT = 600


def measured(use: Use, weights: dict[tuple[int, str], int], category: str, severity: int, modality: str,
             seconds: int, items: int) -> int:  # fmt: skip
    """What exposure adds to a use."""
    if severity < use.min_severity or (use.categories and category not in use.categories):
        return 0
    if use.measure == "items":
        return items
    return seconds * (1 if use.measure == "seconds" else weights[severity, modality])


class Sums:
    """What each person has under each use on each date, from the ledger's entries."""

    def __init__(self, rows: Rows, weights: dict[tuple[int, str], int]) -> None:
        self.rows = rows
        self.weights = weights

    def of_day(self, auditor: str, use: Use, on: date) -> tuple[int, int]:
        """Seen and reserved."""
        totals = [0, 0]
        for place, kept in enumerate((self.rows.seen, self.rows.reserved)):
            for (who, when, category, severity, modality), (seconds, items) in kept.items():
                if who == auditor and when == on:
                    totals[place] += measured(use, self.weights, category, severity, modality, seconds, items)
        return totals[0], totals[1]

    def of_person(self, auditor: str) -> dict[tuple[int, date], tuple[int, int]]:
        """The same for all uses and dates of one person."""
        found: dict[tuple[int, date], list[int]] = {}
        for place, kept in enumerate((self.rows.seen, self.rows.reserved)):
            for (who, when, category, severity, modality), (seconds, items) in kept.items():
                if who != auditor or not (seconds or items):
                    continue
                for use in self.rows.uses.values():
                    amount = measured(use, self.weights, category, severity, modality, seconds, items)
                    if amount:
                        found.setdefault((use.id, when), [0, 0])[place] += amount
        return {key: (seen, reserved) for key, (seen, reserved) in found.items()}


def allowed(rows: Rows, limit: Limit, use: Use, auditor: str, on: date) -> int | None:
    """What this person may have in the window that ends on a date; None: the limit does not bind them."""
    person = rows.people[auditor]
    shift: Shift | None = rows.shifts.get((auditor, on))
    team, market, percent = (
        (person.team, person.home_market, person.percent)
        if shift is None
        else (shift.team, shift.home_market, shift.percent)
    )
    if limit.scope not in ("org", f"market:{market}", f"team:{team}", f"auditor:{auditor}"):
        return None
    return limit.amount * (UNITS_PER_POINT if use.measure == "dose" else 1) * percent // 100


class Windows:
    """How full every window of every limit is: (a), before and after."""

    def __init__(self, rows: Rows, weights: dict[tuple[int, str], int]) -> None:
        self.rows = rows
        self.sums = Sums(rows, weights)
        self.reserved: dict[tuple[str, str, date], int] = {}
        """Reserved in each window when it was last looked at."""
        self.known: set[str] = set()
        """Limits that have been looked at."""

    def check(self, people: list[str]) -> Iterator[str]:
        yield from self._check(people)
        self.known.update(self.rows.limits)

    def _check(self, people: list[str]) -> Iterator[str]:
        for auditor in people:
            days = self.sums.of_person(auditor)
            ends = sorted({on for _, on in days})
            for limit in self.rows.limits.values():
                use = self.rows.uses[limit.use]
                for end in ends:
                    if not any(days.get((use.id, end), (0, 0))):
                        continue
                    may = allowed(self.rows, limit, use, auditor, end)
                    if may is None:
                        continue
                    yield from self._window(auditor, limit, use, end, days, may)

    def _window(
        self,
        auditor: str,
        limit: Limit,
        use: Use,
        end: date,
        days: dict[tuple[int, date], tuple[int, int]],
        may: int,
    ) -> Iterator[str]:
        begin = end - timedelta(days=limit.window_days - 1)
        inside = [amounts for (of, on), amounts in days.items() if of == use.id and begin <= on <= end]
        seen, reserved = sum(one for one, _ in inside), sum(one for _, one in inside)
        before = self.reserved.get((auditor, limit.key, end), 0)
        self.reserved[auditor, limit.key, end] = reserved
        if seen + reserved <= may:
            return
        said = f"{auditor} has {seen} + {reserved} of {may} under {limit.key} ({use.measure}) up to {end}"
        if reserved > before and limit.key in self.known:
            yield f"limit: reserved past a limit: {said}, and {before} was reserved before"
        for slot in self.rows.slots.values():
            if slot.auditor != auditor or slot.state != "planned" or slot.item is None:
                continue
            item = self.rows.items[slot.item]
            # What adds nothing passes no limit.
            adds = measured(
                use, self.sums.weights, item.category, item.severity, item.modality, item.seconds, 1
            )
            if begin <= slot.work_date <= end and adds:
                yield f"limit: slot {slot.id} is still planned though {said}"
                return


def ledger(rows: Rows, told: Told, changes: Changes, sums: Sums) -> Iterator[str]:
    """(d) What is on record is what the simulator was told, and the kept sums are those of the ledger."""
    touched = {entry.material for entry in changes.entries} | set(told.seen) | set(rows.seen)
    for material in sorted(touched):
        if rows.seen.get(material, [0, 0]) != told.seen.get(material, [0, 0]):
            yield (
                f"ledger: {material} has {rows.seen.get(material)} (seconds, items) on record as seen, and "
                f"{told.seen.get(material)} was told"
            )
    for auditor, on in sorted(
        {(entry.auditor, entry.work_date) for entry in changes.entries} | {*changes.sums}
    ):
        for use in rows.uses.values():
            kept, true = rows.sums.get((auditor, use.id, on), (0, 0)), sums.of_day(auditor, use, on)
            if kept != true:
                said = f"{auditor} has {kept} on {on} in limit_day, and {true} in the ledger"
                yield f"sums: of use {use.id}, {said}"


def reservations(rows: Rows, changes: Changes) -> Iterator[str]:
    """(d) What a slot holds reserved: its time while it is planned, its lease while it runs, then nothing."""
    slots = {new.id for _, new in changes.slots} | {entry.slot for entry in changes.entries if entry.slot}
    for number in sorted(slots):
        slot = rows.slots[number]
        if slot.kind != "work":
            continue
        held = rows.held(number)
        if slot.state == "planned":
            wanted = (slot.planned_end - slot.planned_start, 1)
            if held != wanted:
                yield f"reserved: planned slot {number} holds {held} (seconds, items) and needs {wanted}"
        elif slot.state == "started":
            if held[1] != 1:
                yield f"reserved: slot {number} runs and holds {held[1]} items"
            if slot.leased_until is not None:
                leased = looked(slot, slot.leased_until)
                if leased != held[0]:
                    said = f"may be looked at for {leased} s, and {held[0]} s are reserved"
                    yield f"reserved: slot {number} {said}"
        elif held != (0, 0):
            yield f"reserved: slot {number} is {slot.state} and still holds {held} (seconds, items)"


def parts_looked_at(slot: Slot, now: int) -> list[tuple[int, int]]:
    """When it was on the screen."""
    if slot.started_at is None:
        return []
    end = now if slot.ended_at is None else slot.ended_at
    parts, reached = [], slot.started_at
    for lower, upper in sorted((*slot.pauses, *slot.silences)):
        if lower > reached:
            parts.append((reached, min(lower, end)))
        reached = max(reached, end if upper is None else upper)
        if reached >= end:
            break
    if reached < end:
        parts.append((reached, end))
    return [(begin, stop) for begin, stop in parts if begin < stop]


def looked(slot: Slot, now: int) -> int:
    """Seconds on the screen until then."""
    assert slot.started_at is not None
    whole = slot._replace(ended_at=None)
    return sum(stop - begin for begin, stop in parts_looked_at(whole, now))


def one_at_a_time(rows: Rows, people: list[str], now: int) -> Iterator[str]:
    """(b)"""
    for auditor in people:
        mine = [
            slot for slot in rows.slots.values() if slot.auditor == auditor and slot.started_at is not None
        ]
        running = [slot.id for slot in mine if slot.state == "started"]
        if len(running) > 1:
            yield f"overlap: slots {running} of {auditor} run at once"
        parts = sorted(
            (*part, slot.id) for slot in mine if slot.kind == "work" for part in parts_looked_at(slot, now)
        )
        for (_, end, one), (start, _, other) in pairwise(parts):
            if start < end and one != other:
                yield f"overlap: {auditor} looked at slots {one} and {other} at once, for {end - start} s"


def nothing_doubled(rows: Rows, told: Told) -> Iterator[str]:
    """(c) Nobody has an item twice, and no more reviews of one live than are wanted."""
    people: Counter[tuple[str, str]] = Counter()
    reviews: Counter[str] = Counter()
    for slot in rows.slots.values():
        if slot.item is not None and slot.state in LIVE:
            people[slot.item, slot.auditor] += 1
            reviews[slot.item] += 1
    for slot in rows.slots.values():
        if slot.state == "planned" and slot.item in told.withdrawn:
            yield f"withdrawn: slot {slot.id} is planned, and its item {slot.item} is wanted no more"
    for (item, auditor), number in people.items():
        if number > 1:
            yield f"doubled: {auditor} has {number} live reviews of {item}"
    for item, number in reviews.items():
        if number > told.accepted[item]:
            yield f"doubled: {item} has {number} live reviews and {told.accepted[item]} are wanted"


def nothing_lost(rows: Rows, told: Told) -> Iterator[str]:
    """(c) Everything accepted is there; an escalation that lacks a review waits for one visibly; every
    completion has its outcome and its exposure."""
    for item in told.accepted:
        row = rows.items.get(item)
        if row is None:
            yield f"lost: item {item} was accepted and is not there"
            continue
        if row.withdrawn != (item in told.withdrawn):
            yield f"lost: item {item} is {'' if row.withdrawn else 'not '}withdrawn, and was told otherwise"
    yield from unexplained(rows, told)
    for number, outcome in told.completed.items():
        if rows.outcomes.get(number) != outcome:
            yield f"lost: slot {number} was completed with {outcome} and has {rows.outcomes.get(number)}"
        if not any(entry.entry in ("post", "incident") for entry in rows.by_slot.get(number, ())):
            yield f"lost: slot {number} was completed and nothing of it is on record"
    for number in rows.outcomes:
        if number not in told.completed:
            yield f"lost: slot {number} has an outcome that nobody gave"
    for number, records in told.records.items():
        found = [
            (one.entry, one.category, one.severity, one.modality, one.seconds, one.items)
            for one in rows.by_slot[number]
            if one.entry in ("post", "incident")
        ]
        if found != records:
            yield f"record: of slot {number} there is {found} on record, and there should be {records}"


def notices(changes: Changes, who: str | None, is_told: bool) -> Iterator[str]:
    """(e) What is planned for somebody changes by their own doing, or they are told. `is_told` False: nobody
    needs to be, as with the first plan of a date."""
    if not is_told:
        return
    changed: dict[str, Slot] = {}
    for before, after in changes.slots:
        was = (
            None
            if before is None or before.state != "planned"
            else (before.planned_start, before.planned_end)
        )
        now = None if after.state != "planned" else (after.planned_start, after.planned_end)
        if was != now or (before is not None and before.auditor != after.auditor):
            changed.setdefault(after.auditor, after)
            if before is not None:
                changed.setdefault(before.auditor, before)
    told = {notice.addressee for notice in changes.notices}
    for auditor, slot in sorted(changed.items()):
        if auditor != who and f"auditor:{auditor}" not in told:
            yield f"notice: slot {slot.id} of {auditor} has changed (now {slot.state}) and nobody told them"


def tasks(rows: Rows, changes: Changes, kind: str) -> Iterator[str]:
    """(f) No two live tasks for one thing; fences and versions only grow; one plan of a date is in force."""
    if changes.tasks:
        live = Counter(
            task.dedupe_key
            for task in rows.tasks.values()
            if task.state in ("waiting", "claimed") and task.dedupe_key
        )
        for key, number in live.items():
            if number > 1:
                yield f"tasks: {number} live tasks for {key}"
    for before, after in changes.tasks:
        if before is not None and after.fence < before.fence:
            yield f"tasks: the fence of task {after.id} fell from {before.fence} to {after.fence}"
        ended = before is not None and before.state in ("done", "parked") and after.state != before.state
        revived = kind == "retry-waiting" and after.kind == "place" and after.state == "waiting"
        if ended and kind != "retry-task" and not revived:
            assert before is not None
            yield f"tasks: task {after.id} was {before.state} and is {after.state}"
    if changes.plans:
        by_date: dict[date, list[tuple[int, str]]] = {}
        for plan in rows.plans.values():
            if plan.version is not None:
                by_date.setdefault(plan.work_date, []).append((plan.version, plan.state))
        for on, versions in by_date.items():
            versions.sort()
            if [number for number, _ in versions] != list(range(1, len(versions) + 1)):
                yield f"plans: of {on} there are versions {versions}"
            if [state for _, state in versions].count("published") != 1 or versions[-1][1] != "published":
                yield f"plans: of {on} not only the last is in force: {versions}"


def settled(rows: Rows, told: Told) -> Iterator[str]:
    """(g) At the end of everything: nothing runs, waits for a worker or is reserved, and what lacks a review
    is kept in mind."""
    for slot in rows.slots.values():
        if slot.state in ("planned", "started"):
            yield f"end: slot {slot.id} of {slot.auditor} is still {slot.state}"
        if slot.kind == "work" and rows.held(slot.id) != (0, 0):
            yield f"end: slot {slot.id} ({slot.state}) still holds {rows.held(slot.id)} (seconds, items)"
    for task in rows.tasks.values():
        if task.state in ("waiting", "claimed"):
            yield f"end: task {task.id} ({task.kind}) is still {task.state}"
    for (auditor, use, on), (_, reserved) in rows.sums.items():
        if reserved:
            yield f"end: {auditor} still has {reserved} of use {use} reserved on {on}"
    for item, _, _ in lacking(rows, told):
        if (with_date := rows.items[item].work_date) is not None:
            yield f"end: escalation {item} lacks a review and stays with {with_date}, which is over"
        if item not in rows.waiting:
            yield f"lost: escalation {item} lacks a review at the end, and does not stand in the list"
    if told.reviews:
        yield f"end: reviews {sorted(told.reviews)} still run"
