"""Limits are lowered at once by one person, and raised by two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Lock

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.actions.approve_raise import approve_raise
from models.actions.lower_limit import lower_limit, slug
from models.actions.propose_raise import propose_raise
from models.actions.refuse_raise import refuse_raise
from models.actor import Actor
from models.queries.limits import limits_in_force
from models.refusal import LIMIT_PASSED, Refusal, sqlstate
from tests.actions.limits_day import (
    LEAD,
    LEAD_OF_TWO,
    NOW,
    SECOND,
    TODAY,
    WELLBEING,
    LimitsDay,
    at_once,
    limits_day,
)
from tests.conftest import Database


@pytest.fixture
def day(database: Database) -> Iterator[LimitsDay]:
    with limits_day(database.url, database.owner_url) as made:
        made.work_day()
        made.person("aud-1")
        made.person("aud-2", team="late", market="MY")
        made.limit("severe-day")
        made.limit("market-id", "market:ID")
        made.limit("market-my", "market:MY")
        made.limit("early-day", "team:early", 5000, ceiling=6000)
        made.limit("late-day", "team:late", 5000)
        made.limit("personal", "auditor:aud-1", 3000)
        yield made


def refused(deed: object, kind: str, field: str | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        deed()  # type: ignore[operator]
    assert (caught.value.kind, caught.value.field) == (kind, field), caught.value.sentence
    assert caught.value.sentence.endswith(".")
    return caught.value


def keys(day: LimitsDay, actor: Actor) -> set[str]:
    with day.engine.connect() as connection:
        return {limit.key for limit in limits_in_force(connection, actor, NOW)}


def reserve(day: LimitsDay, seconds: int, auditor: str = "aud-1") -> None:
    item = f"i-{day.run('select count(*) from item')}"
    day.item(item, draw=int(day.run("select count(*) from item")) + 1)
    day.entry(auditor, "reserve", seconds, slot=day.slot(auditor, item))


# ------------------------------------------------------------------------------------------- who is concerned


def test_limits_of_somebody_else_concern_no_lead(day: LimitsDay) -> None:
    assert keys(day, LEAD) == {"severe-day", "market-id", "early-day"}
    assert keys(day, LEAD_OF_TWO) == {"severe-day", "market-id", "market-my", "early-day", "late-day"}
    assert "personal" in keys(day, WELLBEING)


@pytest.mark.parametrize("key", ["personal", "late-day", "market-my", "no-such-limit"])
def test_a_lead_is_not_told_that_somebody_else_has_a_limit(day: LimitsDay, key: str) -> None:
    lowering = refused(lambda: lower_limit(day.engine, LEAD, key, 0, None, NOW), "not-found")
    proposing = refused(lambda: propose_raise(day.engine, LEAD, key, 6000, "because", NOW), "not-found")
    assert lowering.sentence == proposing.sentence == "There is no limit with this key that concerns you."


# ------------------------------------------------------------------------------------------------- lowering


def test_lowering_below_what_is_used_succeeds_and_blocks_what_comes(day: LimitsDay) -> None:
    day.entry("aud-1", "history", 2000)
    lowered = lower_limit(day.engine, WELLBEING, "severe-day", 100, None, NOW)
    assert (lowered.before, lowered.amount, lowered.unit) == (7200, 100, "seconds")
    assert day.amount("severe-day") == 100
    with pytest.raises(DBAPIError) as caught:
        reserve(day, 1)
    assert sqlstate(caught.value) == LIMIT_PASSED


def test_a_lead_lowers_the_limit_of_a_team_of_their_own(day: LimitsDay) -> None:
    lowered = lower_limit(day.engine, LEAD, "early-day", 4000, None, NOW)
    assert (lowered.key, day.amount("early-day"), day.amount("severe-day")) == ("early-day", 4000, 7200)


def test_a_lead_tightens_a_wider_limit_for_one_team_alone(day: LimitsDay) -> None:
    lowered = lower_limit(day.engine, LEAD, "severe-day", 1000, None, NOW)
    assert (lowered.key, lowered.scope, lowered.parent) == ("severe-day-early", "team:early", "severe-day")
    assert day.amount("severe-day") == 7200
    copy = "select scope, use, window_days, amount, ceiling, parent from exposure_limit where key = :key"
    ((use,),) = day.rows("select use from exposure_limit where key = 'severe-day'")
    assert day.rows(copy, key="severe-day-early") == [("team:early", use, 1, 1000, 14400, "severe-day")]
    reserve(day, 1001, "aud-2")
    with pytest.raises(DBAPIError):
        reserve(day, 1001, "aud-1")


def test_tightening_again_lowers_the_team_s_own_limit(day: LimitsDay) -> None:
    lower_limit(day.engine, LEAD, "severe-day", 1000, None, NOW)
    lowered = lower_limit(day.engine, LEAD, "severe-day", 900, "early", NOW)
    assert (lowered.key, lowered.before) == ("severe-day-early", 1000)
    refused(lambda: lower_limit(day.engine, LEAD, "severe-day", 950, None, NOW), "invalid", "amount")
    assert day.run("select count(*) from exposure_limit where parent = 'severe-day'") == 1


def test_a_lead_of_two_teams_says_which(day: LimitsDay) -> None:
    refused(lambda: lower_limit(day.engine, LEAD_OF_TWO, "severe-day", 1, None, NOW), "invalid", "team")
    assert lower_limit(day.engine, LEAD_OF_TWO, "severe-day", 1, "late", NOW).key == "severe-day-late"


def test_a_lead_lowers_nothing_for_another_team(day: LimitsDay) -> None:
    refused(lambda: lower_limit(day.engine, LEAD, "severe-day", 1, "late", NOW), "not-yours", "team")
    refused(lambda: lower_limit(day.engine, LEAD, "early-day", 1, "late", NOW), "invalid", "team")
    assert day.run("select count(*) from exposure_limit where parent is not null") == 0


def test_a_key_that_is_taken_gets_a_number(day: LimitsDay) -> None:
    day.limit("severe-day-early", "team:late")
    assert lower_limit(day.engine, LEAD, "severe-day", 1, None, NOW).key == "severe-day-early-2"


@pytest.mark.parametrize(
    ("team", "key"), [("ID Früh", "id-fr-h"), ("夜", "team"), ("a" * 99, "a" * 60), ("--", "team")]
)
def test_any_team_can_stand_in_a_key(team: str, key: str) -> None:
    assert slug(team) == key


@pytest.mark.parametrize("amount", [7200, 7201])
def test_what_is_not_lower_is_no_lowering(day: LimitsDay, amount: int) -> None:
    refused(lambda: lower_limit(day.engine, WELLBEING, "severe-day", amount, None, NOW), "invalid", "amount")
    assert day.amount("severe-day") == 7200


def test_lowering_is_recorded_and_tells_which_plans_are_older(day: LimitsDay) -> None:
    tomorrow, yesterday = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
    day.person("aud-3", dates=(yesterday,))
    day.person("aud-4", team="late", dates=(tomorrow,))
    for date in (yesterday, TODAY, tomorrow):
        day.plan(date)
    assert lower_limit(day.engine, WELLBEING, "severe-day", 5, None, NOW).plans_made_before == (
        TODAY,
        tomorrow,
    )
    assert lower_limit(day.engine, LEAD, "early-day", 5, None, NOW).plans_made_before == (TODAY,)
    recorded = "select actor, verb, subject, detail ->> 'before', detail ->> 'amount' from audit"
    assert day.rows(f"{recorded} where verb = 'lower_limit' order by id") == [
        ("wellbeing:wim", "lower_limit", "limit:severe-day", "7200", "5"),
        ("lead:lia", "lower_limit", "limit:early-day", "5000", "5"),
    ]


def test_plans_in_the_making_are_stale_after_a_lowering(day: LimitsDay) -> None:
    before = day.run("select limits_version from installation")
    lower_limit(day.engine, LEAD, "severe-day", 1, None, NOW)
    assert day.run("select limits_version from installation") > before


def test_nothing_is_reserved_above_the_amount_once_lowering_has_returned(day: LimitsDay) -> None:
    threads, seconds, enough = 8, 60, 40
    people = [f"p-{number}" for number in range(4)]
    for person in people:
        day.person(person, team="third", market="TH")
    slots = day.slots(people, threads * 400)
    accepted, lock = [0] * threads, Lock()
    some, lowered = Event(), Event()
    late: list[str] = []

    def reserving(worker: int) -> int:
        """Reserves until it has been refused five times after the lowering; gives how often that was."""
        refusals = 0
        for person, slot in slots[worker::threads]:
            after = lowered.is_set()
            try:
                day.entry(person, "reserve", seconds, slot=slot)
            except DBAPIError as error:
                if sqlstate(error) != LIMIT_PASSED:
                    raise
                refusals += after
                if refusals == 5:
                    return refusals
                continue
            if after:
                late.append(person)
            with lock:
                accepted[worker] += 1
                if sum(accepted) >= enough:
                    some.set()
        return refusals

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(reserving, worker) for worker in range(threads)]
        assert some.wait(60)
        lower_limit(day.engine, WELLBEING, "severe-day", seconds, None, NOW)
        lowered.set()
        assert [one.result() for one in running] == [5] * threads
    assert late == []
    used = day.rows("select sum(seconds) from ledger where entry = 'reserve' group by auditor")
    assert max(used) > (seconds,), "the lowering came too early to show anything"


# -------------------------------------------------------------------------------------------------- raising


def test_a_raise_takes_two_people(day: LimitsDay) -> None:
    made = propose_raise(day.engine, LEAD, "early-day", 6000, "They are through.", NOW)
    assert day.amount("early-day") == 5000
    done = approve_raise(day.engine, WELLBEING, made.id, NOW)
    assert (done.before, done.amount, day.amount("early-day")) == (5000, 6000, 6000)
    assert day.rows("select state, proposed_by, decided_by, decided_at from limit_proposal") == [
        ("approved", "lia", "wim", NOW)
    ]
    assert day.rows("select actor, verb from audit order by id") == [
        ("lead:lia", "propose_raise"),
        ("wellbeing:wim", "approve_raise"),
    ]
    refused(lambda: approve_raise(day.engine, WELLBEING, made.id, NOW), "conflict")


@pytest.mark.parametrize("persona", ["lead", "wellbeing"])
def test_nobody_decides_a_proposal_of_their_own_under_whatever_persona(day: LimitsDay, persona: str) -> None:
    teams = ("early",) if persona == "lead" else ()
    both = Actor(persona, "wim", teams)  # type: ignore[arg-type]
    made = propose_raise(day.engine, both, "early-day", 6000, "because", NOW)
    refused(lambda: approve_raise(day.engine, WELLBEING, made.id, NOW), "not-yours")
    refused(lambda: refuse_raise(day.engine, WELLBEING, made.id, NOW), "not-yours")
    with pytest.raises(DBAPIError) as caught:
        day.run("select approve_raise(:id, 'wim', now())", id=made.id)
    assert sqlstate(caught.value) == "BW007"
    assert approve_raise(day.engine, SECOND, made.id, NOW).amount == 6000


def test_nobody_raises_above_the_ceiling(day: LimitsDay) -> None:
    above = refused(
        lambda: propose_raise(day.engine, WELLBEING, "early-day", 6001, "x", NOW), "invalid", "amount"
    )
    assert "6 000 seconds" in above.sentence
    # A ceiling that came down after the proposal holds, too.
    made = propose_raise(day.engine, WELLBEING, "early-day", 6000, "because", NOW)
    day.run("update exposure_limit set ceiling = 5500 where key = 'early-day'", owner=True)
    refused(lambda: approve_raise(day.engine, SECOND, made.id, NOW), "conflict")
    assert day.amount("early-day") == 5000


def test_a_proposal_that_no_longer_raises_is_stale(day: LimitsDay) -> None:
    made = propose_raise(day.engine, WELLBEING, "early-day", 5500, "because", NOW)
    day.run("update exposure_limit set amount = 5500 where key = 'early-day'", owner=True)
    refused(lambda: approve_raise(day.engine, SECOND, made.id, NOW), "conflict")


@pytest.mark.parametrize(
    ("amount", "reason", "field"),
    [(5000, "because", "amount"), (1, "because", "amount"), (6000, " ", "reason"), (6000, "a\0b", "reason")],
)
def test_a_proposal_is_a_raise_and_has_a_reason(day: LimitsDay, amount: int, reason: str, field: str) -> None:
    refused(lambda: propose_raise(day.engine, LEAD, "early-day", amount, reason, NOW), "invalid", field)


def test_a_lead_proposes_for_teams_of_their_own_alone(day: LimitsDay) -> None:
    refused(lambda: propose_raise(day.engine, LEAD, "severe-day", 8000, "because", NOW), "not-yours")
    refused(lambda: approve_raise(day.engine, LEAD, 1, NOW), "not-yours")


def test_one_proposal_at_a_time(day: LimitsDay) -> None:
    made = propose_raise(day.engine, LEAD, "early-day", 6000, "because", NOW)
    refused(lambda: propose_raise(day.engine, WELLBEING, "early-day", 5500, "because", NOW), "conflict")
    assert refuse_raise(day.engine, WELLBEING, made.id, NOW) == "early-day"
    refused(lambda: approve_raise(day.engine, SECOND, made.id, NOW), "conflict")
    assert propose_raise(day.engine, WELLBEING, "early-day", 5500, "because", NOW).amount == 5500


def test_lowering_overtakes_a_proposal(day: LimitsDay) -> None:
    made = propose_raise(day.engine, LEAD, "early-day", 6000, "because", NOW)
    assert lower_limit(day.engine, LEAD, "early-day", 100, None, NOW).withdrawn == made.id
    refused(lambda: approve_raise(day.engine, WELLBEING, made.id, NOW), "conflict")
    assert day.amount("early-day") == 100


# -------------------------------------------------------------------------------------------------- at once

ROUNDS = 12


def test_of_two_approvals_at_once_one_raises(day: LimitsDay) -> None:
    for amount in range(5001, 5001 + ROUNDS):
        made = propose_raise(day.engine, LEAD, "early-day", amount, "because", NOW)
        found = at_once(
            lambda made=made: approve_raise(day.engine, WELLBEING, made.id, NOW),
            lambda made=made: approve_raise(day.engine, SECOND, made.id, NOW),
            lambda made=made: refuse_raise(day.engine, Actor("wellbeing", "wes"), made.id, NOW),
        )
        refusals = [one.kind for one in found if isinstance(one, Refusal)]
        assert refusals == ["conflict"] * 2, found
        expected = "refused" if isinstance(found[2], str) else "approved"
        assert day.run("select state from limit_proposal where id = :id", id=made.id) == expected
        if expected == "refused":
            day.run(
                "update exposure_limit set amount = :amount where key = 'early-day'",
                owner=True,
                amount=amount,
            )
    assert day.amount("early-day") == 5000 + ROUNDS


def test_an_approval_never_undoes_a_lowering_at_once(day: LimitsDay) -> None:
    for _ in range(ROUNDS):
        made = propose_raise(day.engine, LEAD, "early-day", 6000, "because", NOW)
        lowered, approved = at_once(
            lambda: lower_limit(day.engine, LEAD, "early-day", 100, None, NOW),
            lambda made=made: approve_raise(day.engine, WELLBEING, made.id, NOW),
        )
        assert day.amount("early-day") == 100, (lowered, approved)
        assert isinstance(approved, Refusal) == (lowered.before == 5000)
        day.run("update exposure_limit set amount = 5000 where key = 'early-day'", owner=True)


def test_a_proposal_waits_for_a_lowering_that_is_under_way(day: LimitsDay) -> None:
    waiting = """
        select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
        where datname = current_database() and locktype = 'advisory' and not granted
    """
    with ThreadPoolExecutor(1) as pool:
        with day.engine.begin() as lowering:
            lowering.execute(text("select lower_limit('early-day', 100)"))
            proposing = pool.submit(propose_raise, day.engine, LEAD, "early-day", 200, "because", NOW)
            while not proposing.done() and not day.run(waiting):
                pass
        assert proposing.result().before == 100


def test_of_proposals_at_once_one_is_pending(day: LimitsDay) -> None:
    found = at_once(
        *(lambda: propose_raise(day.engine, LEAD, "early-day", 6000, "because", NOW) for _ in range(6))
    )
    assert sorted(one.kind for one in found if isinstance(one, Refusal)) == ["conflict"] * 5


def test_tightened_at_once_a_team_has_one_limit(day: LimitsDay) -> None:
    found = at_once(
        *(
            lambda amount=amount: lower_limit(day.engine, LEAD, "severe-day", amount, None, NOW)
            for amount in range(100, 700, 100)
        )
    )
    assert day.rows("select amount from exposure_limit where parent = 'severe-day'") == [(100,)], found
