"""Coverage: figures that are right, and reasons that single nobody out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from models.actor import Actor
from models.queries.disclosure import FEWEST
from models.queries.left_out import may_be_apart, sentence, told
from tests.actions.limits_day import LEAD, NOW, TODAY, WELLBEING
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database

SIX = NOW.replace(hour=6)
NOBODY_FREE = {"language": 5, "protected": 1, "shift": 2, "capacity": 6}


@pytest.fixture
def here(database: Database, client: TestClient, clock: Clock, tokens: Tokens) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        made.day.work_day()
        for number in range(4):
            made.day.person(f"aud-{number}")
        yield made


def coverage(here: Served, actor: Actor = LEAD) -> Any:
    return here.ask(actor, "/v1/coverage", date=TODAY)


def cell(here: Served, market: str = "ID") -> Any:
    (found,) = [cell for cell in coverage(here)["cells"] if cell["market"] == market]
    return found


def test_reviews_are_counted_by_market_language_and_kind(here: Served) -> None:
    day = here.day
    for number in range(1, 6):
        day.item(f"s-{number}", draw=number)
    day.item("my", market="MY", language="ms", reviews=3)
    day.item("c", kind="calibration", only_for=["aud-0", "aud-1", "aud-2"], reviews=7)
    plan = day.plan()
    for number, state in enumerate(("planned", "started", "done", "skipped"), 1):
        day.slot(f"aud-{number - 1}", f"s-{number}", state=state, plan=plan)
    day.slot("aud-0", "c", plan=plan)
    day.unplanned(plan, "s-5", '{"language": 4}')
    counts = ("wanted", "planned", "started", "done", "left_out")
    kinds = {kind["kind"]: tuple(kind[name] for name in counts) for kind in cell(here)["kinds"]}
    assert kinds == {"sample": (5, 3, 2, 1, 2), "calibration": (3, 1, 0, 0, 2)}
    (other,) = cell(here, "MY")["kinds"]
    assert tuple(other[name] for name in counts) == (3, 0, 0, 0, 3)
    assert (coverage(here)["plan"], coverage(here)["version"]) == (plan, 1)


def test_a_skipped_review_is_left_out_since_the_plan(here: Served) -> None:
    here.day.item("s-1")
    here.day.item("s-2", draw=2)
    plan = here.day.plan()
    here.day.slot("aud-0", "s-1", state="skipped", plan=plan)
    here.day.unplanned(plan, "s-2", json.dumps(NOBODY_FREE))
    (left,) = cell(here)["left_out"]
    assert (left["reviews"], left["since_plan"], left["others"]) == (2, 1, 0)
    assert [one["reviews"] for one in left["explanations"]] == [1]


def test_bands_add_up_over_strata(here: Served) -> None:
    day = here.day
    for number in range(1, 11):
        day.item(f"a-{number}", draw=number)
        day.item(f"b-{number}", draw=number, category="hate")
    plan = day.plan()
    for number in range(1, 4):
        day.slot("aud-0", f"a-{number}", plan=plan)
    found = cell(here)
    assert (found["strata"], found["strata_untouched"]) == (2, 1)
    # Of ten wanted reviews the bands hold one, four and five; three are planned in one of the two strata.
    assert [(band["wanted"], band["planned"], band["reached"]) for band in found["bands"]] == [
        (2, 1, 0.5),
        (8, 2, 0.25),
        (10, 0, 0),
    ]


def test_escalations_are_on_time_late_or_left_out(here: Served) -> None:
    day = here.day
    noon = SIX + timedelta(hours=6)
    for item, due in (("e-1", noon), ("e-2", SIX), ("e-3", None), ("e-4", SIX), ("e-5", noon)):
        day.item(item, kind="escalation", priority=1, due=due, work_date=None)
    day.item("e-6", kind="escalation", priority=3)
    day.item("e-7", kind="escalation", priority=1, work_date=None)  # the next plan's
    plan = day.plan()
    for number in range(1, 4):
        day.slot(f"aud-{number}", f"e-{number}", plan=plan)
    # Planned for too late, and done in time after all.
    day.slot("aud-0", "e-4", plan=plan, state="done", started_at=SIX - timedelta(hours=1), ended_at=SIX)
    day.unplanned(plan, "e-5", "{}")
    day.unplanned(plan, "e-6", "{}")
    assert coverage(here)["escalations"] == [
        {"priority": 1, "wanted": 5, "on_time": 3, "late": 1, "left_out": 1},
        {"priority": 3, "wanted": 1, "on_time": 0, "late": 0, "left_out": 1},
    ]


def test_without_a_plan_all_is_left_out_and_nothing_explained(here: Served) -> None:
    here.day.item("s-1")
    told = coverage(here)
    assert (told["plan"], told["version"], told["published_at"]) == (None, None, None)
    (left,) = told["cells"][0]["left_out"]
    assert (left["reviews"], left["since_plan"], left["explanations"]) == (1, 1, [])


def test_a_withdrawn_item_is_not_wanted(here: Served) -> None:
    here.day.item("s-1", withdrawn_at=NOW)
    assert coverage(here)["cells"] == []


def test_dates_that_are_not_known_are_not_there(here: Served) -> None:
    here.ask(LEAD, "/v1/coverage", 404, date="2030-01-01")
    here.ask(LEAD, "/v1/coverage", 422, date="1")
    here.ask(LEAD, "/v1/coverage", 422)


def test_it_is_for_those_who_plan_and_lead(here: Served) -> None:
    for actor in (WELLBEING, Actor("operations", "ops")):
        coverage(here, actor)
    here.ask(Actor("auditor", "aud-0"), "/v1/coverage", 403, date=TODAY)
    here.ask(Actor("upstream", "tool"), "/v1/coverage", 403, date=TODAY)


# ---------------------------------------------------------------------------------------- nobody singled out


def test_who_is_protected_is_one_figure_with_who_has_no_time(here: Served) -> None:
    here.day.item("s-1")
    here.day.unplanned(here.day.plan(), "s-1", json.dumps(NOBODY_FREE))
    (left,) = cell(here)["left_out"]
    assert left["explanations"] == [
        {
            "items": 1,
            "reviews": 1,
            "ruled_out": {"language": 5, "not-free": 9},
            "sentence": "14 auditors: 5 do not speak id, 9 are not free for it.",
        }
    ]


def test_two_days_that_differ_in_protection_alone_are_answered_alike(here: Served) -> None:
    """What somebody must not learn changes nothing in the answer, to the letter."""
    here.day.item("s-1")
    plan = here.day.plan()
    answers = set()
    for protected, shift, capacity in ((0, 0, 9), (9, 0, 0), (1, 2, 6), (0, 3, 6), (3, 6, 0)):
        counts = {"language": 5, "protected": protected, "shift": shift, "capacity": capacity}
        here.day.run("delete from unplanned", owner=True)
        here.day.unplanned(plan, "s-1", json.dumps({name: count for name, count in counts.items() if count}))
        answers.add(json.dumps(coverage(here)))
    assert len(answers) == 1
    assert "protected" not in answers.pop()


def test_one_item_with_few_protected_merges_the_figures_of_all(here: Served) -> None:
    day = here.day
    day.item("s-1")
    day.item("s-2", draw=2, market="MY", language="ms")
    plan = day.plan()
    day.unplanned(plan, "s-1", '{"language": 3, "protected": 40, "shift": 10, "capacity": 30}')
    assert cell(here)["left_out"][0]["explanations"][0]["ruled_out"] == {
        "language": 3,
        "protected": 40,
        "no-time": 40,
    }
    day.unplanned(plan, "s-2", '{"language": 82, "protected": 1}')
    assert cell(here)["left_out"][0]["explanations"][0]["ruled_out"] == {"language": 3, "not-free": 80}
    day.run("update item set work_date = null where id = 's-2'")
    day.run("delete from unplanned where item = 's-2'", owner=True)
    day.item("s-3", draw=3)
    day.unplanned(plan, "s-3", '{"language": 3, "protected": 41, "shift": 10, "capacity": 29}')
    (left,) = cell(here)["left_out"]
    assert [one["ruled_out"] for one in left["explanations"]] == [{"language": 3, "not-free": 80}]
    assert (left["explanations"][0]["items"], left["explanations"][0]["reviews"]) == (2, 2)


def test_rare_explanations_are_added_up(here: Served) -> None:
    plan = here.day.plan()
    for number in range(1, 13):
        here.day.item(f"s-{number}", draw=number)
        here.day.unplanned(plan, f"s-{number}", json.dumps({"language": number, "capacity": 20 - number}))
    (left,) = cell(here)["left_out"]
    assert (len(left["explanations"]), left["others"], left["since_plan"]) == (10, 2, 0)


REASONS = ("has-it", "language", "market", "clearance", "excluded", "only", "protected", "shift", "capacity")
ruled_out = st.dictionaries(st.sampled_from(REASONS), st.integers(1, 60))


@given(st.lists(ruled_out, max_size=5))
def test_figures_told_apart_and_their_differences_are_of_eleven_people(rows: list[dict[str, int]]) -> None:
    apart = may_be_apart(rows)
    safe = [told(counts, apart) for counts in rows]
    for counts, shown in zip(rows, safe, strict=True):
        assert sum(shown.values()) == sum(counts.values())
        assert ("not-free" in shown) <= (not apart)
        assert not {"shift", "capacity"} & shown.keys()
        assert ("protected" in shown) <= apart
        said = sentence(shown, "id", "ID")
        assert said.endswith(".")
        if not apart:
            assert "not available" not in said
    if apart:
        protected = [shown["protected"] for shown in safe]
        assert all(min(shown["protected"], shown["no-time"]) >= FEWEST for shown in safe)
        assert all(one == other or abs(one - other) >= FEWEST for one in protected for other in protected)


@given(ruled_out, st.data())
def test_moving_people_between_protected_shift_and_capacity_changes_nothing(
    counts: dict[str, int], data: st.DataObject
) -> None:
    people = sum(counts.get(reason, 0) for reason in ("protected", "shift", "capacity"))
    protected = data.draw(st.integers(0, people))
    shift = data.draw(st.integers(0, people - protected))
    other = counts | {"protected": protected, "shift": shift, "capacity": people - protected - shift}
    assert told(counts, apart=False) == told(other, apart=False)


def test_instants_are_told_in_utc(here: Served) -> None:
    here.day.plan()
    assert datetime.fromisoformat(coverage(here)["published_at"]) == NOW
