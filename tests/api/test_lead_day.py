"""What a lead sees and does of a day that is really loaded, planned and published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from allocator.instance import Instance
from config.policy import default_policy_document
from models.actor import Actor
from tests.actions.limits_day import LEAD
from tests.api.conftest import Clock, Tokens
from tests.api.lead_app import Served, served
from tests.conftest import Database
from tests.days_in_database.steps import LONG_AGO, inputs_of, load, make, publish
from tests.workers.dates import FIRST, work_date_instance


@pytest.fixture
def day() -> Instance:
    return work_date_instance(FIRST, samples=180)


@pytest.fixture
def here(
    database: Database, client: TestClient, clock: Clock, tokens: Tokens, day: Instance
) -> Iterator[Served]:
    with served(database, client, clock, tokens) as made:
        load(made.day.engine, day)
        clock.now = LONG_AGO
        yield made


def test_coverage_says_what_the_plan_says(here: Served) -> None:
    made = make(here.day.engine, FIRST)
    publish(here.day.engine, made)
    told = here.ask(LEAD, "/v1/coverage", date=FIRST)
    kinds = [kind for cell in told["cells"] for kind in cell["kinds"]]
    left = [one for cell in told["cells"] for one in cell["left_out"]]
    assert sum(kind["wanted"] for kind in kinds) == made.plan.counts["reviews_wanted"]
    assert sum(kind["planned"] for kind in kinds) == made.plan.counts["reviews_planned"]
    assert sum(one["reviews"] for one in left) == made.plan.unplanned["missing"].sum() > 0
    assert all(one["since_plan"] == 0 for one in left)
    bands = [band for cell in told["cells"] for band in cell["bands"]]
    reached = sum(band["weight"] * band["planned"] for band in bands)
    assert reached == pytest.approx(made.plan.goals["coverage"])


def test_a_limit_tightened_for_a_team_binds_the_next_plan(here: Served, day: Instance) -> None:
    team = day.auditors["team"][0]
    lead = Actor("lead", "lena", (team,))
    publish(here.day.engine, make(here.day.engine, FIRST))
    told = here.tell(lead, "/v1/limits/severe-day/lower", {"amount": 0})
    assert told["plans_made_before"] == [FIRST.isoformat()]
    inputs = inputs_of(here.day.engine, FIRST, LONG_AGO)
    limit = next(limit for limit in inputs.instance.policy.limits if limit.key == told["key"])
    assert (limit.scope, limit.amount, limit.min_severity) == (f"team:{team}", 0, 3)
    # `make` checks the plan against the limits; here it must keep all severe work out.
    made = make(here.day.engine, FIRST)
    publish(here.day.engine, made)
    (cell,) = here.ask(lead, "/v1/coverage", date=FIRST)["cells"]
    kinds = {kind["kind"]: kind["planned"] for kind in cell["kinds"]}
    assert kinds["escalation"] == 0 < kinds["sample"]
    assert set(day.auditors["team"]) == {team}
    # Loading the day again neither undoes it nor objects.
    load(here.day.engine, day)
    assert here.day.amount(told["key"]) == 0


def test_the_default_policy_s_limits_have_words(here: Served) -> None:
    """Every limit that ships can be told, tightened and proposed in a sentence."""
    wellbeing = Actor("wellbeing", "wim")
    for limit in default_policy_document()["limits"]:
        here.day.limit(
            f"shipped-{limit['key']}",
            amount=limit["amount"],
            ceiling=limit["ceiling"],
            measure=limit["measure"],
        )
    told: list[dict[str, Any]] = here.ask(wellbeing, "/v1/limits")["limits"]
    shipped = [limit for limit in told if limit["key"].startswith("shipped-")]
    assert {limit["unit"] for limit in shipped} == {"seconds", "points"}
    assert all(limit["who"].endswith(".") and "lower" in limit["may"] for limit in shipped)
