"""A review that ended without its person's word: what counts of it, and what they say of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from models.actions.complete import Outcome, complete
from models.actions.give_back import EndedBy, give_back
from models.actions.hold_person import hold_person
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.queries.my_slot import my_slot
from tests.actions.my_day import ADA, AGREE, NOW, MyDay, my_day, refusal
from tests.conftest import Database

OVER = NOW + timedelta(minutes=10)
"""When the lease of every review here runs out."""
MISSED = Outcome("disagree", "missed", "The second half shows a weapon.")


@pytest.fixture
def day(database: Database) -> Iterator[MyDay]:
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


def given_back(
    day: MyDay, slot: int, now: datetime, ended_by: EndedBy = "silence", seen: Seen | None = None
) -> int:
    with day.engine.begin() as connection:
        hold_person(connection, "ada")
        give_back(connection, my_slot(connection, "ada", slot), seen, ended_by, now)
    return slot


def columns(day: MyDay, slot: int, names: str) -> tuple[Any, ...]:
    return day.rows.rows(f"select {names} from slot where id = :slot", slot=slot)[0]


def posted(day: MyDay, slot: int) -> list[tuple[Any, ...]]:
    """Entry, category, severity, seconds and items of what was seen."""
    return [
        (entry, category, severity, seconds, items)
        for entry, category, severity, _, seconds, items in day.ledger(slot)
        if entry in ("post", "incident")
    ]


@pytest.mark.parametrize(
    ("seconds", "counts", "ended"), [(599, 599, 599), (600, 600, 600), (601, 600, 600), (99_999, 600, 600)]
)
def test_nothing_counts_after_the_lease(day: MyDay, seconds: int, counts: int, ended: int) -> None:
    slot = given_back(day, day.begun(day.slots["one"]), NOW + timedelta(seconds=seconds))
    assert columns(day, slot, "state, ended_by, seen_seconds, ended_at, leased_until") == (
        "skipped",
        "silence",
        counts,
        NOW + timedelta(seconds=ended),
        None,
    )
    assert posted(day, slot) == [("post", "violence", 3, counts, 1)]


def test_what_the_program_said_counts(day: MyDay) -> None:
    """Two slices were leased beyond the ten minutes, and the last word came at 640 seconds."""
    slot = day.begun(
        day.slots["one"],
        leased_until=NOW + timedelta(seconds=660),
        beat_at=NOW + timedelta(seconds=640),
    )
    for _ in range(2):
        day.rows.run(
            "insert into ledger"
            " (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot)"
            " values (:now, 'ada', :day, 'reserve', 'violence', 3, 'image', 30, 0, :slot)",
            now=NOW,
            day=NOW.date(),
            slot=slot,
        )
    found = complete(day.engine, ADA, slot, Seen(20), AGREE, NOW + timedelta(seconds=650))
    assert found.seen_seconds == 640
    assert complete(day.engine, ADA, slot, Seen(630), AGREE, OVER).seen_seconds == 640
    assert refusal(complete, day.engine, ADA, slot, Seen(641), AGREE, OVER).kind == "conflict"


def test_pauses_and_silences_do_not_count(day: MyDay) -> None:
    slot = day.begun(day.slots["one"], leased_until=None)
    day.rows.run(
        "update slot set pauses = tstzmultirange(tstzrange(:pause, null)),"
        " silences = tstzmultirange(tstzrange(:silent, :loud)) where id = :slot",
        slot=slot,
        pause=NOW + timedelta(seconds=300),
        silent=NOW + timedelta(seconds=100),
        loud=NOW + timedelta(seconds=150),
    )
    given_back(day, slot, NOW + timedelta(hours=1), "day")
    assert columns(day, slot, "seen_seconds, is_paused(pauses), upper(pauses), ended_at") == (
        250,
        False,
        NOW + timedelta(hours=1),
        NOW + timedelta(hours=1),
    )


def test_a_paused_review_may_be_completed(day: MyDay) -> None:
    slot = day.begun(day.slots["one"], leased_until=None)
    day.rows.run(
        "update slot set pauses = tstzmultirange(tstzrange(:pause, null)) where id = :slot",
        slot=slot,
        pause=NOW + timedelta(seconds=300),
    )
    done = complete(day.engine, ADA, slot, Seen(280), MISSED, NOW + timedelta(hours=1))
    assert (done.state, done.seen_seconds, done.is_paused) == ("done", 280, False)
    assert complete(day.engine, ADA, slot, Seen(280), MISSED, NOW + timedelta(hours=2)) == done


def test_an_escalation_asks_for_another_place_and_a_sample_waits_for_the_next_plan(day: MyDay) -> None:
    given_back(day, day.begun(day.slots["one"]), OVER)
    assert day.tasks("place") == []
    given_back(day, day.begun(day.escalation("urgent")), OVER)
    assert day.tasks("place") == [{"item": "urgent"}]


# -------------------------------------------------------------------------------------- what is said later


@pytest.mark.parametrize("ended_by", ["silence", "limit", "day"])
@pytest.mark.parametrize(("said", "more"), [(599, 0), (600, 0), (601, 1), (900, 300)])
def test_work_that_was_done_is_not_lost(day: MyDay, ended_by: EndedBy, said: int, more: int) -> None:
    slot = given_back(day, day.begun(day.slots["one"]), OVER, ended_by)
    done = complete(day.engine, ADA, slot, Seen(said), MISSED, OVER + timedelta(hours=1))
    assert (done.state, done.ended_at, done.seen_seconds) == ("done", OVER, 600 + more)
    assert posted(day, slot) == [
        ("post", "violence", 3, 600, 1),
        *([("post", "violence", 3, more, 0)] if more else []),
    ]
    assert day.rows.rows("select decision, error_type, note from outcome") == [
        ("disagree", "missed", "The second half shows a weapon.")
    ]
    verbs = day.verbs()
    for _ in range(2):
        assert complete(day.engine, ADA, slot, Seen(said), MISSED, OVER + timedelta(hours=2)) == done
    assert refusal(complete, day.engine, ADA, slot, Seen(said + 601), MISSED, OVER).kind == "conflict"
    assert refusal(complete, day.engine, ADA, slot, Seen(said), AGREE, OVER).kind == "conflict"
    assert day.verbs() == verbs == ["complete"]


def test_later_it_turns_out_to_have_been_worse(day: MyDay) -> None:
    """What was recorded stays; nobody knows which of it was which."""
    slot = given_back(day, day.begun(day.slots["mild"]), OVER)
    for _ in range(2):
        done = complete(day.engine, ADA, slot, Seen(500, severity=4), AGREE, OVER)
        assert (done.state, done.seen_seconds) == ("done", 600)
        assert posted(day, slot) == [
            ("post", "violence", 1, 600, 1),
            ("incident", "violence", 4, 600, 1),
        ]
    assert len(day.notices("wellbeing")) == 1


def test_later_it_turns_out_to_have_been_milder(day: MyDay) -> None:
    slot = given_back(day, day.begun(day.slots["one"]), OVER)
    for _ in range(2):
        complete(day.engine, ADA, slot, Seen(620, severity=1), AGREE, OVER)
        assert posted(day, slot) == [("post", "violence", 3, 600, 1), ("post", "violence", 1, 20, 0)]


def test_it_has_gone_to_somebody_else_meanwhile(day: MyDay) -> None:
    """What was seen is recorded, once, and then the answer is no."""
    slot = given_back(day, day.begun(day.slots["one"]), OVER)
    day.rows.slot("ben", "one", plan=day.plan)
    for _ in range(2):
        found = refusal(complete, day.engine, ADA, slot, Seen(3000), AGREE, OVER)
        assert found.kind == "conflict"
        assert "what you saw of it is recorded" in found.sentence
        assert posted(day, slot) == [("post", "violence", 3, 600, 1), ("post", "violence", 3, 2400, 0)]
        assert columns(day, slot, "state, seen_seconds") == ("skipped", 3000)
    assert day.rows.rows("select from outcome") == []
    assert day.state(day.slots["three"]) == "withdrawn"
    assert day.state(day.rows.run("select id from slot where auditor = 'ben'")) == "planned"


def test_another_review_of_the_same_item_is_free(day: MyDay) -> None:
    """Two people are to look at it: Ben has the first, so this is the second."""
    slot = given_back(day, day.begun(day.review("twice", reviews=2)), OVER)
    day.rows.slot("ben", "twice", plan=day.plan)
    complete(day.engine, ADA, slot, Seen(600), AGREE, OVER)
    assert columns(day, slot, "state, review_no") == ("done", 2)


def test_planned_for_the_same_person_again_it_is_done_there(day: MyDay) -> None:
    slot = given_back(day, day.begun(day.review("twice", reviews=2)), OVER)
    day.rows.slot("ada", "twice", plan=day.plan)
    assert refusal(complete, day.engine, ADA, slot, Seen(600), AGREE, OVER).kind == "conflict"


def test_who_skips_it_afterwards_may_say_more_too(day: MyDay) -> None:
    slot = given_back(day, day.begun(day.slots["one"]), OVER)
    assert skip(day.engine, ADA, slot, None, OVER).seen_seconds == 600
    for _ in range(2):
        assert skip(day.engine, ADA, slot, Seen(700), OVER).seen_seconds == 700
        assert posted(day, slot)[1:] == [("post", "violence", 3, 100, 0)]


def test_what_its_person_skipped_stays_skipped(day: MyDay) -> None:
    slot = day.begun(day.slots["one"])
    skip(day.engine, ADA, slot, Seen(20), NOW + timedelta(seconds=30))
    assert columns(day, slot, "ended_by") == ("person",)
    assert refusal(complete, day.engine, ADA, slot, Seen(20), AGREE, OVER).kind == "conflict"


@pytest.mark.parametrize(
    ("outcome", "field"),
    [
        (Outcome("disagree"), "outcome.error_type"),
        (Outcome("disagree", ""), "outcome.error_type"),
        (Outcome("agree", "missed"), "outcome.error_type"),
        (Outcome("disagree", "x" * 201), "outcome.error_type"),
        (Outcome("agree", note="x" * 4001), "outcome.note"),
        (Outcome("agree", note="\0"), "outcome.note"),
    ],
)
def test_an_outcome_says_enough_and_not_too_much(day: MyDay, outcome: Outcome, field: str) -> None:
    slot = day.begun(day.slots["one"])
    found = refusal(complete, day.engine, ADA, slot, Seen(20), outcome, OVER)
    assert (found.kind, found.field) == ("invalid", field)
    assert day.state(slot) == "started"


def test_the_outcome_stands_beside_the_review(day: MyDay) -> None:
    complete(day.engine, ADA, day.begun(day.slots["one"]), Seen(20), MISSED, NOW + timedelta(seconds=30))
    with day.engine.connect() as connection:
        row = connection.execute(text("select slot, decision, error_type, note from outcome")).one()
    assert tuple(row) == (day.slots["one"], "disagree", "missed", "The second half shows a weapon.")
