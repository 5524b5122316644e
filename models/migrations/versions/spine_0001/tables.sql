-- The tables. Names are the rule book's words; columns of the day's files keep their names, types and defaults.
-- Instants are timestamptz, work dates are the auditor's local date on which the shift starts.

-- ------------------------------------------------------------------------------------------------ policy

-- A policy as it was adopted: the exact JSON text, so that decimals stay as written. What may change while it
-- is in force, the amounts of limits, lives in exposure_limit.
create table policy (
    id bigint generated always as identity primary key,
    document text not null,
    adopted_by text not null,
    adopted_at timestamptz not null
);

-- One row: what is in force here. `limits_version` grows whenever a limit changes; a plan made under an older
-- one is not published.
create table installation (
    one boolean primary key default true check (one),
    policy bigint references policy,
    limits_version bigint not null default 0
);
insert into installation default values;

-- Dose units of one second, by severity and modality; 600 units are a point.
create table dose_weight (
    severity smallint not null check (severity between 0 and 4),
    modality text not null,
    units_per_second bigint not null check (units_per_second >= 0),
    primary key (severity, modality)
);

-- What a limit adds up: a selection and a measure. Limits that differ only in window, amount or scope share
-- one, and a person who changes team needs no new sums.
create table exposure_use (
    id integer generated always as identity primary key,
    categories text[] not null,          -- sorted; empty: all
    min_severity smallint not null,
    measure text not null check (measure in ('seconds', 'items', 'dose')),
    unique (categories, min_severity, measure)
);

create table exposure_limit (
    key text primary key,
    position integer not null,           -- the policy's order
    scope text not null,                 -- org, market:X, team:X or auditor:X
    use integer not null references exposure_use,
    window_days integer not null check (window_days >= 1),
    amount bigint not null check (amount >= 0),   -- seconds, items or points
    ceiling bigint check (amount <= ceiling),     -- nobody may raise the amount above it
    parent text references exposure_limit,        -- the limit that a lead tightened for one team
    reason text,
    source text,
    since date,
    approved_by text
);
create index exposure_limit_scope on exposure_limit (scope);

create table limit_proposal (
    id bigint generated always as identity primary key,
    limit_key text not null references exposure_limit,
    amount bigint not null check (amount >= 0),
    reason text not null,
    proposed_by text not null,
    proposed_at timestamptz not null,
    state text not null default 'pending' check (state in ('pending', 'approved', 'refused', 'withdrawn')),
    decided_by text,
    decided_at timestamptz,
    check ((state = 'pending') = (decided_by is null)),
    -- Two people: whoever proposed does not approve.
    check (state <> 'approved' or decided_by <> proposed_by)
);
create unique index limit_proposal_pending on limit_proposal (limit_key) where state = 'pending';

-- ------------------------------------------------------------------------------------------------ people

-- Who is known, as last heard of. A work date has its own copy in shift.
create table auditor (
    id text collate "C" primary key,
    team text not null,
    home_market text not null,
    timezone text not null,
    exposure_percent smallint not null check (exposure_percent between 1 and 100)
);
create index auditor_team on auditor (team);

-- One row a person, locked by whoever changes the person's exposure; never updated.
create table auditor_guard (
    auditor text collate "C" primary key references auditor
);

-- One row a person on shift on a work date: everything that planning needs to know of them that day.
create table shift (
    auditor text collate "C" not null references auditor,
    work_date date not null,
    team text not null,
    home_market text not null,
    timezone text not null,
    languages text[] not null,
    markets text[] not null,
    clearances text[] not null,
    opt_outs text[] not null,
    max_severity smallint not null check (max_severity between 0 and 4),
    exposure_percent smallint not null check (exposure_percent between 1 and 100),
    shift_start timestamptz not null,
    shift_end timestamptz not null check (shift_end > shift_start),
    last_end timestamptz,
    primary key (work_date, auditor)
);
create index shift_auditor on shift (auditor, work_date);

-- ------------------------------------------------------------------------------------------------- work

-- `input_version` grows whenever shifts or items of the date change in a way that a plan in the making must
-- not survive.
create table work_day (
    work_date date primary key,
    name text not null,
    input_version bigint not null default 0
);

create table item (
    id text collate "C" primary key,
    work_date date references work_day,  -- null: whichever day comes next, as escalations do
    position bigint generated always as identity,  -- the order of arrival
    kind text not null check (kind in ('sample', 'escalation', 'calibration')),
    market text not null,
    language text not null,
    category text not null,
    severity smallint not null check (severity between 0 and 4),
    modality text not null check (modality in ('text', 'image', 'audio', 'video', 'live')),
    seconds bigint not null check (seconds > 0),
    reviews integer not null check (reviews >= 1),
    priority smallint not null check (priority between 1 and 4),
    release timestamptz,
    due timestamptz,
    stratum text,
    draw bigint,
    excluded text[] not null,
    only_for text[] not null,            -- `only` in the files, a word that SQL keeps to itself
    submitted_by text,
    submitted_at timestamptz,
    withdrawn_at timestamptz,
    check ((kind = 'sample') = (draw is not null)),
    check ((kind = 'sample') = (stratum is not null)),
    check (due >= release)
);
create index item_work_date on item (work_date);
create index item_any_day on item (due) where work_date is null and withdrawn_at is null;

-- A request to plan a work date, and the plan when it is made. Published ones of a date are numbered.
create table plan (
    id bigint generated always as identity primary key,
    work_date date not null,
    version integer,                     -- from 1; null until published
    state text not null check (state in ('waiting', 'planning', 'published', 'superseded', 'failed')),
    stage text,                          -- the planner's, while it plans
    requested_by text not null,
    requested_at timestamptz not null,
    published_at timestamptz,
    failure text,                        -- a sentence
    input_version bigint,                -- the work day's: when asked for, then as planned
    document text,                       -- instance.json as planned, tightened limits and all
    beside json,                         -- what else it was made from: who was on shift, slots that stood, and
                                         -- items of which less was wanted than their rows say, or of fewer people
    ledger_snapshot pg_snapshot,         -- what of the ledger the plan knew
    goals jsonb,
    bounds jsonb,
    certificate text,                    -- JSON; prices are integers of any size
    counts jsonb,
    seconds jsonb,
    unique (work_date, version),
    check ((version is null) = (state not in ('published', 'superseded'))),
    check ((version is null) = (published_at is null))
);
create unique index plan_in_force on plan (work_date) where state = 'published';

-- An interval on one person's timeline. Planned times are estimates: only what has started must not overlap.
create table slot (
    id bigint generated always as identity primary key,
    plan bigint references plan,         -- null: a break that the person took unplanned
    auditor text collate "C" not null references auditor,
    work_date date not null,
    kind text not null check (kind in ('work', 'break', 'busy')),
    item text collate "C" references item,
    review_no integer,                   -- which of the item's reviews this is, from 1
    label text check (label in ('short', 'recovery', 'meal')),
    planned_start timestamptz not null,
    planned_end timestamptz not null check (planned_end > planned_start),
    state text not null default 'planned'
        check (state in ('planned', 'started', 'done', 'skipped', 'withdrawn')),
    started_at timestamptz,
    ended_at timestamptz check (ended_at >= started_at),
    seen_seconds bigint check (seen_seconds >= 0),   -- what was really seen, for a review that is done
    check ((kind = 'work') = (item is not null)),
    check ((kind = 'work') = (review_no is not null)),
    check ((state = 'started') = (started_at is not null and ended_at is null)),
    check (state <> 'done' or ended_at is not null)
);
create unique index slot_started on slot (auditor) where state = 'started';
create unique index slot_review on slot (item, review_no) where state in ('planned', 'started', 'done') and kind = 'work';
create unique index slot_item on slot (item, auditor) where state in ('planned', 'started', 'done') and kind = 'work';
create index slot_day on slot (work_date, auditor) where state in ('planned', 'started', 'done');
create index slot_plan on slot (plan);
create index slot_skipped on slot (work_date, item) where state = 'skipped';
create index slot_to_come on slot (auditor, work_date) where state = 'planned';

create table unplanned (
    plan bigint not null references plan,
    item text collate "C" not null references item,
    missing integer not null check (missing >= 1),
    ruled_out json not null,             -- from reason to number of auditors
    sentence text not null,
    primary key (plan, item)
);

-- --------------------------------------------------------------------------------------------- exposure

-- What anybody saw or is to see. Entries are added, never changed: `reserve` and `release` of a slot's review,
-- `post` and `incident` of one that has started, `history` of what was seen elsewhere.
create table ledger (
    id bigint generated always as identity,
    at timestamptz not null,
    auditor text collate "C" not null,
    work_date date not null,
    entry text not null check (entry in ('history', 'reserve', 'release', 'post', 'incident')),
    category text not null,
    severity smallint not null check (severity between 0 and 4),
    modality text not null check (modality in ('text', 'image', 'audio', 'video', 'live')),
    seconds bigint not null check (seconds >= 0),
    items bigint not null check (items >= 0),
    slot bigint,
    xact xid8 not null default pg_current_xact_id(),   -- which snapshots can see it (plan.ledger_snapshot)
    primary key (work_date, id),
    check ((entry = 'history') = (slot is null))
) partition by range (work_date);
create index ledger_auditor on ledger (auditor, work_date);
create index ledger_slot on ledger (slot, work_date) where slot is not null;

do $$
begin
    for year in 2024..2040 loop
        execute format('create table ledger_%s partition of ledger for values from (%L) to (%L)',
                       year, make_date(year, 1, 1), make_date(year + 1, 1, 1));
    end loop;
end
$$;
create table ledger_other partition of ledger default;

-- The ledger's sums, kept by its guard: for each person, use and work date what was seen and what is reserved
-- on top, in the use's measure.
create table limit_day (
    auditor text collate "C" not null,
    use integer not null references exposure_use,
    work_date date not null,
    seen bigint not null check (seen >= 0),
    reserved bigint not null,            -- never below 0, says the guard: a check here would ask each change
    primary key (auditor, use, work_date)
) with (fillfactor = 80);

-- -------------------------------------------------------------------------------------------- operation

-- What workers are to do. Redis carries only the id; everything that must not be lost is here.
create table task (
    id bigint generated always as identity primary key,
    kind text not null,
    payload jsonb not null,
    dedupe_key text,                     -- no two live tasks have the same
    state text not null default 'waiting' check (state in ('waiting', 'claimed', 'done', 'parked')),
    attempts integer not null default 0, -- claims that were not brought to an end
    fence bigint not null default 0,     -- grows with every claim; only the last may write
    lease_until timestamptz,
    run_after timestamptz not null,
    filed_at timestamptz not null,
    rung_at timestamptz,
    ended_at timestamptz,
    last_error text,                     -- a kind of failure, never data
    check ((state = 'claimed') = (lease_until is not null))
);
create unique index task_live on task (dedupe_key) where state in ('waiting', 'claimed');
create index task_to_do on task (run_after) where state in ('waiting', 'claimed');

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    actor text not null,
    verb text not null,
    subject text not null,
    detail jsonb not null
);
create index audit_subject on audit (subject, id);

create table token (
    id bigint generated always as identity primary key,
    prefix text not null unique,         -- what may be shown
    digest bytea not null unique,        -- SHA-256 of the whole token; it has 256 random bits
    persona text not null check (persona in ('auditor', 'lead', 'wellbeing', 'upstream', 'operations')),
    subject text not null,               -- who acts with it; an auditor's id for an auditor
    teams text[] not null,               -- a lead's
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    check (persona <> 'lead' or cardinality(teams) > 0)
);

-- Answers already given, so that a request sent twice is done once.
create table idempotency (
    subject text not null,
    key text not null,
    request bytea not null,              -- SHA-256 of what was asked
    response jsonb not null,
    at timestamptz not null,
    primary key (subject, key)
);
