-- What a person's limits say of one work date, and what else is asked for by whoever is shown a day.

-- What a limit is about, to follow "minutes of": 'severe work', 'self-harm work from severity 2', 'exposure'.
create function selection_in_words(
    categories text[], min_severity smallint, severe_from smallint, measure text
) returns text
    language sql stable as $$
    select concat_ws(' ',
        case when min_severity = severe_from then 'severe' end,
        nullif(array_to_string(categories, ' or '), ''),
        case measure when 'dose' then 'exposure' else 'work' end,
        case when min_severity > 0 and min_severity is distinct from severe_from
            then 'from severity ' || min_severity end)
$$;

-- The limits that bind a person on a work date, in the policy's order: what each allows in the window that
-- ends then, and what is seen and reserved in it, all in seconds, items or dose units.
create function limits_of(person text, on_date date)
    returns table (key text, "position" integer, use integer, categories text[], min_severity smallint,
                   measure text, window_days integer, allowed numeric, seen numeric, reserved numeric)
    language sql stable as $$
    select l.key, l.position, l.use, u.categories, u.min_severity, u.measure, l.window_days,
           effective_amount(l.amount, u.measure, coalesce(shift.exposure_percent, known.exposure_percent)),
           span.seen, span.reserved
    from auditor known
    left join shift on shift.auditor = known.id and shift.work_date = on_date
    join exposure_limit l on l.scope in (
        'org', 'market:' || coalesce(shift.home_market, known.home_market),
        'team:' || coalesce(shift.team, known.team), 'auditor:' || known.id)
    join exposure_use u on u.id = l.use
    cross join lateral (
        select coalesce(sum(d.seen), 0) as seen, coalesce(sum(d.reserved), 0) as reserved from limit_day d
        where d.auditor = known.id and d.use = l.use
          -- A century at most, as in the guard: dates have an end.
          and d.work_date between on_date - (least(l.window_days, 36500) - 1) and on_date
    ) span
    where known.id = person
    order by l.position, l.key
$$;

-- An amount for a person to read: dose units as points, to a hundredth.
create function as_measured(amount numeric, measure text) returns numeric
    language sql immutable as $$
    select case measure when 'dose' then round(amount / 600, 2) else amount end
$$;

-- Of a measure's units in the ledger, how many make one that people speak of: a minute, an item, a point.
create function units_in_one(measure text) returns numeric
    language sql immutable as $$
    select case measure when 'seconds' then 60 when 'items' then 1 else 600 end::numeric
$$;

-- A limit in a sentence, in whole minutes, items or points: rounded so that what is left is never overstated.
create function limit_in_words(
    selection text, measure text, window_days integer, allowed numeric, seen numeric, reserved numeric
) returns text
    language sql stable as $$
    select concat(
        'Of ', div(allowed, units_in_one(measure)),
        case measure when 'seconds' then ' minutes of ' when 'items' then ' items of ' else ' points of ' end,
        selection,
        case window_days when 1 then ' on this date' else ' in ' || window_days || ' dates up to this one' end,
        ' you have seen ', ceil(seen / units_in_one(measure)),
        ', ', ceil(reserved / units_in_one(measure)), ' are planned, ',
        greatest(0, div(allowed, units_in_one(measure)) - ceil(seen / units_in_one(measure))
            - ceil(reserved / units_in_one(measure))),
        ' are left.')
$$;

-- The work date that a person means by today: that of the shift that runs or comes next, else the date where
-- they live.
create function work_date_of(person text, at_time timestamptz) returns date
    language sql stable as $$
    select coalesce(
        (select work_date from shift
         where auditor = person and shift_end > at_time
           -- A shift lasts 16 hours at most, and zones differ by less than a day: none that is older runs.
           and work_date >= (at_time at time zone 'UTC')::date - 2
         order by shift_start limit 1),
        (at_time at time zone coalesce((select timezone from auditor where id = person), 'UTC'))::date)
$$;

-- What is reserved for a slot and not given back, by what it is of.
create function slot_reserved(of_slot bigint, on_date date)
    returns table (category text, severity smallint, modality text, seconds bigint, items bigint)
    language sql stable as $$
    select category, severity, modality,
           sum(case entry when 'reserve' then seconds else -seconds end)::bigint,
           sum(case entry when 'reserve' then items else -items end)::bigint
    from ledger
    where slot = of_slot and work_date = on_date and entry in ('reserve', 'release')
    group by category, severity, modality
    having sum(case entry when 'reserve' then items else -items end) > 0
        or sum(case entry when 'reserve' then seconds else -seconds end) > 0
$$;

-- Any text as one part of a web address.
create function part_of_address(words text) returns text
    language sql immutable strict parallel safe as $$
    select string_agg(
        case when byte between 48 and 57 or byte between 65 and 90 or byte between 97 and 122
                  or byte in (45, 46, 95, 126)
            then chr(byte) else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by place)
    from (select place, get_byte(bytes, place) as byte
          from (select convert_to(words, 'UTF8') as bytes) encoded,
               generate_series(0, length(bytes) - 1) place) each_byte
$$;
