"""What the application's role must not be able to do, whatever its code tries."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Database
from tests.guard.day import least, one_limit, prepare, refused, whole
from tests.guard.world import FIRST, enter

FORBIDDEN = """
update ledger set seconds = 0
delete from ledger
truncate ledger
insert into ledger (id, at, auditor, work_date, entry, category, severity, modality, seconds, items) \
overriding system value values (1, now(), 'p01', '2026-11-23', 'history', 'violence', 4, 'video', 1, 1)
insert into ledger (xact, at, auditor, work_date, entry, category, severity, modality, seconds, items) \
values ('1', now(), 'p01', '2026-11-23', 'history', 'violence', 4, 'video', 1, 1)
insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items) \
select now(), 'p01', '2026-11-23', 'history', 'violence', 4, 'video', 1, 1 \
on conflict (work_date, id) do update set seconds = 0
merge into ledger using (select 1) one on true when matched then delete
select from ledger_2026
select from ledger_other
insert into ledger_2026 (auditor) values ('p01')
copy ledger_2026 from stdin
update ledger_2026 set seconds = 0
delete from ledger_2026
truncate ledger_2026
alter table ledger detach partition ledger_2026
alter table ledger disable trigger guard
alter table ledger disable trigger all
drop trigger guard on ledger
create trigger another after insert on ledger for each statement execute function guard_ledger()
create rule another as on insert to ledger do instead nothing
alter trigger guard on ledger rename to another
drop table ledger
insert into limit_day select 'p01', id, '2026-11-23', 0, 0 from exposure_use
update limit_day set reserved = 0
delete from limit_day
truncate limit_day
insert into auditor_guard values ('p01')
delete from auditor_guard
select from auditor_guard for update
insert into dose_weight values (0, 'text', 0)
update dose_weight set units_per_second = 0
delete from dose_weight
insert into exposure_use (categories, min_severity, measure) values ('{}', 0, 'dose')
update exposure_use set min_severity = 4
delete from exposure_use
update exposure_limit set amount = 1000000
update exposure_limit set scope = 'auditor:nobody'
delete from exposure_limit
insert into exposure_limit select * from exposure_limit on conflict (key) do update set amount = 1000000
update limit_proposal set amount = 1000000
update limit_proposal set proposed_by = 'somebody:else'
delete from limit_proposal
update installation set limits_version = 0
delete from auditor
delete from slot
update audit set actor = 'somebody:else'
delete from audit
truncate audit
select fill_limit_days(1)
create function public.exposure_measured() returns bigint language sql as 'select 0::bigint'
create or replace function guard_ledger() returns trigger language plpgsql as 'begin return null; end'
alter function guard_ledger() owner to breakwater_app
alter table ledger owner to breakwater_app
create table public.another ()
create schema another
set role breakwater_owner
set session authorization breakwater_owner
set session_replication_role = replica
grant breakwater_owner to breakwater_app
alter role breakwater_app superuser
"""
STATEMENTS = FORBIDDEN.strip().splitlines()


@pytest.fixture
def plain(database: Database) -> psycopg.Connection:
    """The application's own login, as a server has it: nothing is set in the connection."""
    return psycopg.connect(database.url, autocommit=True)


def test_the_application_cannot_go_round_the_guard(plain: psycopg.Connection) -> None:
    with plain:
        place = prepare(plain, one_limit())["p01", FIRST][0]
        enter(plain, whole("reserve", place))
        allowed = []
        for statement in STATEMENTS:
            try:
                plain.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.Error as error:
                allowed.append(f"{statement}: {error}")
            else:
                allowed.append(statement)
        assert allowed == []
        with refused("BW001"):
            enter(plain, least("reserve", place))


def test_nobody_but_the_owner_may_run_what_was_not_granted(database: Database) -> None:
    """Functions made later have to be granted one by one, and none of them runs for everybody."""
    with psycopg.connect(database.owner_url) as owner:
        rows = owner.execute("""
            select oid::regprocedure::text from pg_proc
            where pronamespace = 'public'::regnamespace and has_function_privilege('public', oid, 'execute')
        """).fetchall()
    assert rows == []


def test_whatever_runs_with_the_owners_rights_looks_in_pg_temp_last(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        rows = owner.execute("""
            select oid::regprocedure::text from pg_proc
            where pronamespace = 'public'::regnamespace and prosecdef
              and not coalesce(proconfig @> array['search_path=pg_catalog, public, pg_temp'], false)
        """).fetchall()
    assert rows == []
