"""What people were told: theirs alone, in the order of the commits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.openapi import describe
from models.actions.notify import notify
from tests.api import rows
from tests.api.conftest import NOW, Clock, Tokens
from tests.conftest import Database

URL = "/v1/notices"


def tell(engine: Engine, addressee: str, sentence: str = "Something changed.", **detail: object) -> int:
    """A notice in a transaction of its own; its number."""
    with engine.begin() as connection:
        notify(connection, addressee, rows.DAY, "day-replanned", sentence, NOW, **detail)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("select max(number) from notice").scalar_one())


@pytest.fixture(autouse=True)
def people(database: Database) -> None:
    for name in ("aud-01", "aud-02"):
        rows.auditor(database.owner_url, name)


def test_everybody_is_told_what_is_theirs(client: TestClient, engine: Engine, tokens: Tokens) -> None:
    told = {
        name: tell(engine, name)
        for name in (
            "auditor:aud-01",
            "auditor:aud-02",
            "team:id-early",
            "team:id-late",
            "team:id",
            "wellbeing",
            "operations",
        )
    }
    for headers, names in (
        (tokens("auditor", "aud-01"), ["auditor:aud-01"]),
        (tokens("auditor", "aud-02"), ["auditor:aud-02"]),
        (tokens("lead", "lead-1", ("id-early", "id-late")), ["team:id-early", "team:id-late"]),
        (tokens("lead", "aud-01", ("id",)), ["team:id"]),
        (tokens("wellbeing", "aud-01"), ["wellbeing"]),
        (tokens("operations", "wellbeing"), ["operations"]),
    ):
        for url in (URL, f"{URL}?after=0"):
            said = client.get(url, headers=headers).json()
            assert [one["notice"] for one in said["notices"]] == [told[name] for name in names]
            assert said["more"] is False
    assert client.get(URL, headers=tokens("upstream")).status_code == 403
    assert client.get(URL).status_code == 401


def test_a_notice_as_it_is_told(client: TestClient, engine: Engine, tokens: Tokens) -> None:
    number = tell(engine, "auditor:aud-01", "Ein Grund, warum.", slots=[4, 7])
    answer = client.get(URL, headers=tokens("auditor", "aud-01"))
    assert answer.json()["notices"] == [
        {
            "notice": number,
            "work_date": "2026-11-23",
            "kind": "day-replanned",
            "sentence": "Ein Grund, warum.",
            "detail": {"slots": [4, 7]},
            "at": "2026-11-22T15:00:00Z",
            "seen_at": None,
        }
    ]
    assert answer.headers["cache-control"] == "no-store"


def test_pages(client: TestClient, engine: Engine, tokens: Tokens) -> None:
    with engine.begin() as connection:
        for turn in range(230):
            name = "auditor:aud-01" if turn % 2 else "auditor:aud-02"
            notify(connection, name, None, "day-replanned", f"{turn}", NOW)
    headers = tokens("auditor", "aud-01")
    latest = client.get(URL, headers=headers).json()
    assert [one["sentence"] for one in latest["notices"]] == [f"{turn}" for turn in range(31, 231, 2)]
    after, found = 0, []
    while True:
        page = client.get(f"{URL}?after={after}", headers=headers).json()
        assert len(page["notices"]) <= 100
        found += page["notices"]
        after = found[-1]["notice"]
        if not page["more"]:
            break
    assert [one["sentence"] for one in found] == [f"{turn}" for turn in range(1, 230, 2)]
    assert client.get(f"{URL}?after={after}", headers=headers).json() == {"notices": [], "more": False}
    for wrong in ("-1", "x", "1.5", str(2**63), ""):
        assert client.get(f"{URL}?after={wrong}", headers=headers).status_code == 422


def test_numbers_are_in_the_order_of_the_commits(engine: Engine, database: Database) -> None:
    """Whoever asks for what comes after the highest number misses nothing of a transaction that began before
    and commits later."""
    with engine.connect() as early, early.begin() as transaction:
        notify(early, "auditor:aud-01", None, "day-replanned", "early", NOW)
        late = tell(engine, "auditor:aud-01", "late")
        transaction.commit()
    with psycopg.connect(database.owner_url) as connection:
        by_number = connection.execute("select sentence, number from notice order by number").fetchall()
        by_id = connection.execute("select sentence from notice order by id").fetchall()
    assert [row[0] for row in by_number] == ["late", "early"]
    assert by_number[1][1] > late
    assert [row[0] for row in by_id] == ["early", "late"]


def test_the_application_gives_no_numbers(database: Database) -> None:
    for statement in (
        "update notice set number = 7",
        "insert into notice (addressee, kind, sentence, detail, at, number)"
        " values ('wellbeing', 'a', 'a', '{}', now(), 7)",
        "update notice set sentence = 'another'",
        "delete from notice",
        "select setval('notice_number', 7)",
    ):
        with (
            psycopg.connect(database.url, options="-c role=breakwater_app") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def test_seen(client: TestClient, engine: Engine, tokens: Tokens, clock: Clock, database: Database) -> None:
    mine, others, teams = (
        tell(engine, name) for name in ("auditor:aud-01", "auditor:aud-02", "team:id-early")
    )
    headers = tokens("auditor", "aud-01")
    expected = {"notice": mine, "seen_at": "2026-11-22T15:00:00Z"}
    for _ in range(3):
        answer = client.post(f"{URL}/{mine}/seen", headers=headers)
        assert (answer.status_code, answer.json()) == (200, expected)
        clock.forward(timedelta(minutes=1))
    assert client.get(URL, headers=headers).json()["notices"][0]["seen_at"] == expected["seen_at"]
    for number in (others, teams, 4711, 2**63 - 1):
        answer = client.post(f"{URL}/{number}/seen", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert client.post(f"{URL}/{teams}/seen", headers=tokens("lead")).status_code == 403
    with psycopg.connect(database.owner_url) as connection:
        seen = connection.execute("select number from notice where seen_at is not null").fetchall()
        audited = connection.execute(
            "select at, actor, subject, detail from audit where verb = 'see_notice'"
        ).fetchall()
    assert seen == [(mine,)]
    assert audited == [(datetime(2026, 11, 22, 15, tzinfo=UTC), "auditor:aud-01", f"notice:{mine}", {})]


def test_the_stream_is_described(app: FastAPI) -> None:
    document = describe(app)
    content = document["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    assert content["text/event-stream"]["example"].startswith("id: 17\nevent: notice\ndata: {")
