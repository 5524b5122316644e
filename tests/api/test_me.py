"""Working a day over HTTP: what the actions decide arrives as it should. What they decide is tried in
tests/actions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.actions.my_day import NOW, MyDay, my_day
from tests.api.conftest import Clock, Tokens
from tests.conftest import Database

PROBLEM = "application/problem+json"
AGREE = {"decision": "agree"}


@pytest.fixture
def day(database: Database, clock: Clock) -> Iterator[MyDay]:
    clock.now = NOW
    with my_day(database) as made:
        yield made
        assert made.sums_are_true()


@pytest.fixture
def ada(day: MyDay, tokens: Tokens) -> dict[str, str]:
    """Ada's token; nobody has one before a day has them."""
    assert day.slots
    return tokens("auditor", "ada")


def slot_url(day: MyDay, name: str, verb: str) -> str:
    return f"/v1/me/slots/{day.slots[name]}/{verb}"


def test_a_review_from_start_to_end(
    client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock
) -> None:
    begun = client.post(slot_url(day, "one", "start"), headers=ada)
    assert (begun.status_code, begun.json()) == (
        200,
        {
            "slot": day.slots["one"],
            "kind": "work",
            "state": "started",
            "item": "one",
            "started_at": "2026-11-23T07:00:00Z",
            "ended_at": None,
            "seconds": None,
            "leased_until": "2026-11-23T07:10:00Z",
            "beat_within": 20,
        },
    )
    clock.forward(timedelta(minutes=4))
    assert client.post(slot_url(day, "one", "start"), headers=ada).json() == begun.json()
    outcome = {"decision": "disagree", "error_type": "too-mild", "note": "It is\na threat."}
    body = {"seconds": 230, "seen": {"severity": 4, "modality": "video"}, "outcome": outcome}
    done = client.post(slot_url(day, "one", "complete"), json=body, headers=ada)
    assert (done.status_code, done.json()) == (
        200,
        begun.json()
        | {"state": "done", "ended_at": "2026-11-23T07:04:00Z", "seconds": 230}
        | {"leased_until": None, "beat_within": None},
    )
    assert client.post(slot_url(day, "one", "complete"), json=body, headers=ada).json() == done.json()
    for change in ({"seconds": 231}, {"outcome": AGREE}):
        other = client.post(slot_url(day, "one", "complete"), json=body | change, headers=ada)
        assert (other.status_code, other.json()["type"]) == (409, "/problems/conflict")
    found = day.rows.rows("select decision, error_type, note from outcome")
    assert found == [("disagree", "too-mild", "It is\na threat.")]
    assert day.ledger(day.slots["one"])[-1] == ("incident", "violence", 4, "video", 230, 1)


def test_a_limit_answers_with_its_sentence_and_something_else_to_do(
    client: TestClient, day: MyDay, ada: dict[str, str]
) -> None:
    day.seen(3540)
    answer = client.post(slot_url(day, "one", "start"), headers=ada)
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert answer.json() == {
        "type": "/problems/limit-reached",
        "title": "A limit would be passed",
        "status": 409,
        "detail": "You have seen 59 of 60 minutes of severe work today; this review is expected to take 10.",
        "instead": {"kind": "work", "slot": day.slots["mild"]},
    }


def test_somebody_elses_slot_is_no_slot(client: TestClient, day: MyDay, tokens: Tokens) -> None:
    ben = tokens("auditor", "ben")
    theirs = client.post(slot_url(day, "one", "start"), headers=ben)
    nobodys = client.post("/v1/me/slots/999999/start", headers=ben)
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()


def test_skipping_needs_no_word(client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock) -> None:
    assert client.post(slot_url(day, "two", "skip"), headers=ada).json()["state"] == "skipped"
    client.post(slot_url(day, "one", "start"), headers=ada)
    clock.forward(timedelta(seconds=7))
    gone = client.post(slot_url(day, "one", "skip"), headers=ada)
    assert (gone.status_code, gone.json()["state"], gone.json()["seconds"]) == (200, "skipped", 7)
    client.post(slot_url(day, "three", "start"), headers=ada)
    told = client.post(slot_url(day, "three", "skip"), json={"seconds": 3}, headers=ada)
    assert told.json()["seconds"] == 3


def test_breaks(client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock) -> None:
    taken = client.post("/v1/me/breaks", headers=ada)
    assert (taken.status_code, taken.json()["kind"], taken.json()["state"]) == (200, "break", "started")
    assert client.post("/v1/me/breaks", headers=ada).json() == taken.json()
    clock.forward(timedelta(minutes=8))
    end = f"/v1/me/breaks/{taken.json()['slot']}/end"
    ended = client.post(end, headers=ada)
    assert (ended.json()["state"], ended.json()["ended_at"]) == ("done", "2026-11-23T07:08:00Z")
    assert client.post(end, headers=ada).json() == ended.json()
    planned = client.post(slot_url(day, "pause", "start"), headers=ada)
    assert planned.json()["state"] == "started"
    assert client.post(f"/v1/me/breaks/{day.slots['pause']}/end", headers=ada).json()["state"] == "done"
    client.post(slot_url(day, "one", "start"), headers=ada)
    paused = client.post("/v1/me/breaks", headers=ada)
    assert (paused.json()["kind"], paused.json()["state"]) == ("work", "paused")
    clock.forward(timedelta(minutes=3))
    back = client.post(f"/v1/me/breaks/{paused.json()['slot']}/end", headers=ada)
    assert (back.json()["state"], back.json()["leased_until"]) == ("started", "2026-11-23T07:21:00Z")


def test_heartbeats_up_to_a_limit(client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock) -> None:
    day.seen(1770)
    url = slot_url(day, "one", "heartbeat")
    assert client.post(url, headers=ada).json()["type"] == "/problems/not-started"
    client.post(slot_url(day, "one", "start"), headers=ada)
    clock.forward(timedelta(seconds=600))
    alive = client.post(url, headers=ada)
    assert alive.status_code == 200
    assert (alive.json()["leased_until"], alive.json()["beat_within"]) == ("2026-11-23T07:10:30Z", 20)
    clock.forward(timedelta(seconds=30))
    for _ in range(2):
        over = client.post(url, headers=ada)
        assert (over.status_code, over.headers["content-type"]) == (409, PROBLEM)
        assert over.json()["type"] == "/problems/limit-reached"
        assert over.json()["detail"].startswith("Your 60 minutes of severe work today are seen")
        assert over.json()["instead"] == {"kind": "work", "slot": day.slots["two"]}
    assert day.ledger(day.slots["one"])[-1][4] == 630


def test_pausing_and_going_on(client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock) -> None:
    day.with_rests()
    client.post(slot_url(day, "one", "start"), headers=ada)
    clock.forward(timedelta(seconds=100))
    paused = client.post(slot_url(day, "one", "pause"), headers=ada)
    assert paused.status_code == 200
    told = paused.json()
    assert (told["state"], told["leased_until"], told["beat_within"]) == ("paused", None, None)
    clock.forward(timedelta(seconds=50))
    assert client.post(slot_url(day, "one", "pause"), headers=ada).json() == told
    assert client.post(slot_url(day, "one", "heartbeat"), headers=ada).json() == told
    queue = client.get("/v1/me/queue", headers=ada).json()["slots"]
    assert [slot["state"] for slot in queue if slot["slot"] == told["slot"]] == ["paused"]
    following = client.get("/v1/me/next", headers=ada)
    assert (following.json()["do"], following.json()["slot"]) == ("finish", told["slot"])
    assert following.headers["cache-control"] == "private, no-cache"
    other = client.post(slot_url(day, "mild", "start"), headers=ada)
    assert (other.status_code, other.json()["running"]) == (409, told["slot"])
    back = client.post(slot_url(day, "one", "resume"), headers=ada).json()
    assert (back["state"], back["leased_until"]) == ("started", "2026-11-23T07:10:50Z")
    clock.now = NOW + timedelta(hours=6, minutes=20)  # the wind-down has begun
    client.post(slot_url(day, "one", "pause"), headers=ada)
    held = client.post(slot_url(day, "one", "resume"), headers=ada)
    assert (held.status_code, held.json()["type"]) == (409, "/problems/too-soon")
    assert held.json()["instead"] == {"kind": "work", "slot": day.slots["mild"]}


def test_handing_back_and_ending_the_day(
    client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock
) -> None:
    for _ in range(2):
        back = client.post(slot_url(day, "two", "hand-back"), headers=ada)
        assert (back.status_code, back.json()["state"]) == (200, "returned")
    client.post(slot_url(day, "one", "start"), headers=ada)
    assert client.post(slot_url(day, "one", "hand-back"), headers=ada).status_code == 409
    clock.forward(timedelta(seconds=9))
    for _ in range(2):
        over = client.post("/v1/me/day/end", headers=ada)
        assert over.status_code == 200
        assert over.json() == {"work_date": "2026-11-23", "until": "2026-11-23T07:00:09Z"}
        clock.forward(timedelta(seconds=60))
    assert day.state(day.slots["one"]) == "skipped"
    following = client.get("/v1/me/next", headers=ada).json()
    assert (following["do"], following["sentence"]) == (
        "nothing", "Your shift ended at 14:00; the rest of the day is yours.",
    )  # fmt: skip


def test_an_outcome_says_enough(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    client.post(slot_url(day, "one", "start"), headers=ada)
    for outcome in (
        None,
        {},
        "agree",
        {"decision": "maybe"},
        {"decision": "disagree"},
        {"decision": "agree", "error_type": "too-mild"},
        {"decision": "disagree", "error_type": "Not a key"},
        {"decision": "agree", "note": "n" * 2001},
        {"decision": "agree", "note": "a\0b"},
        {"decision": "agree", "score": 1},
    ):
        answer = client.post(
            slot_url(day, "one", "complete"), json={"seconds": 60, "outcome": outcome}, headers=ada
        )
        assert (outcome, answer.status_code, answer.headers["content-type"]) == (outcome, 422, PROBLEM)
    assert day.state(day.slots["one"]) == "started"
    said = {"decision": "agree", "note": "n" * 2000}
    done = client.post(slot_url(day, "one", "complete"), json={"seconds": 0, "outcome": said}, headers=ada)
    assert done.status_code == 200


def test_what_is_not_as_described_is_refused_whole(
    client: TestClient, day: MyDay, ada: dict[str, str]
) -> None:
    client.post(slot_url(day, "one", "start"), headers=ada)
    bodies: list[dict[str, Any]] = [
        {},
        {"seconds": -1},
        {"seconds": 1.5},
        {"seconds": "60"},
        {"seconds": True},
        {"seconds": 57_601},
        {"seconds": 10**9},
        {"seconds": 60, "minutes": 1},
        {"seconds": 60, "seen": {"severity": 5}},
        {"seconds": 60, "seen": {"modality": "smell"}},
        {"seconds": 60, "seen": {"category": "Not a key"}},
        {"seconds": 60, "seen": {"category": "unheard-of"}},
    ]
    for body in bodies:
        for verb, more in (("complete", {"outcome": AGREE}), ("skip", {})):
            answer = client.post(slot_url(day, "one", verb), json=body | more, headers=ada)
            assert (body, answer.status_code, answer.headers["content-type"]) == (body, 422, PROBLEM)
    assert day.state(day.slots["one"]) == "started"


@pytest.mark.parametrize(("verb", "more"), [("complete", {"outcome": AGREE}), ("skip", {})])
def test_nobody_looks_longer_than_the_longest_shift(
    client: TestClient, day: MyDay, ada: dict[str, str], verb: str, more: dict[str, Any]
) -> None:
    client.post(slot_url(day, "one", "start"), headers=ada)
    answer = client.post(slot_url(day, "one", verb), json={"seconds": 57_601} | more, headers=ada)
    assert (answer.status_code, answer.json()["field"]) == (422, "seconds")
    assert answer.json()["detail"] == "seconds is above 57600."
    answer = client.post(slot_url(day, "one", verb), json={"seconds": 57_600} | more, headers=ada)
    assert (answer.status_code, answer.json()["seconds"]) == (200, 57_600)


def test_what_is_sent_again_of_a_review_that_ended_without_a_word(
    client: TestClient, day: MyDay, ada: dict[str, str], clock: Clock
) -> None:
    """Figures add to what is recorded and take nothing away, as the description says."""
    client.post(slot_url(day, "one", "start"), headers=ada)
    clock.forward(timedelta(seconds=300))
    client.post("/v1/me/day/end", headers=ada)
    url = slot_url(day, "one", "complete")

    def send(seconds: int, **more: Any) -> Any:
        return client.post(url, json={"seconds": seconds, "outcome": AGREE} | more, headers=ada)

    done = send(400)
    assert (done.status_code, done.json()["state"], done.json()["seconds"]) == (200, "done", 400)
    ledger = day.ledger(day.slots["one"])
    for again in (send(400), send(399), send(0), send(400, seen={"severity": 1})):
        assert (again.status_code, again.json()) == (200, done.json())
    for other in (send(401), send(400, seen={"severity": 4})):
        assert (other.status_code, other.json()["type"]) == (409, "/problems/conflict")
    assert send(400, outcome={"decision": "disagree", "error_type": "too-mild"}).status_code == 409
    assert day.ledger(day.slots["one"]) == ledger
    described = client.get("/openapi.json").json()["paths"]["/v1/me/slots/{slot}/complete"]["post"]
    assert "figures that add nothing count as sent again" in " ".join(described["description"].split())


def test_a_slot_has_a_number(client: TestClient, ada: dict[str, str]) -> None:
    for slot in ("0", "-1", "x", str(2**63)):
        for url in (f"/v1/me/slots/{slot}/start", f"/v1/me/breaks/{slot}/end"):
            assert client.post(url, headers=ada).status_code == 404


def test_only_auditors_have_a_day(client: TestClient, day: MyDay, tokens: Tokens) -> None:
    for persona in ("lead", "wellbeing", "upstream", "operations"):
        headers = tokens(persona, "ada")
        verbs = ("start", "heartbeat", "pause", "resume", "skip", "hand-back")
        urls = [slot_url(day, "one", verb) for verb in verbs]
        for url in (*urls, "/v1/me/breaks", "/v1/me/day/end"):
            assert client.post(url, headers=headers).status_code == 403
        assert client.get("/v1/me/next", headers=headers).status_code == 403
        assert client.get("/v1/me/exposure", headers=headers).status_code == 403


def test_nothing_of_exposure_is_in_the_audit_trail(
    client: TestClient, day: MyDay, ada: dict[str, str]
) -> None:
    client.post(slot_url(day, "one", "start"), headers=ada)
    client.post(
        slot_url(day, "one", "complete"),
        json={"seconds": 4321, "seen": {"severity": 4}, "outcome": AGREE},
        headers=ada,
    )
    found = day.rows.rows("select verb, detail::text from audit where actor = 'auditor:ada' order by id")
    assert [verb for verb, _ in found] == ["start", "complete"]
    assert not [detail for _, detail in found if "4321" in detail or "severity" in detail]


def test_two_tabs_at_once(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    """All at once on the same slots: what is recorded is one course of events, and nothing is an error."""
    urls = [
        *[slot_url(day, name, "start") for name in ("one", "two", "mild")] * 3,
        *[slot_url(day, "one", "skip")] * 2,
        *[slot_url(day, "one", verb) for verb in ("heartbeat", "pause", "resume")] * 2,
        *["/v1/me/breaks"] * 3,
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda url: client.post(url, headers=ada), urls))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert day.rows.run("select count(*) from slot where auditor = 'ada' and state = 'started'") <= 1
    ends = day.ledger(day.slots["one"])
    assert [entry for entry, *_ in ends] in (["reserve", "release"], ["reserve", "release", "post"])
