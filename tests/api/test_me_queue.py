"""The queue and one's own exposure: everything that is promised is there, for its person alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.routes.me import MyExposure, Queue
from models.actions.complete import complete
from models.actions.pause import pause
from models.actions.resume import resume
from models.actions.revoke_token import revoke_token
from models.actions.settle_exposure import Seen
from models.actions.skip import skip
from models.actions.start import start
from models.actions.take_break import take_break
from models.actor import SYSTEM
from tests.actions.my_day import ADA, AGREE, DAY, NOW, MyDay, my_day
from tests.api.conftest import Clock, Tokens
from tests.conftest import Database

URL = "/v1/me/queue"


@pytest.fixture
def day(database: Database, clock: Clock) -> Iterator[MyDay]:
    clock.now = NOW
    with my_day(database) as made:
        yield made


@pytest.fixture
def ada(day: MyDay, tokens: Tokens) -> dict[str, str]:
    """Ada's token; nobody has one before a day has them."""
    assert day.slots
    return tokens("auditor", "ada")


def ask(client: TestClient, headers: dict[str, str], url: str = URL) -> Any:
    """The answer, held against the description that clients are given."""
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    Queue.model_validate_json(answer.content, extra="forbid", strict=False)
    return answer.json()


def test_the_day_in_order(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    day.rows.run("update item set due = :due where id = 'one'", due=NOW + timedelta(hours=1))
    said = ask(client, ada)
    assert {key: said[key] for key in said.keys() - {"slots", "limits"}} == {
        "work_date": "2026-11-23",
        "timezone": "Asia/Jakarta",
        "shift_start": "2026-11-23T06:00:00+00:00",
        "shift_end": "2026-11-23T14:00:00+00:00",
        "there_from": "2026-11-23T06:00:00+00:00",
        "there_until": "2026-11-23T14:00:00+00:00",
        "plan": {"id": day.plan, "version": 1},
        "note": None,
    }
    assert [(slot["slot"], slot["state"]) for slot in said["slots"]] == [
        (day.slots[name], "planned") for name in ("one", "two", "three", "mild", "pause")
    ]
    first, last = said["slots"][0], said["slots"][-1]
    assert first == {
        "slot": day.slots["one"],
        "kind": "work",
        "label": None,
        "state": "planned",
        "planned_start": "2026-11-23T07:00:00+00:00",
        "planned_end": "2026-11-23T07:10:00+00:00",
        "started_at": None,
        "ended_at": None,
        "leased_until": None,
        "review": {
            "item": "one",
            "kind": "sample",
            "market": "ID",
            "language": "id",
            "category": "violence",
            "severity": 3,
            "modality": "image",
            "expected_seconds": 600,
            "due": "2026-11-23T08:00:00+00:00",
            "link": "https://review.example/items/one",
            "presentation": {"blur": True, "greyscale": True, "mute": True},
        },
    }
    assert (last["kind"], last["label"], last["review"]) == ("break", "short", None)
    mild = said["slots"][3]["review"]
    assert mild["presentation"] == {"blur": False, "greyscale": False, "mute": False}
    assert mild["due"] is None


def test_each_limit_with_what_is_left_of_it(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    day.seen(61)
    day.seen(3600, day=DAY - timedelta(days=6))
    day.rows.limit("of-others", scope="team:late", amount=1)
    day.rows.run('select set_dose_weights(\'[{"severity": 3, "modality": "image", "units": 10}]\')')
    day.rows.limit("dose-day", amount=40, measure="dose", ceiling=None)
    said = ask(client, ada)["limits"]
    assert said == [
        {
            "key": "severe-day",
            "selection": "severe work",
            "measure": "seconds",
            "window_days": 1,
            "allowed": 3600,
            "seen": 61,
            "reserved": 1800,
            "left": 1739,
            "sentence": "Of 60 minutes of severe work on this date you have seen 2, 30 are planned, 28 are "
            "left.",
        },
        {
            "key": "severe-week",
            "selection": "severe work",
            "measure": "seconds",
            "window_days": 7,
            "allowed": 7200,
            "seen": 3661,
            "reserved": 1800,
            "left": 1739,
            "sentence": "Of 120 minutes of severe work in 7 dates up to this one you have seen 62, 30 are "
            "planned, 28 are left.",
        },
        {
            "key": "dose-day",
            "selection": "exposure",
            "measure": "dose",
            "window_days": 1,
            "allowed": 40,
            "seen": 1.02,
            "reserved": 30,
            "left": 8.98,
            "sentence": "Of 40 points of exposure on this date you have seen 2, 30 are planned, 8 are left.",
        },
    ]


def test_left_is_never_below_nothing(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    day.seen(9999)
    day.rows.run("update shift set exposure_percent = 50 where auditor = 'ada'")
    limit = ask(client, ada)["limits"][0]
    assert (limit["allowed"], limit["left"]) == (1800, 0)
    assert limit["sentence"].endswith("0 are left.")


def test_it_follows_the_day(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    """What was begun and done stays, in the order in which it was; what was skipped or withdrawn is gone."""
    start(day.engine, ADA, day.slots["two"], NOW)
    complete(day.engine, ADA, day.slots["two"], Seen(300), AGREE, NOW + timedelta(minutes=5))
    skip(day.engine, ADA, day.slots["one"], None, NOW)
    pause = take_break(day.engine, ADA, NOW + timedelta(minutes=6)).slot
    day.rows.run("update slot set state = 'withdrawn' where item = 'three'")
    said = ask(client, ada)["slots"]
    assert [(slot["slot"], slot["state"]) for slot in said] == [
        (day.slots["two"], "done"),
        (pause, "started"),
        (day.slots["mild"], "planned"),
        (day.slots["pause"], "planned"),
    ]
    assert (said[0]["started_at"], said[0]["ended_at"]) == (
        "2026-11-23T07:00:00+00:00",
        "2026-11-23T07:05:00+00:00",
    )
    assert (said[1]["label"], said[1]["review"]) == (None, None)


def test_a_review_that_runs_and_is_paused(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    def first() -> tuple[Any, ...]:
        slot = ask(client, ada)["slots"][0]
        return slot["slot"], slot["state"], slot["leased_until"]

    slot = day.slots["one"]
    assert first() == (slot, "planned", None)
    start(day.engine, ADA, slot, NOW)
    assert first() == (slot, "started", "2026-11-23T07:10:00+00:00")
    pause(day.engine, ADA, slot, NOW + timedelta(minutes=2))
    assert first() == (slot, "paused", None)
    resume(day.engine, ADA, slot, NOW + timedelta(minutes=5))
    assert first() == (slot, "started", "2026-11-23T07:13:00+00:00")


def test_when_somebody_is_there(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    day.rows.run(
        "update shift set available_from = shift_start + interval '1 hour',"
        " available_until = shift_end - interval '2 hours' where auditor = 'ada'"
    )
    said = ask(client, ada)
    assert [said[name] for name in ("shift_start", "there_from", "there_until", "shift_end")] == [
        f"2026-11-23T{time}:00+00:00" for time in ("06:00", "07:00", "12:00", "14:00")
    ]


def test_any_id_makes_a_link(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    links = {
        "plain-1.2_3~": "plain-1.2_3~",
        "a/b?c#d&e%f": "a%2Fb%3Fc%23d%26e%25f",
        "größe 日本": "gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC",
        '"><script>': "%22%3E%3Cscript%3E",
        "{item}": "%7Bitem%7D",
        "back\\slash": "back%5Cslash",
    }
    for item in links:
        day.review(item, severity=0)
    told = {
        slot["review"]["item"]: slot["review"]["link"] for slot in ask(client, ada)["slots"] if slot["review"]
    }
    assert {item: told[item] for item in links} == {
        item: f"https://review.example/items/{link}" for item, link in links.items()
    }


def test_empty_days_say_why(client: TestClient, day: MyDay, ada: dict[str, str], tokens: Tokens) -> None:
    tomorrow, later = DAY + timedelta(days=1), DAY + timedelta(days=2)
    day.rows.person("ada", dates=[later])
    for headers, date, note in (
        (ada, tomorrow, "You have no shift on this date."),
        (ada, later, "This date is not planned yet."),
        (tokens("auditor", "ben"), DAY, "Nothing is planned for you on this date."),
    ):
        said = ask(client, headers, f"{URL}?date={date}")
        assert (said["work_date"], said["note"], said["slots"]) == (date.isoformat(), note, [])


def test_today_is_the_shift_that_runs_or_comes(
    client: TestClient, day: MyDay, tokens: Tokens, clock: Clock
) -> None:
    day.rows.person("ada", dates=[DAY + timedelta(days=2)])
    clock.now -= timedelta(days=1)
    ada = tokens("auditor", "ada", days=10)
    for hours, date in (
        (-12, "2026-11-23"),
        (6.99, "2026-11-23"),
        (7, "2026-11-25"),
        (24 * 2 + 6.99, "2026-11-25"),
        (24 * 2 + 9.99, "2026-11-25"),  # no shift to come: the date where they live
        (24 * 2 + 10, "2026-11-26"),  # 17:00 UTC is midnight in Jakarta
        (24 * 3, "2026-11-26"),
    ):
        clock.now = NOW + timedelta(hours=hours)
        assert (hours, ask(client, ada)["work_date"]) == (hours, date)


def test_an_unchanged_day_is_not_sent_again(client: TestClient, ada: dict[str, str], clock: Clock) -> None:
    first = client.get(URL, headers=ada)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", "Authorization")
    clock.forward(timedelta(minutes=1))
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = client.get(URL, headers=ada | {"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert same.headers["cache-control"] == "private, no-cache"
    assert client.get(URL, headers=ada | {"If-None-Match": '"other"'}).content == first.content


def test_any_change_is(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    for change in (
        "update slot set planned_end = planned_end + interval '1 second' where item = 'one'",
        "update slot set state = 'started', started_at = now() where item = 'one'",
        "update item set due = now() where id = 'one'",
        "select lower_limit('severe-day', 3599)",
        "insert into ledger (at, auditor, work_date, entry, category, severity, modality, seconds, items)"
        " values (now(), 'ada', '2026-11-17', 'history', 'violence', 3, 'image', 1, 1)",
    ):
        tag = client.get(URL, headers=ada).headers["etag"]
        day.rows.run(change)
        again = client.get(URL, headers=ada | {"If-None-Match": tag})
        assert (change, again.status_code) == (change, 200)
        assert again.headers["etag"] != tag


def test_the_hot_path_asks_for_the_token_too(
    client: TestClient, day: MyDay, ada: dict[str, str], tokens: Tokens, clock: Clock
) -> None:
    """It looks for the token in its own query, so every way to be refused is tried here again."""
    assert client.get(URL).status_code == 401
    assert client.get(URL, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert client.get(URL, headers=tokens("lead", "ada")).status_code == 403
    assert client.get(URL, headers=tokens("wellbeing", "ada")).status_code == 403
    prefix = day.rows.run("select prefix from token where subject = 'ada' and persona = 'auditor'")
    assert client.get(URL, headers=ada).status_code == 200
    revoke_token(day.engine, SYSTEM, prefix, clock.now)
    answer = client.get(URL, headers=ada)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    short = tokens("auditor", "ada", days=1)
    clock.forward(timedelta(days=1))
    assert client.get(URL, headers=short).status_code == 401


def test_the_same_bytes_whoever_is_next(client: TestClient, ada: dict[str, str], tokens: Tokens) -> None:
    """Prepared statements and pooled connections keep nothing of the person before."""
    ben = tokens("auditor", "ben")
    mine = client.get(URL, headers=ada).content
    for _ in range(12):
        assert json.loads(client.get(URL, headers=ben).content)["slots"] == []
        assert client.get(URL, headers=ada).content == mine


def test_a_connection_that_broke_is_not_an_error(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    before = client.get(URL, headers=ada)
    broken = day.rows.run(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid() and query like '%with asking as%'"
    )
    assert broken > 0
    after = client.get(URL, headers=ada)
    assert (after.status_code, after.content) == (200, before.content)


def test_a_date_is_a_date(client: TestClient, ada: dict[str, str]) -> None:
    for query in ("date=0", "date=2026-02-30", "date=today", "day=2026-11-23"):
        assert client.get(f"{URL}?{query}", headers=ada).status_code == 422


def test_ones_own_exposure(client: TestClient, day: MyDay, ada: dict[str, str]) -> None:
    day.rows.run('select set_dose_weights(\'[{"severity": 3, "modality": "image", "units": 50}]\')')
    for seconds, date in ((90, DAY), (30, DAY), (60, DAY - timedelta(days=6)), (1, DAY - timedelta(days=7))):
        day.seen(seconds, day=date)
    day.seen(1000, auditor="ben")
    start(day.engine, ADA, day.slots["mild"], NOW)
    complete(day.engine, ADA, day.slots["mild"], Seen(60, severity=4), AGREE, NOW + timedelta(minutes=1))
    answer = client.get("/v1/me/exposure", headers=ada)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-cache"
    MyExposure.model_validate_json(answer.content, extra="forbid")
    said = answer.json()
    row = {"category": "violence", "severity": 3, "modality": "image"}
    assert (said["from"], said["to"]) == ("2026-11-17", "2026-11-23")
    assert said["seen"] == [
        {"work_date": "2026-11-17", **row, "seconds": 60, "items": 1, "points": 5},
        {"work_date": "2026-11-23", **row, "seconds": 120, "items": 2, "points": 10},
        {"work_date": "2026-11-23", **row, "severity": 4, "seconds": 60, "items": 1, "points": 0},
    ]
    assert [(limit["key"], limit["seen"]) for limit in said["limits"]] == [
        ("severe-day", 180),
        ("severe-week", 240),
    ]


def test_dates_of_exposure(client: TestClient, ada: dict[str, str]) -> None:
    for query, status in (
        ("from=2026-11-01&to=2026-11-23", 200),
        ("to=2026-11-20", 200),
        ("from=2026-11-01", 422),
        ("from=2026-11-23&to=2026-11-22", 422),
        ("from=2025-11-22&to=2026-11-23", 422),
    ):
        assert (query, client.get(f"/v1/me/exposure?{query}", headers=ada).status_code) == (query, status)
