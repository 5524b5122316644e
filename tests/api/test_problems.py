"""Every error is a problem that has a page, says what is wrong in our words, and repeats nothing."""

from __future__ import annotations

from html import escape
from typing import Any, get_args

import psycopg
import pytest
from fastapi import Depends, FastAPI
from psycopg_pool import PoolTimeout
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from api.access import public
from api.envelope import HEADERS, MOST_BYTES, BrokenAnswer, no_database
from api.faults import SENTENCES, fault
from api.fields import Form, Name
from api.problems import BY_NAME, PROBLEMS
from models.refusal import Kind as RefusalKind
from models.refusal import Refusal
from tests.api.conftest import Tokens
from tests.conftest import Database

SECRET = "anna-lena-4711"
JSON = {"Content-Type": "application/json"}


def is_problem(answer: Any, kind: str) -> dict[str, Any]:
    """That the answer is this problem, whole; its document."""
    document: dict[str, Any] = answer.json()
    known = BY_NAME[kind]
    assert answer.headers["content-type"] == "application/problem+json"
    assert (document["type"], document["title"]) == (known.type, known.title)
    assert document["status"] == answer.status_code == known.status
    assert document["detail"].endswith(".") or document["detail"].endswith("…")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert len(answer.headers["request-id"]) == 16
    return document


def test_each_kind_has_a_page(client: TestClient) -> None:
    for kind in PROBLEMS:
        answer = client.get(kind.type)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.text.count(f"<h1>{escape(kind.title)}</h1>") == 1
        assert all(f'href="{other.type}"' in answer.text for other in PROBLEMS)
    is_problem(client.get("/problems/nonsense"), "not-found")
    is_problem(client.get("/problems/<script>"), "not-found")


def test_everything_that_actions_refuse_is_a_kind_of_problem() -> None:
    assert set(get_args(RefusalKind)) <= set(BY_NAME)
    assert len(BY_NAME) == len(PROBLEMS)


def test_a_refusal_is_its_problem(app: FastAPI, client: TestClient) -> None:
    @app.get("/refuse/{kind}", dependencies=[Depends(public)])
    def refuse(kind: Any) -> None:
        raise Refusal(kind, "So it is.", "amount")

    for kind in get_args(RefusalKind):
        document = is_problem(client.get(f"/refuse/{kind}"), kind)
        assert (document["detail"], document["field"]) == ("So it is.", "amount")


def test_addresses_and_methods_that_there_are_not(client: TestClient) -> None:
    for path in ("/", f"/{SECRET}", "/v1/plans/", "//v1/plans", "/docs", "/redoc", "/v1/plans/1/x", "/%00"):
        answer = client.get(path)
        is_problem(answer, "not-found")
        assert SECRET not in answer.text
    answer = client.delete("/v1/plans")
    is_problem(answer, "method")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}
    is_problem(client.request("BREW", "/healthz"), "method")
    assert client.head("/healthz").status_code == 405
    assert client.options("/healthz", headers={"Origin": "https://elsewhere.example"}).status_code == 405


def test_no_other_origin_is_let_in(client: TestClient) -> None:
    answer = client.get("/healthz", headers={"Origin": "https://elsewhere.example"})
    assert not any(name.startswith("access-control") for name in answer.headers)


BROKEN = [
    b"{",
    b"[]x",
    b'"\xff"',
    b"[" * 60_000,
    b"9" * 6_000,
    b'{"work_date": NaN',
    b"'",
]


def test_bodies_that_cannot_be_read(client: TestClient, tokens: Tokens) -> None:
    headers = tokens("operations") | JSON
    for body in BROKEN:
        is_problem(client.post("/v1/plans", content=body, headers=headers), "malformed")


def test_bodies_that_are_something_else(client: TestClient, tokens: Tokens) -> None:
    headers = tokens("operations") | JSON
    for body in (b"null", b"[]", b'"x"', b"NaN", b"-Infinity", b'{"work_date": NaN}', b"0", b"", b" "):
        answer = client.post("/v1/plans", content=body, headers=headers)
        assert answer.status_code in (400, 422), body
        is_problem(answer, "malformed" if answer.status_code == 400 else "invalid")


def test_bodies_that_are_too_large(client: TestClient, tokens: Tokens) -> None:
    headers = tokens("operations") | JSON
    large = b'{"work_date": "' + b"0" * MOST_BYTES + b'"}'
    is_problem(client.post("/v1/plans", content=large, headers=headers), "too-large")
    pieces = (large[at : at + 1000] for at in range(0, len(large), 1000))
    is_problem(client.post("/v1/plans", content=pieces, headers=headers), "too-large")
    for length in ("1e9", "-1", "9" * 30, "²"):
        odd = headers | {"Content-Length": length}
        sent = {name: value.encode() for name, value in odd.items()}
        is_problem(client.post("/v1/plans", content=b"{}", headers=sent), "too-large")
    just = b'{"work_date": "' + b"0" * (MOST_BYTES - 17) + b'"}'
    assert len(just) == MOST_BYTES
    is_problem(client.post("/v1/plans", content=just, headers=headers), "invalid")


def test_bodies_that_are_not_json(client: TestClient, tokens: Tokens) -> None:
    for more in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonp"},
        JSON | {"Content-Encoding": "gzip"},
    ):
        headers = tokens("operations") | more
        answer = client.post("/v1/plans", content=b'{"work_date": "2026-11-23"}', headers=headers)
        is_problem(answer, "not-json")
    charset = tokens("operations") | {"Content-Type": "Application/JSON; charset=utf-8"}
    is_problem(client.post("/v1/plans", content=b'{"work_date": "2026-11-23"}', headers=charset), "not-found")


def test_queries_hold_what_is_described(client: TestClient, tokens: Tokens) -> None:
    headers = tokens("operations")
    for query in (
        f"date=2026-11-23&{SECRET}={SECRET}",
        f"{SECRET}",
        "date=2026-11-23&date=2026-11-23",
        "Date=x",
    ):
        answer = client.get(f"/v1/plans?{query}", headers=headers)
        assert is_problem(answer, "invalid")["faults"]
        assert SECRET not in answer.text
    is_problem(client.get(f"/healthz?{SECRET}=1"), "invalid")


class Several(Form):
    name: Name
    count: int


def test_faults_name_fields_and_no_values(app: FastAPI, client: TestClient) -> None:
    @app.post("/several", dependencies=[Depends(public)])
    def several(given: list[Several]) -> None: ...

    answer = client.post("/several", json=[{"name": f"{SECRET}\n", "count": SECRET}, SECRET])
    document = is_problem(answer, "invalid")
    assert document["faults"] == [
        {"field": "[0].name", "sentence": "holds signs that cannot be printed"},
        {"field": "[0].count", "sentence": "is not a whole number"},
        {"field": "[1]", "sentence": "is not an object"},
    ]
    assert document["detail"] == "[0].name holds signs that cannot be printed, and 2 more."
    assert SECRET not in answer.text
    answer = client.post("/several", json=[{"name": "a", "count": 1, "\n\0": 1}])
    assert is_problem(answer, "invalid")["faults"] == [{"field": "[0].?", "sentence": "is not known here"}]
    answer = client.post("/several", content='[{"name": "a", "count": 1, "\\ud800": 1}]', headers=JSON)
    is_problem(answer, "invalid")


def test_a_fault_that_nobody_has_words_for_is_still_told() -> None:
    told = fault(
        {"type": "something_new", "loc": ("body",), "msg": SECRET, "input": SECRET, "ctx": {"x": SECRET}}
    )
    assert told == {"field": "body", "sentence": "is not as described"}
    assert all(sentence.startswith("is ") for sentence in SENTENCES.values())


def test_what_nobody_foresaw_is_told_without_a_word_of_it(app: FastAPI, client: TestClient) -> None:
    @app.get("/boom", dependencies=[Depends(public)])
    def boom() -> None:
        raise RuntimeError(SECRET)

    answer = client.get("/boom")
    document = is_problem(answer, "internal")
    assert document["request"] == answer.headers["request-id"]
    assert SECRET not in answer.text


def test_an_answer_of_the_wrong_form_is_our_fault(app: FastAPI, client: TestClient) -> None:
    @app.get("/wrong", dependencies=[Depends(public)], response_model=Several)
    def wrong() -> Any:
        return {"name": SECRET, "count": SECRET}

    answer = client.get("/wrong")
    is_problem(answer, "internal")
    assert SECRET not in answer.text


def test_what_the_database_refuses_is_our_fault_and_holds_no_row(
    app: FastAPI, client: TestClient, engine: Engine
) -> None:
    @app.get("/doubled", dependencies=[Depends(public)])
    def doubled() -> None:
        insert = text("insert into work_day (work_date, name) values ('2026-11-23', :name)")
        with engine.begin() as connection:
            connection.execute(insert, [{"name": SECRET}, {"name": SECRET}])

    answer = client.get("/doubled")
    is_problem(answer, "internal")
    assert SECRET not in answer.text


def test_an_answer_that_breaks_off_is_not_completed(app: FastAPI) -> None:
    def halves() -> Any:
        yield b"half"
        raise RuntimeError(SECRET)

    @app.get("/half", dependencies=[Depends(public)])
    def half() -> StreamingResponse:
        return StreamingResponse(halves())

    with TestClient(app) as client, pytest.raises(BrokenAnswer) as broken:
        client.get("/half")
    assert SECRET not in str(broken.value)


@pytest.mark.parametrize(
    ("sqlstate", "away"),
    [("08006", True), ("57P01", True), ("53300", True), ("23505", False), ("42P01", False)],
)
def test_which_errors_mean_that_the_database_is_away(sqlstate: str, away: bool) -> None:
    refused = psycopg.errors.lookup(sqlstate) if sqlstate != "08006" else psycopg.errors.ConnectionFailure
    assert no_database(DBAPIError("select 1", {}, refused("x"))) is away
    assert no_database(refused("x")) is away


def test_errors_that_never_reached_the_database() -> None:
    assert no_database(PoolTimeout("x"))
    assert no_database(psycopg.OperationalError("x"))
    assert not no_database(psycopg.ProgrammingError("x"))
    assert not no_database(OSError("x"))


def test_connections_that_were_cut_are_made_anew(
    client: TestClient, tokens: Tokens, database: Database
) -> None:
    headers = tokens("operations")
    call = "/v1/plans?date=2026-11-23"
    assert client.get(call, headers=headers).status_code == 200
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        mine = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'breakwater_app'"
        own = f"{mine} and datname = current_database() and pid <> pg_backend_pid()"
        assert connection.execute(own).fetchall()
    assert client.get(call, headers=headers).status_code == 200
