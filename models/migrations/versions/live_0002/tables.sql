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
-- What somebody began on a date, however it ended: asked before everything that they begin.
create index slot_begun on slot (auditor, work_date) where started_at is not null;
-- What was drawn together: asked when one of them is to give way to an escalation.
create index item_stratum on item (work_date, stratum) where stratum is not null;
create index slot_returned on slot (work_date, item) where state = 'returned';

-- From when and until when somebody is there after all, where that is not as the shift says: late, gone home,
-- or absent (`available_until` is the shift's start).
alter table shift
    add column available_from timestamptz,
    add column available_until timestamptz;

-- Why a plan was asked for anew while its day ran, a word of models.actions.ask_replan; of one that is made,
-- the instant from which it plans, how many people it is for, how many of them kept what they had because their
-- day had moved on while it was made, and how many reviews of others were theirs already.
alter table plan
    add column reason text,
    add column begins_at timestamptz,
    add column people integer,
    add column left_alone integer,
    add column dropped integer;

-- What was more severe than expected: few, and asked for by date.
create index ledger_incident on ledger (work_date, id) where entry = 'incident';

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
-- `ruled_out` is the rule book's map, `earliest` when the first could take it if nothing else changed,
-- `told_at` when leads heard of it: null while it only waits for a plan to be in force.
create table waiting_escalation (
    item text collate "C" primary key references item,
    since timestamptz not null,
    tried_at timestamptz not null,
    tries integer not null check (tries >= 1),
    work_date date,                      -- the day into which it was tried
    missing integer not null check (missing >= 1),
    earliest timestamptz,
    ruled_out json not null,
    sentence text not null,              -- for a lead, with what binds
    told_at timestamptz
);
create index item_withdrawn on item (withdrawn_at) where withdrawn_at is not null;
-- For what a date leaves when it is over, looked for every few seconds.
create index item_escalation on item (work_date) where kind = 'escalation' and withdrawn_at is null;

-- Tasks that somebody should look into.
create index task_parked on task (id) where state = 'parked';

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
    seen_at timestamptz,
    number bigint unique                 -- what it is called outside; null until the commit
);
create index notice_addressee on notice (addressee, number);

-- Numbered at the commit, one transaction after the other: a notice with a lower number is never seen later
-- than one with a higher. So the last number that somebody has seen says all that they have seen; ids, which
-- are given while transactions run, do not say that. A transaction that notifies is alone at its commit anyway.
create sequence notice_number;
create function number_notice() returns trigger
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(5_278_601_935_447_120_319);
    update notice set number = nextval('notice_number') where id = new.id;
    return null;
end
$$;
create constraint trigger number after insert on notice deferrable initially deferred
    for each row execute function number_notice();

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
