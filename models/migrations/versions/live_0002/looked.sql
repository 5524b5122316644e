-- When a review was looked at, and for how long.

-- The intervals in which it was on the screen, from its start to its end or to `at_time`.
create function looked_at(
    started timestamptz, ended timestamptz, pauses tstzmultirange, silences tstzmultirange, at_time timestamptz
) returns tstzmultirange
    language sql immutable as $$
    select case when started is null then '{}'::tstzmultirange
        else tstzmultirange(tstzrange(started, greatest(started, coalesce(ended, at_time)))) - pauses - silences
    end
$$;

-- Their length in whole seconds, rounded up.
create function looked_seconds(looked tstzmultirange) returns bigint
    language sql immutable as $$
    select coalesce(ceil(sum(extract(epoch from upper(part) - lower(part)))), 0)::bigint
    from unnest(looked) part
$$;

create function is_paused(pauses tstzmultirange) returns boolean
    language sql immutable as $$ select upper_inf(pauses) and not isempty(pauses) $$;

-- When somebody is really there.
create function there_from(s shift) returns timestamptz
    language sql immutable as $$ select greatest(s.shift_start, s.available_from) $$;
create function there_until(s shift) returns timestamptz
    language sql immutable as $$ select least(s.shift_end, s.available_until) $$;
