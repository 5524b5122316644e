"""A person's day, as they are shown it: the hot path, one round trip with the token in it.

PostgreSQL builds the JSON, and its bytes go out as they are. Instants are in UTC, with the offset `+00:00`;
`timezone` is where the person lives.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg import Connection

# A policy is read once (`materialized`): PostgreSQL would parse it anew for every row.
QUEUE = """
with asking as (
    select subject from token
    where digest = %(digest)s and revoked_at is null and expires_at > %(now)s and persona = 'auditor'
), day as (
    select asking.subject as auditor, known.timezone,
        coalesce(%(work_date)s::date, work_date_of(asking.subject, %(now)s)) as work_date
    from asking left join auditor known on known.id = asking.subject
), rules as materialized (
    select (document::json ->> 'severe_from')::smallint as severe_from
    from installation left join policy on policy.id = installation.policy
), slots as (
    select json_agg(row_to_json(told)) as told from (
        select slot.id as slot, slot.kind, slot.label,
            case when slot.state = 'started' and is_paused(slot.pauses) then 'paused' else slot.state end
                as state,
            slot.planned_start, slot.planned_end, slot.started_at, slot.ended_at,
            slot.leased_until,
            case when item.id is not null then (
                select row_to_json(review) from (
                    select item.id as item, item.kind, item.market, item.language, item.category,
                        item.severity, item.modality, item.seconds as expected_seconds, item.due,
                        %(before)s || case
                            when item.id ~ '^[A-Za-z0-9._~-]*$' then item.id else part_of_address(item.id)
                        end || %(after)s as link,
                        case when item.severity < rules.severe_from
                            then '{"blur":false,"greyscale":false,"mute":false}'::json
                            else '{"blur":true,"greyscale":true,"mute":true}'::json
                        end as presentation
                ) review
            ) end as review
        from day cross join rules
        join slot on slot.work_date = day.work_date and slot.auditor = day.auditor
            and slot.state in ('planned', 'started', 'done')
        left join item on item.id = slot.item
        order by coalesce(slot.started_at, slot.planned_start), slot.id
    ) told
), limits as (
    select json_agg(row_to_json(told)) as told from (
        select l.key, l.selection, l.measure, l.window_days, as_measured(l.allowed, l.measure) as allowed,
            as_measured(l.seen, l.measure) as seen, as_measured(l.reserved, l.measure) as reserved,
            as_measured(greatest(0, l.allowed - l.seen - l.reserved), l.measure) as left,
            limit_in_words(l.selection, l.measure, l.window_days, l.allowed, l.seen, l.reserved) as sentence
        from (
            select found.*,
                selection_in_words(found.categories, found.min_severity, rules.severe_from, found.measure)
                    as selection
            from day cross join rules cross join lateral limits_of(day.auditor, day.work_date) found
        ) l
        order by l.position, l.key
    ) told
)
select convert_to(row_to_json(queue)::text, 'UTF8') from (
    select day.work_date, coalesce(shift.timezone, day.timezone) as timezone,
        shift.shift_start, shift.shift_end, there_from(shift) as there_from,
        there_until(shift) as there_until,
        case when plan.id is not null then json_build_object('id', plan.id, 'version', plan.version) end
            as plan,
        case
            when shift.auditor is null then 'You have no shift on this date.'
            when plan.id is null then 'This date is not planned yet.'
            when slots.told is null then 'Nothing is planned for you on this date.'
        end as note,
        coalesce(slots.told, '[]') as slots, coalesce(limits.told, '[]') as limits
    from day cross join slots cross join limits
    left join shift on shift.auditor = day.auditor and shift.work_date = day.work_date
    left join plan on plan.work_date = day.work_date and plan.state = 'published'
) queue
"""


def queue(
    connection: Connection[Any], digest: bytes, work_date: date | None, now: datetime, address: str
) -> bytes | None:
    """The day of the auditor whose token has this SHA-256, as JSON in UTF-8; none if no auditor's token does.

    `address` is where an item can be looked at, with `{item}` in it. The same state gives the same bytes.
    """
    before, _, after = address.partition("{item}")
    asked = {"digest": digest, "work_date": work_date, "now": now, "before": before, "after": after}
    row = connection.execute(QUEUE, asked, prepare=True, binary=True).fetchone()
    return None if row is None else row[0]
