"""How much longer a review may be looked at under its person's limits."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.figures import several
from models.queries.asking import Ask
from models.queries.day_so_far import RULES
from models.queries.may_start import UNITS

# The limit that ends it first, in all windows that hold its date: the one that ends then, and later ones with
# exposure on their last day. What is reserved counts, for this review and for others: it was allowed before.
ROOM = f"""
    with {RULES}
    select u.measure, l.window_days, last.work_date as until, last.work_date = slot.work_date as is_today,
        may.allowed, greatest(0, div(may.allowed - span.used, adds.each_second))::bigint as seconds,
        selection_in_words(u.categories, u.min_severity, rules.severe_from, u.measure) as selection
    from slot
    join item on item.id = slot.item
    join auditor person on person.id = slot.auditor
    left join dose_weight weight on weight.severity = item.severity and weight.modality = item.modality
    cross join rules
    cross join exposure_limit l
    join exposure_use u on u.id = l.use
    cross join lateral (
        select exposure_measured(
            u, item.category, item.severity, 1, 0, weight.units_per_second) as each_second
    ) adds
    cross join lateral (
        select slot.work_date
        union
        select day.work_date from limit_day day
        where day.auditor = slot.auditor and day.use = u.id and (day.seen > 0 or day.reserved > 0)
            and day.work_date > slot.work_date
            and day.work_date <= slot.work_date + (least(l.window_days, 36500) - 1)
    ) last
    left join shift on shift.auditor = slot.auditor and shift.work_date = last.work_date
    cross join lateral (
        select coalesce(sum(day.seen), 0) + coalesce(sum(day.reserved), 0) as used
        from limit_day day
        where day.auditor = slot.auditor and day.use = u.id
            and day.work_date between last.work_date - (least(l.window_days, 36500) - 1) and last.work_date
    ) span
    cross join lateral (
        select effective_amount(
            l.amount, u.measure, coalesce(shift.exposure_percent, person.exposure_percent)) as allowed
    ) may
    where slot.id = %(slot)s and adds.each_second > 0
        and l.scope in (
            'org', 'market:' || coalesce(shift.home_market, person.home_market),
            'team:' || coalesce(shift.team, person.team), 'auditor:' || person.id)
    order by seconds, l.position, l.key, last.work_date
    limit 1
"""


@dataclass(frozen=True, slots=True, repr=False)
class LimitRoom:
    """So many seconds more may be reserved; `sentence` says which limit has no more, for its person alone."""

    seconds: int
    sentence: str


def limit_room(ask: Ask, slot: int) -> LimitRoom | None:
    """What the tightest limit still has room for beyond all that is seen and reserved. None: no limit that
    measures time is about this review."""
    rows = ask(ROOM, {"slot": slot})
    if not rows:
        return None
    (row,) = rows
    size, unit = UNITS[row.measure]
    when = "today" if row.is_today else row.until.isoformat()
    if row.window_days > 1:
        when = f"in the {row.window_days} dates up to {when}"
    allowed = row.allowed // size
    sentence = (
        f"Your {several(allowed, unit)} of {row.selection} {when} {'is' if allowed == 1 else 'are'} seen, or "
        "kept for what is planned."
    )
    return LimitRoom(row.seconds, sentence)
