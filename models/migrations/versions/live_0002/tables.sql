-- What a day needs beyond its plan once people work through it.

-- A review that runs is `started`, paused or not. Its time between `started_at` and `ended_at` is looked at but
-- for `pauses`, which its person took (and which are rest), and `silences`, in which nobody said that the
-- content was still on the screen after its lease had run out (and which are neither work nor rest). While it
-- is paused the last pause has no end.
-- `returned`: given back before it was begun. The person is not asked again on that date.
alter table slot
    add column pauses tstzmultirange not null default '{}',
    add column silences tstzmultirange not null default '{}',
    -- Of a review that runs and is not paused: when what is reserved for it will have been looked at. From
    -- then on the content is to be covered.
    add column leased_until timestamptz,
    -- When its person's program last said that it is on the screen.
    add column beat_at timestamptz,
    -- What ended a review without an outcome; none of them is held against anybody.
    add column ended_by text check (ended_by in ('person', 'limit', 'silence', 'day')),
    -- The times of the plan as published, once the slot has been moved; and when it was added to the plan.
    add column published_start timestamptz,
    add column published_end timestamptz,
    add column placed_at timestamptz,
    drop constraint slot_state_check,
    add constraint slot_state_check
        check (state in ('planned', 'started', 'done', 'skipped', 'returned', 'withdrawn')),
    add check ((published_start is null) = (published_end is null)),
    add check (leased_until is null or state = 'started');
create index slot_leased on slot (leased_until) where state = 'started';
create index slot_returned on slot (work_date, item) where state = 'returned';

-- From when and until when somebody is there after all, where that is not as the shift says: late, gone home,
-- or absent (`available_until` is the shift's start).
alter table shift
    add column available_from timestamptz,
    add column available_until timestamptz;

-- Why a plan was asked for anew while its day ran; a word of models.actions.ask_replan.
alter table plan add column reason text;

-- What an audit found, of a review that is done.
create table outcome (
    slot bigint primary key references slot,
    decision text not null check (decision in ('agree', 'disagree')),
    error_type text,
    note text,
    at timestamptz not null,
    check ((decision = 'disagree') = (error_type is not null))
);

-- An escalation for which no place was found yet: tried again until there is one or it is withdrawn.
-- `ruled_out` is the rule book's map, `earliest` when the first could take it if nothing else changed.
create table waiting_escalation (
    item text collate "C" primary key references item,
    since timestamptz not null,
    tried_at timestamptz not null,
    tries integer not null check (tries >= 1),
    work_date date,                      -- the day into which it was tried
    missing integer not null check (missing >= 1),
    earliest timestamptz,
    ruled_out json not null,
    sentence text not null               -- for a lead, with what binds
);
create index waiting_escalation_tried on waiting_escalation (tried_at);

-- What somebody is told: an auditor (`auditor:ID`) of a change to their day, with the reason; a team's leads
-- (`team:NAME`), `wellbeing`, `operations`. It never holds another person's exposure, or who was absent.
create table notice (
    id bigint generated always as identity primary key,
    addressee text collate "C" not null,
    work_date date,
    kind text not null check (kind ~ '^[a-z]+(-[a-z]+)*$'),
    sentence text not null,
    detail jsonb not null,
    at timestamptz not null,
    seen_at timestamptz
);
create index notice_addressee on notice (addressee, id);

-- Whoever listens hears of it when it is committed; the payload is the addressee alone.
create function tell_of_notices() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_notify('breakwater_notice', addressee) from (select distinct addressee from added) told;
    return null;
end
$$;
create trigger tell after insert on notice referencing new table as added
    for each statement execute function tell_of_notices();
