"""What one person was shown, for that person: by date, category, severity and modality, and what is left; and
what breaks they took, which are facts and no score."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, text

EXPOSURE = text("""
    with asked as (
        select cast(:auditor as text) as auditor,
            coalesce(cast(:to as date), work_date_of(:auditor, :now)) as to_date
    ), span as (
        select auditor, coalesce(cast(:from as date), to_date - 6) as from_date, to_date from asked
    ), rules as materialized (
        select (document::json ->> 'severe_from')::smallint as severe_from
        from installation left join policy on policy.id = installation.policy
    )
    select convert_to(row_to_json(exposure)::text, 'UTF8') from (
        select span.from_date as "from", span.to_date as "to",
            (
                select coalesce(json_agg(row_to_json(day)), '[]') from (
                    select ledger.work_date, ledger.category, ledger.severity, ledger.modality,
                        sum(ledger.seconds) as seconds, sum(ledger.items) as items,
                        as_measured(
                            sum(ledger.seconds * coalesce(weight.units_per_second, 0)), 'dose') as points
                    from ledger
                    left join dose_weight weight
                        on weight.severity = ledger.severity and weight.modality = ledger.modality
                    where ledger.auditor = span.auditor
                        and ledger.work_date between span.from_date and span.to_date
                        and ledger.entry in ('history', 'post', 'incident')
                    group by ledger.work_date, ledger.category, ledger.severity, ledger.modality
                    order by ledger.work_date, ledger.category, ledger.severity, ledger.modality
                ) day
            ) as seen,
            (
                select coalesce(json_agg(row_to_json(told)), '[]') from (
                    select l.key, l.selection, l.measure, l.window_days,
                        as_measured(l.allowed, l.measure) as allowed, as_measured(l.seen, l.measure) as seen,
                        as_measured(l.reserved, l.measure) as reserved,
                        as_measured(greatest(0, l.allowed - l.seen - l.reserved), l.measure) as left,
                        limit_in_words(
                            l.selection, l.measure, l.window_days, l.allowed, l.seen, l.reserved) as sentence
                    from (
                        select found.*, selection_in_words(
                                found.categories, found.min_severity, rules.severe_from, found.measure
                            ) as selection
                        from rules cross join lateral limits_of(span.auditor, span.to_date) found
                    ) l
                    order by l.position, l.key
                ) told
            ) as limits,
            (
                select coalesce(json_agg(row_to_json(day)), '[]') from (
                    select work_date, count(*) filter (where is_taken) as taken,
                        coalesce(sum(seconds) filter (where is_taken), 0) as seconds,
                        count(*) filter (where not is_taken) as planned,
                        coalesce(sum(seconds) filter (where not is_taken), 0) as planned_seconds
                    from (
                        select slot.work_date, slot.started_at is not null as is_taken,
                            greatest(0, floor(extract(epoch from
                                case when slot.started_at is null then slot.planned_end
                                    else coalesce(slot.ended_at, :now) end
                                - coalesce(slot.started_at, slot.planned_start))))::bigint as seconds
                        from slot
                        where slot.auditor = span.auditor and slot.kind = 'break'
                            and slot.work_date between span.from_date and span.to_date
                            and slot.state in ('planned', 'started', 'done')
                        union all
                        select slot.work_date, true,
                            greatest(0, floor(extract(epoch from
                                coalesce(upper(pause), :now) - lower(pause))))::bigint
                        from slot cross join lateral unnest(slot.pauses) pause
                        where slot.auditor = span.auditor and slot.started_at is not null
                            and slot.work_date between span.from_date and span.to_date
                    ) rest
                    group by work_date order by work_date
                ) day
            ) as breaks
        from span
    ) exposure
""")


def my_exposure(
    connection: Connection, auditor: str, first: date | None, last: date | None, now: datetime
) -> bytes:
    """What was seen from the first to the last work date, the limits in the windows that end on the last, and
    on which dates there were breaks: taken (pauses of a review are some) and still planned. As JSON in UTF-8.
    By default the seven work dates up to today's."""
    asked = {"auditor": auditor, "from": first, "to": last, "now": now}
    return bytes(connection.execute(EXPOSURE, asked).scalar_one())
