"""What is promised of escalations without a place: each is looked for or kept in mind, tried again at a pace,
carried over when its date is over, and leads hear of it once and again when it has found its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from tests.live.rows import Changes, Rows, Shift, Waiting
from tests.live.told import Told

LIVE = ("planned", "started", "done")
PAUSE, LONGEST, PARKED = 30, 300, 600
"""Seconds until the second try, at most between two, and until the next of what was parked."""
BETWEEN_SURGES = 600
SURGE = 3
"""Escalations that may wait for one date without its being planned anew; these worlds are small."""


def unexplained(rows: Rows, told: Told) -> Iterator[str]:
    """(c) An escalation that lacks a review is being placed or stands in the list of those that wait. What
    came with a date of which no plan was in force yet waits for the first, or for the date's end."""
    placing = _placing(rows)
    planned = {plan.work_date for plan in rows.plans.values() if plan.state == "published"}
    for item, live, wanted in lacking(rows, told):
        on = rows.items[item].work_date
        if item in placing or item in rows.waiting or (on is not None and on not in planned):
            continue
        yield f"lost: escalation {item} has {live} of {wanted} reviews, and nobody looks for a place"


def lacking(rows: Rows, told: Told) -> Iterator[tuple[str, int, int]]:
    """Escalations that want more reviews than they have, with both figures."""
    live = Counter(slot.item for slot in rows.slots.values() if slot.state in LIVE)
    for item, wanted in told.accepted.items():
        row = rows.items.get(item)
        if row is not None and row.kind == "escalation" and not row.withdrawn and live[item] < wanted:
            yield item, live[item], wanted


def ends(shift: Shift) -> int:
    return shift.end if shift.available_until is None else min(shift.end, shift.available_until)


def _placing(rows: Rows) -> set[str]:
    return {
        task.payload["item"]
        for task in rows.tasks.values()
        if task.kind == "place" and task.state in ("waiting", "claimed")
    }


def _ahead(rows: Rows, now: int) -> set[date]:
    """Work dates that are not over."""
    return {shift.work_date for shift in rows.shifts.values() if ends(shift) > now}


def carried(rows: Rows, told: Told, changes: Changes, now: int) -> Iterator[str]:
    """Once the clock has looked, nothing that lacks a review stays with a date that is over; and nothing
    leaves a date that is not."""
    ahead = _ahead(rows, now)
    for item, live, wanted in lacking(rows, told):
        on = rows.items[item].work_date
        if on is not None and on not in ahead:
            yield f"carried: escalation {item} has {live} of {wanted} reviews and stays with {on}"
    for before, after in changes.items:
        if before is not None and before.work_date in ahead and after.work_date is None:
            yield f"carried: {after.id} has left {before.work_date}, which is not over"


def tried_again(rows: Rows, changes: Changes, now: int) -> Iterator[str]:
    """Once the clock has looked, what is due is being placed, and of the rest nothing was asked for."""
    placing = _placing(rows)
    ahead = _ahead(rows, now)
    open_dates = {plan.work_date for plan in rows.plans.values() if plan.state == "published"} & ahead
    parked = {
        task.payload["item"]
        for task in rows.tasks.values()
        if task.kind == "place" and task.state == "parked" and (task.ended_at or 0) > now - PARKED
    }
    for item, row in rows.waiting.items():
        on = rows.items[item].work_date
        if not open_dates or (on is not None and on not in open_dates) or item in parked:
            continue
        if _is_due(row, now) and item not in placing:
            yield f"retry: {item} was tried {now - row.tried_at} s ago, {row.tries} times, and is not again"
    for before, task in changes.tasks:
        if task.kind == "place" and (before is None or before.state == "parked"):
            item = task.payload["item"]
            known = rows.waiting.get(item)
            is_early = before is not None and (before.ended_at or 0) > now - PARKED
            if known is None or not _is_due(known, now) or is_early:
                yield f"retry: {item} is tried again too early"


def _is_due(row: Waiting, now: int) -> bool:
    paced = row.tried_at + min(row.tries * PAUSE, LONGEST) <= now
    return paced or (row.earliest is not None and row.tried_at < row.earliest <= now)


def surges(rows: Rows, changes: Changes, now: int) -> Iterator[str]:
    """Where many wait for one date it is planned anew, at most every ten minutes, and what is under way is
    not disturbed."""
    new_tasks = {task.id for before, task in changes.tasks if before is None}
    under_way = {
        task.dedupe_key
        for task in rows.tasks.values()
        if task.kind == "plan" and task.state in ("waiting", "claimed") and task.id not in new_tasks
    }
    new_plans = {plan.id for before, plan in changes.plans if before is None}
    recent = {
        plan.work_date
        for plan in rows.plans.values()
        if plan.reason == "surge" and plan.requested_at > now - BETWEEN_SURGES and plan.id not in new_plans
    }
    waiting = Counter(row.work_date for row in rows.waiting.values() if row.told)
    asked = {rows.plans[number].work_date for number in new_plans}
    for on in sorted({*changes.versions, *asked}):
        if f"plan:{on}" in under_way:
            yield f"surge: the plan of {on} that is under way is begun again"
        if on in recent:
            yield f"surge: {on} is planned anew twice within {BETWEEN_SURGES} s"
        if waiting[on] <= SURGE:
            yield f"surge: {on} is planned anew for {waiting[on]} that wait"
    for on in sorted(_ahead(rows, now)):
        settled = f"plan:{on}" in under_way or on in recent or rows.in_force(on) is None
        if waiting[on] > SURGE and not settled and on not in asked:
            yield f"surge: {waiting[on]} wait for {on}, and it is not planned anew"


def leads(rows: Rows, changes: Changes, kind: str) -> Iterator[str]:
    """(e) Leads hear once that an escalation waits, and of just these that they have found a place."""
    said = {notice.kind: notice for notice in changes.notices}
    heard = sorted(
        after.item
        for before, after in changes.waits
        if after is not None and after.told and not (before is not None and before.told)
    )
    if kind == "publish":
        left_out = {one.detail["count"] for one in changes.notices if one.kind == "escalations-left-out"}
        if left_out != ({len(heard)} if heard else set()):
            yield f"leads: {heard} wait from now on, and they are told of {sorted(left_out)}"
    elif kind in ("return", "take-back"):
        if heard and "task-parked" not in said:
            yield f"leads: {heard} wait for operations, and nobody is told"
    else:
        told = sorted({one.detail["item"] for one in changes.notices if one.kind == "escalation-waits"})
        if told != heard:
            yield f"leads: {heard} wait from now on, and they are told of {told}"
    yield from _no_longer(rows, changes, kind)


def _no_longer(rows: Rows, changes: Changes, kind: str) -> Iterator[str]:
    gone = [before for before, after in changes.waits if before is not None and after is None]
    if gone and kind not in ("place", "publish", "withdraw"):
        yield f"waiting: {[row.item for row in gone]} leave the list by {kind}"
    placed = {new.item for old, new in changes.slots if old is None and new.state == "planned"}
    # Where somebody said later what they had found, nothing is missing any more and no place was found.
    wanted = {row.item for row in gone if row.told and (kind == "publish" or row.item in placed)}
    told = {
        item
        for one in changes.notices
        if one.kind == "escalation-no-longer-waits"
        for item in one.detail["items"]
    }
    if told != wanted:
        yield f"leads: {sorted(wanted)} wait no longer, and they are told of {sorted(told)}"
    for row in gone:
        item = rows.items[row.item]
        live = sum(slot.item == row.item and slot.state in LIVE for slot in rows.slots.values())
        if not item.withdrawn and live < item.reviews:
            yield f"waiting: {row.item} has {live} of {item.reviews} reviews and waits no longer"
