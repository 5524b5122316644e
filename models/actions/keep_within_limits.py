"""More was seen, or less is allowed, than when somebody's day was planned: what has no room any more goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, text

from allocator.figures import several
from models.actions.notify import notify
from models.actions.release_reserved import release_reserved
from models.beyond_limits import Passed, Planned, to_withdraw

Why = Literal["incident", "overrun", "limit-lowered", "day-loaded"]
WHY: dict[Why, str] = {
    "incident": "something was more severe than expected",
    "overrun": "more was seen than was planned",
    "limit-lowered": "a limit was lowered",
    "day-loaded": "your records have changed",
}

LOCK = text("select lock_guards(:people)")
# Only windows that hold something planned: nothing else can be taken back.
PASSED = text("""
    select passed.auditor, l.use, passed.work_date as last,
        passed.work_date - (least(l.window_days, 36500) - 1) as first,
        ceil(passed.used - passed.allowed)::bigint as over
    from limits_passed(array(
        select (planned.auditor, planned.work_date, u.use)::exposure_touched
        from (
            select distinct auditor, work_date from slot
            where state = 'planned' and (cast(:people as text[]) is null or auditor = any (:people))
        ) planned
        cross join (
            select distinct use from exposure_limit where key = coalesce(:limit, key)
        ) u
    )) passed
    join exposure_limit l on l.key = passed.limit_key
    where l.key = coalesce(:limit, l.key)
""")
PLANNED = text("""
    select slot.id as slot, slot.auditor, slot.work_date, slot.planned_start as start, item.id as item,
        item.kind, item.priority, u.id as use, exposure_measured(
            u, reserved.category, reserved.severity, reserved.seconds, reserved.items, weight.units_per_second
        ) as amount
    from slot
    join item on item.id = slot.item
    cross join lateral slot_reserved(slot.id, slot.work_date) reserved
    left join dose_weight weight
        on weight.severity = reserved.severity and weight.modality = reserved.modality
    join exposure_use u on u.id = any (:uses)
        and exposure_measured(u, reserved.category, reserved.severity, reserved.seconds, reserved.items,
            weight.units_per_second) > 0
    where slot.auditor = any (:people) and slot.state = 'planned'
""")
WITHDRAW = text("update slot set state = 'withdrawn' where id = any (:slots)")


class Gone(NamedTuple):
    """Slots that were withdrawn, and their items."""

    slots: list[int]
    items: list[str]


def keep_within_limits(
    connection: Connection,
    people: Sequence[str] | None,
    now: datetime,
    why: Why,
    limit: str | None = None,
) -> Gone:
    """Withdraw planned reviews of these people where seen and reserved together now pass a limit.

    Part of another action's transaction, after what it wrote to the ledger, to limits or to shifts. From the
    end of the day backwards, samples first, until every limit holds or nothing that it selects is left that
    has not begun. Each person is told. Whoever calls has the items ask for another place, as the last thing
    it does (`place_again`).

    Without `people` everybody is looked at; only under the limits' exclusive lock, since guards are locked
    in one call. With `limit` only this one is asked.
    """
    asked = None if people is None else sorted(people)
    if asked is not None:
        connection.execute(LOCK, {"people": asked})
    windows: dict[str, list[Passed]] = defaultdict(list)
    for row in connection.execute(PASSED, {"people": asked, "limit": limit}):
        windows[row.auditor].append(Passed(row.use, row.first, row.last, row.over))
    if asked is None and windows:
        connection.execute(LOCK, {"people": sorted(windows)})
    gone = list(_to_withdraw(connection, windows)) if windows else []
    slots = [row.slot for row in gone]
    if slots:
        connection.execute(WITHDRAW, {"slots": slots})
        release_reserved(connection, slots, now)
        _tell(connection, gone, now, why)
    return Gone(slots, [row.item for row in gone])


def _to_withdraw(connection: Connection, windows: dict[str, list[Passed]]) -> Iterable[Row[Any]]:
    uses = sorted({window.use for found in windows.values() for window in found})
    rows: dict[str, dict[int, Row[Any]]] = defaultdict(dict)
    measured: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in connection.execute(PLANNED, {"people": sorted(windows), "uses": uses}):
        rows[row.auditor][row.slot] = row
        measured[row.slot][row.use] += row.amount
    for auditor in sorted(windows):
        planned = [
            Planned(row.slot, row.work_date, row.kind, row.priority, row.start, measured[row.slot])
            for row in rows[auditor].values()
        ]
        for review in to_withdraw(windows[auditor], planned):
            yield rows[auditor][review.slot]


def _tell(connection: Connection, gone: Iterable[Row[Any]], now: datetime, why: Why) -> None:
    days: dict[tuple[str, date], list[int]] = defaultdict(list)
    for row in gone:
        days[row.auditor, row.work_date].append(row.slot)
    for (auditor, work_date), slots in days.items():
        sentence = (
            f"{several(len(slots), 'review')} less in your plan: {WHY[why]}, and a limit would be passed."
        )
        notify(
            connection,
            f"auditor:{auditor}",
            work_date,
            "review-withdrawn",
            sentence,
            now,
            slots=sorted(slots),
        )
