-- The guard: nothing is reserved past a limit, whoever writes and however.
--
-- Order of locks, everywhere: the limits' lock (shared to write exposure, exclusive to change a limit), then
-- the guards of all people concerned in order of their ids, then rows. Whoever needs the limits' lock both ways
-- takes it exclusively first. Functions run with the owner's rights; the application can neither touch the sums
-- nor go round the trigger.

create function limits_lock() returns bigint language sql immutable as $$ select 20261123::bigint $$;

-- A snapshot older than the locks would add to stale sums, and weigh them against stale limits.
create function refuse_old_snapshots() returns void
    language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'exposure and limits change under READ COMMITTED only' using errcode = 'BW002';
    end if;
end
$$;

-- What every action that changes somebody's exposure does first; how many of these people are known.
create function lock_guards(people text[]) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    locked bigint;
begin
    perform refuse_old_snapshots();
    perform pg_advisory_xact_lock_shared(limits_lock());
    perform from auditor_guard where auditor = any (people) order by auditor for no key update;
    get diagnostics locked = row_count;
    return locked;
end
$$;

-- What every action that changes a limit, or what limits add up, does first.
create function lock_limits() returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform refuse_old_snapshots();
    perform pg_advisory_xact_lock(limits_lock());
end
$$;

-- One entry's part in a use: its seconds, items or dose units, 0 where the use does not select it.
create function exposure_measured(
    u exposure_use, entry_category text, entry_severity smallint, entry_seconds bigint, entry_items bigint, units bigint
) returns bigint language sql immutable as $$
    select case
        when entry_severity < u.min_severity then 0
        when cardinality(u.categories) > 0 and not entry_category = any (u.categories) then 0
        when u.measure = 'seconds' then entry_seconds
        when u.measure = 'items' then entry_items
        else entry_seconds * coalesce(units, 0)   -- no weights before the first policy: they are made up later
    end
$$;

-- A day on which somebody's use has grown.
create type exposure_touched as (auditor text, work_date date, use integer);

-- What one person may have under a limit in the window that ends on this date: the amount, scaled by the
-- percentage of that date, rounded down; in seconds, items or dose units.
create function effective_amount(amount bigint, measure text, percent smallint) returns numeric
    language sql immutable as $$
    select div(amount::numeric * case measure when 'dose' then 600 else 1 end * percent, 100)
$$;

-- The limits that are passed in any window that holds one of these days: windows that end later count too, if
-- there is exposure on their last day.
create function limits_passed(touched exposure_touched[])
    returns table (auditor text, limit_key text, work_date date, used numeric, allowed numeric)
    language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select distinct t.auditor, l.key, last.work_date, span.used, may.allowed
    from unnest(touched) t
    join exposure_limit l on l.use = t.use
    join exposure_use u on u.id = l.use
    -- A century is longer than any ledger, and keeps dates within what a date can be.
    cross join lateral (select least(l.window_days, 36500) - 1) earlier (days)
    join limit_day last on last.auditor = t.auditor and last.use = t.use
        and last.work_date between t.work_date and t.work_date + earlier.days
        and (last.work_date = t.work_date or last.seen > 0 or last.reserved > 0)
    join auditor person on person.id = t.auditor
    left join shift on shift.auditor = t.auditor and shift.work_date = last.work_date
    cross join lateral (
        select sum(seen) + sum(reserved) as used from limit_day d
        where d.auditor = t.auditor and d.use = t.use
          and d.work_date between last.work_date - earlier.days and last.work_date
    ) span
    cross join lateral (
        select effective_amount(l.amount, u.measure, coalesce(shift.exposure_percent, person.exposure_percent))
    ) may (allowed)
    where l.scope in ('org', 'market:' || coalesce(shift.home_market, person.home_market),
                      'team:' || coalesce(shift.team, person.team), 'auditor:' || t.auditor)
      and span.used > may.allowed
    order by 1, 2, 3
$$;

-- A session keeps the plans of its first insert, which may have had one row or a million. Where a query looks up
-- something for each row it is therefore written so that it can only be done by index.
create function guard_ledger() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    people text[] := array(select distinct auditor from added);
    touched exposure_touched[];
    below_nothing boolean;
    found jsonb;
begin
    if lock_guards(people) < cardinality(people) then
        raise exception 'exposure of somebody unknown' using errcode = 'BW003';
    end if;
    if exists (
        select from added
        where entry <> 'history' and not coalesce((
            select slot.kind = 'work' and slot.auditor = added.auditor and slot.work_date = added.work_date
                   and (added.entry in ('reserve', 'release') or slot.started_at is not null)
            from slot where slot.id = added.slot), false)
    ) then
        raise exception 'exposure of a slot that is not this person''s, or that has not started'
            using errcode = 'BW004';
    end if;
    -- By person and date, too: a slot may have become another's since it was reserved.
    if exists (
        select from (
            select distinct auditor, work_date, slot, category, severity, modality
            from added where entry = 'release'
        ) released
        cross join lateral (
            select sum(case entry when 'reserve' then seconds else -seconds end) as seconds,
                   sum(case entry when 'reserve' then items else -items end) as items
            from ledger where (auditor, work_date, slot, category, severity, modality)
                = (released.auditor, released.work_date, released.slot,
                   released.category, released.severity, released.modality)
              and entry in ('reserve', 'release')
        ) still
        where still.seconds < 0 or still.items < 0
    ) then
        raise exception 'more is released than was reserved' using errcode = 'BW005';
    end if;

    with entries as (
        select auditor, work_date, entry, category, severity, modality,
               sum(seconds)::bigint as seconds, sum(items)::bigint as items
        from added group by auditor, work_date, entry, category, severity, modality
    ), parts as (
        select auditor, work_date, entry, u.id as use,
               exposure_measured(u, category, severity, seconds, items, units_per_second) as measured
        from entries left join dose_weight using (severity, modality) cross join exposure_use u
    ), sums as (
        select auditor, use, work_date,
               sum(case when entry in ('history', 'post', 'incident') then measured else 0 end) as seen,
               sum(case entry when 'reserve' then measured when 'release' then -measured else 0 end) as reserved,
               bool_or(entry = 'reserve') as reserving
        from parts where measured > 0 group by auditor, use, work_date
    ), kept as (
        insert into limit_day as day
        select auditor, use, work_date, seen, reserved from sums order by auditor, use, work_date
        on conflict (auditor, use, work_date) do update
            set seen = day.seen + excluded.seen, reserved = day.reserved + excluded.reserved
        returning day.reserved
    )
    select (select array_agg((auditor, work_date, use)::exposure_touched) from sums where reserving),
           (select bool_or(reserved < 0) from kept)
    into touched, below_nothing;
    if below_nothing then
        raise exception 'more is released than was reserved' using errcode = 'BW005';
    end if;

    -- Only what reserves is refused: what was seen is recorded even where it passes a limit.
    if touched is not null then
        -- Whose limit it is, and which; not how much they saw, since servers write details into their logs.
        select jsonb_agg(to_jsonb(passed)) into found
            from (select auditor, limit_key, work_date from limits_passed(touched) limit 20) passed;
        if found is not null then
            raise exception 'a limit would be passed' using errcode = 'BW001', detail = found::text;
        end if;
    end if;
    return null;
end
$$;

create trigger guard after insert on ledger referencing new table as added
    for each statement execute function guard_ledger();

-- ---------------------------------------------------------------------------------------- the rest of it

create function add_guard() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into auditor_guard select id from added on conflict do nothing;
    return null;
end
$$;
create trigger add_guard after insert on auditor referencing new table as added
    for each statement execute function add_guard();

-- A person's team, market or percentage decides which limits bind and how much they allow: whoever changes one
-- waits for those who are reserving, and the other way round.
create function lock_changed_people() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_table_name = 'shift' then
        perform lock_guards(array(select distinct auditor from added));
    else
        perform lock_guards(array(select distinct id from added));
    end if;
    return null;
end
$$;
create trigger lock_people after insert on shift referencing new table as added
    for each statement execute function lock_changed_people();
create trigger lock_people_updated after update on shift referencing new table as added
    for each statement execute function lock_changed_people();
create trigger lock_people_left after update on shift referencing old table as added
    for each statement execute function lock_changed_people();
create trigger lock_people_removed after delete on shift referencing old table as added
    for each statement execute function lock_changed_people();
create trigger lock_people_updated after update on auditor referencing new table as added
    for each statement execute function lock_changed_people();

-- Limits change under the exclusive lock, and a plan in the making is not published past a change.
create function guard_limit() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform lock_limits();
    update installation set limits_version = limits_version + 1;
    return null;
end
$$;
create trigger guard before insert or update or delete on exposure_limit
    for each statement execute function guard_limit();

-- The only two ways in which a limit's amount changes. Lowering always succeeds.
create function lower_limit(wanted_key text, wanted_amount bigint) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    before bigint;
begin
    perform lock_limits();
    select amount into before from exposure_limit where key = wanted_key;
    if before is null or wanted_amount is null or wanted_amount > before then
        raise exception 'a limit is lowered, or a raise is proposed' using errcode = 'BW006';
    end if;
    update exposure_limit set amount = wanted_amount where key = wanted_key and amount <> wanted_amount;
    return before;
end
$$;

-- Two people: one has proposed, another approves.
create function approve_raise(wanted bigint, by_whom text, at_time timestamptz) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    proposal limit_proposal;
    before exposure_limit;
begin
    perform lock_limits();
    select * into proposal from limit_proposal where id = wanted for update;
    select * into before from exposure_limit where key = proposal.limit_key;
    if proposal.state is distinct from 'pending' or proposal.proposed_by = by_whom
       or proposal.amount <= before.amount or proposal.amount > before.ceiling then
        raise exception 'this raise cannot be approved by this person' using errcode = 'BW007';
    end if;
    update limit_proposal set state = 'approved', decided_by = by_whom, decided_at = at_time where id = wanted;
    update exposure_limit set amount = proposal.amount, approved_by = by_whom where key = proposal.limit_key;
    return before.amount;
end
$$;

-- The use with this selection, made and filled from the ledger where it is new.
create function exposure_use_of(wanted_categories text[], wanted_min_severity smallint, wanted_measure text)
    returns integer
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    sorted text[] := array(select distinct c from unnest(wanted_categories) c order by c);
    made integer;
begin
    perform lock_limits();
    select id into made from exposure_use u
        where u.categories = sorted and u.min_severity = wanted_min_severity and u.measure = wanted_measure;
    if made is null then
        insert into exposure_use (categories, min_severity, measure)
            values (sorted, wanted_min_severity, wanted_measure) returning id into made;
        perform fill_limit_days(made);
    end if;
    return made;
end
$$;

-- The sums of one use, from the raw ledger.
create function ledger_sums(wanted integer)
    returns table (auditor text, use integer, work_date date, seen bigint, reserved bigint)
    language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select auditor, id, work_date,
           sum(case when entry in ('history', 'post', 'incident') then measured else 0 end)::bigint,
           sum(case entry when 'reserve' then measured when 'release' then -measured else 0 end)::bigint
    from (
        select ledger.auditor, ledger.work_date, entry, u.id,
               exposure_measured(u, category, severity, seconds, items, units_per_second) as measured
        from ledger
        left join dose_weight using (severity, modality)
        join exposure_use u on u.id = wanted
    ) parts
    group by auditor, id, work_date
    having bool_or(measured <> 0)
$$;

create function fill_limit_days(wanted integer) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform lock_limits();
    delete from limit_day where use = wanted;
    insert into limit_day select * from ledger_sums(wanted);
end
$$;

-- New weights of severity and modality: every sum of dose is made again. A lower weight would raise every limit
-- of dose at once, which no single caller may do.
create function set_dose_weights(weights jsonb) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform lock_limits();
    if exists (
        select from dose_weight known
        left join jsonb_to_recordset(weights) as given (severity smallint, modality text, units bigint)
            using (severity, modality)
        where coalesce(given.units, 0) < known.units_per_second
    ) then
        raise exception 'a lower weight of dose raises limits' using errcode = 'BW007';
    end if;
    delete from dose_weight;
    insert into dose_weight
        select severity, modality, units from jsonb_to_recordset(weights)
            as given (severity smallint, modality text, units bigint);
    perform fill_limit_days(id) from exposure_use where measure = 'dose';
end
$$;
