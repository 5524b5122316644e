-- The guard: nothing is reserved past a limit, whoever writes and however.
--
-- Order of locks, everywhere: the limits' lock (shared to write exposure, exclusive to change a limit), then
-- the guards of all people concerned in order of their ids, then rows. Functions run with the owner's rights;
-- the application can neither touch the sums nor go round the trigger.

create function limits_lock() returns bigint language sql immutable as $$ select 20261123::bigint $$;

-- What every action that changes somebody's exposure does first.
create function lock_guards(people text[]) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock_shared(limits_lock());
    perform 1 from auditor_guard where auditor = any (people) order by auditor for no key update;
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
    select floor(amount::numeric * case measure when 'dose' then 600 else 1 end * percent / 100)
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
    join limit_day last on last.auditor = t.auditor and last.use = t.use
        and last.work_date between t.work_date and t.work_date + (l.window_days - 1)
        and (last.work_date = t.work_date or last.seen + last.reserved > 0)
    join auditor person on person.id = t.auditor
    left join shift on shift.auditor = t.auditor and shift.work_date = last.work_date
    cross join lateral (
        select coalesce(sum(seen + reserved), 0) as used from limit_day d
        where d.auditor = t.auditor and d.use = t.use
          and d.work_date between last.work_date - (l.window_days - 1) and last.work_date
    ) span
    cross join lateral (
        select effective_amount(l.amount, u.measure, coalesce(shift.exposure_percent, person.exposure_percent))
    ) may (allowed)
    where l.scope in ('org', 'market:' || coalesce(shift.home_market, person.home_market),
                      'team:' || coalesce(shift.team, person.team), 'auditor:' || t.auditor)
      and span.used > may.allowed
    order by 1, 2, 3
$$;

create function guard_ledger() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    touched exposure_touched[];
    found jsonb;
begin
    -- A snapshot older than the locks below would add to stale sums.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'exposure is written under READ COMMITTED only' using errcode = 'BW002';
    end if;
    perform pg_advisory_xact_lock_shared(limits_lock());
    perform 1 from auditor_guard where auditor in (select auditor from added)
        order by auditor for no key update;

    if exists (select from added where auditor not in (select auditor from auditor_guard)) then
        raise exception 'exposure of somebody unknown' using errcode = 'BW003';
    end if;
    if exists (
        select from added left join slot on slot.id = added.slot
        where added.entry <> 'history'
          and (slot.id is null or slot.kind <> 'work'
               or slot.auditor <> added.auditor or slot.work_date <> added.work_date
               or added.entry in ('post', 'incident') and slot.started_at is null)
    ) then
        raise exception 'exposure of a slot that is not this person''s, or that has not started'
            using errcode = 'BW004';
    end if;
    if exists (
        select from (select distinct work_date, slot from added where entry = 'release') released
            join ledger using (work_date, slot)
        where ledger.entry in ('reserve', 'release')
        group by slot, category, severity, modality
        having sum(case ledger.entry when 'reserve' then seconds else -seconds end) < 0
            or sum(case ledger.entry when 'reserve' then items else -items end) < 0
    ) then
        raise exception 'more is released than was reserved' using errcode = 'BW005';
    end if;

    insert into limit_day as day (auditor, use, work_date, seen, reserved)
    select auditor, id, work_date,
           sum(case when entry in ('history', 'post', 'incident') then measured else 0 end),
           sum(case entry when 'reserve' then measured when 'release' then -measured else 0 end)
    from (
        select auditor, work_date, entry, u.id,
               exposure_measured(u, category, severity, seconds, items, units_per_second) as measured
        from (
            select auditor, work_date, entry, category, severity, modality,
                   sum(seconds)::bigint as seconds, sum(items)::bigint as items
            from added group by auditor, work_date, entry, category, severity, modality
        ) entries
        left join dose_weight using (severity, modality)
        cross join exposure_use u
    ) parts
    group by auditor, id, work_date
    having bool_or(measured <> 0)
    order by auditor, id, work_date
    on conflict (auditor, use, work_date) do update
        set seen = day.seen + excluded.seen, reserved = day.reserved + excluded.reserved;

    -- Only what reserves is refused: what was seen is recorded even where it passes a limit.
    select array_agg((auditor, work_date, id)::exposure_touched) into touched from (
        select distinct auditor, work_date, u.id
        from (
            select auditor, work_date, category, severity, modality,
                   sum(seconds)::bigint as seconds, sum(items)::bigint as items
            from added where entry = 'reserve' group by auditor, work_date, category, severity, modality
        ) reserved
        left join dose_weight using (severity, modality)
        cross join exposure_use u
        where exposure_measured(u, category, severity, seconds, items, units_per_second) > 0
    ) reserving;
    if touched is not null then
        select jsonb_agg(to_jsonb(passed)) into found
            from (select * from limits_passed(touched) limit 20) passed;
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
create trigger lock_people_removed after delete on shift referencing old table as added
    for each statement execute function lock_changed_people();
create trigger lock_people_updated after update on auditor referencing new table as added
    for each statement execute function lock_changed_people();

-- Limits change under the exclusive lock, and a plan in the making is not published past a change.
create function guard_limit() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(limits_lock());
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
    perform pg_advisory_xact_lock(limits_lock());
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
    perform pg_advisory_xact_lock(limits_lock());
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
    perform pg_advisory_xact_lock(limits_lock());
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
    perform pg_advisory_xact_lock(limits_lock());
    delete from limit_day where use = wanted;
    insert into limit_day select * from ledger_sums(wanted);
end
$$;

-- New weights of severity and modality: every sum of dose is made again.
create function set_dose_weights(weights jsonb) returns void
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(limits_lock());
    delete from dose_weight;
    insert into dose_weight
        select severity, modality, units from jsonb_to_recordset(weights)
            as given (severity smallint, modality text, units bigint);
    perform fill_limit_days(id) from exposure_use where measure = 'dose';
end
$$;
