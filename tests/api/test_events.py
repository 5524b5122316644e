"""Streams of notices over real server processes and a real PostgreSQL: nothing lost, nothing told twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.events import Events, EventStream, Stream
from models.actions.issue_token import issue_token
from models.actions.mark_absent import mark_absent
from models.actions.notify import notify
from models.actions.revoke_token import revoke_token
from models.actions.see_notice import see_notice
from models.actor import SYSTEM, Actor, Persona
from models.connection import application_engine, reading_pool
from tests.api import rows
from tests.api.conftest import Headers, LiveServer, Tokens
from tests.api.listener import Ended, Event, Listener, Silence
from tests.conftest import Database
from tests.days.build import NINE, WORK_DATE, Day, auditor, instance, policy, sample
from tests.days_in_database.steps import engine_of, load, planned
from tests.days_in_database.steps import rows as rows_of

PEOPLE = [f"aud-{number:02d}" for number in range(1, 51)]


class People:
    """Known auditors with tokens by the wall's clock, and a way to tell them things."""

    def __init__(self, engine: Engine, database: Database) -> None:
        self.engine = engine
        self.database = database

    def token(
        self,
        subject: str = "aud-01",
        persona: Persona = "auditor",
        teams: tuple[str, ...] = (),
        days: int = 1,
    ) -> Headers:
        issued = issue_token(self.engine, SYSTEM, persona, subject, teams, days, datetime.now(UTC))
        return {"Authorization": f"Bearer {issued.token}"}

    def tell(self, *addressees: str, sentence: str = "Something changed.") -> None:
        """In one transaction."""
        with self.engine.begin() as connection:
            for addressee in addressees or ("auditor:aud-01",):
                notify(connection, addressee, rows.DAY, "day-replanned", sentence, datetime.now(UTC))

    def numbers(self, addressee: str = "auditor:aud-01") -> list[int]:
        with psycopg.connect(self.database.owner_url) as connection:
            asked = "select number from notice where addressee = %s order by number"
            return [row[0] for row in connection.execute(asked, [addressee])]

    def break_connections(self) -> int:
        """End the connections by which the servers hear; how many there were."""
        with psycopg.connect(self.database.owner_url, autocommit=True) as connection:
            row = connection.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and application_name = 'breakwater-events'"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def hearing(self) -> int:
        with psycopg.connect(self.database.owner_url) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and application_name = 'breakwater-events'"
            ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def people(database: Database) -> Iterator[People]:
    for name in PEOPLE:
        rows.auditor(database.owner_url, name)
    engine = application_engine(database.url, pool_size=10)
    yield People(engine, database)
    engine.dispose()


def after(number: int) -> str:
    return f"?after={number}"


def test_missed_and_then_as_it_comes(live_server: LiveServer, people: People) -> None:
    mine = people.token()
    for _ in range(3):
        people.tell("auditor:aud-01", "auditor:aud-02", "team:id-early")
    first, second, third = people.numbers()
    see_notice(people.engine, Actor("auditor", "aud-01"), second, datetime.now(UTC))
    with Listener(live_server.url, mine) as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store"
        assert "content-length" not in stream.headers
        told = stream.next()
        assert told == Event(
            "notice",
            first,
            {
                "notice": first,
                "work_date": "2026-11-23",
                "kind": "day-replanned",
                "sentence": "Something changed.",
                "detail": {},
                "at": told.data["at"],
                "seen_at": None,
            },
        )
        # What is marked as seen is not told to whoever says no number.
        assert stream.numbers(1) == [third]
        for _ in range(20):
            begun = time.monotonic()
            people.tell("auditor:aud-02", "auditor:aud-01")
            assert stream.numbers(1) == people.numbers()[-1:]
            assert time.monotonic() - begun < 1
        assert stream.is_silent()
        assert stream.retry == 2000
        last = stream.last
    people.tell()
    everything = people.numbers()
    for headers, query, above in (
        ({"Last-Event-ID": str(last)}, "", last),
        ({"Last-Event-ID": str(first)}, "?after=0", first),
        ({}, after(first), first),
        ({}, after(0), 0),
        ({}, after(10**15), 10**15),  # of another database, say
    ):
        with Listener(live_server.url, mine | headers, query) as stream:
            expected = [number for number in everything if number > (above or 0)]
            assert (query, stream.numbers(len(expected))) == (query, expected)
            assert stream.is_silent(0.1)
            people.tell()
            everything = people.numbers()
            assert stream.numbers(1) == everything[-1:]


def test_more_than_a_page_was_missed(live_server: LiveServer, people: People) -> None:
    people.tell(*["auditor:aud-01", "auditor:aud-02"] * 250)
    for query in (after(0), ""):
        with Listener(live_server.url, people.token(), query) as stream:
            assert stream.numbers(250) == people.numbers()
            assert stream.is_silent(0.1)
    # At once, while somebody listens: more than a client is kept, if it does not read.
    with Listener(live_server.url, people.token(), after(people.numbers()[-1])) as stream:
        stream.is_silent(0.1)
        people.tell(*["auditor:aud-01"] * 90)
        assert stream.numbers(90) == people.numbers()[-90:]


def test_what_comes_while_the_missed_is_read(people: People) -> None:
    """At each moment of taking what was missed, even the last, one more is told and heard before."""
    people.tell("auditor:aud-01", "auditor:aud-01")
    more = 5
    told: list[int] = []
    readers = reading_pool(people.database.url)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def listen() -> None:
        events = Events(people.database.url, readers, lambda: datetime.now(UTC))
        digest = hashlib.sha256(people.token()["Authorization"].removeprefix("Bearer ").encode()).digest()
        stream = Stream("auditor:aud-01", frozenset({"auditor:aud-01"}), digest, 0)

        async def send(message: MutableMapping[str, Any]) -> None:
            number = re.match(rb"id: (\d+)\nevent: notice", message.get("body", b""))
            if number is None:
                return
            told.append(int(number[1]))
            if len(told) <= more:
                await asyncio.to_thread(people.tell)
                newest = people.numbers()[-1]
                while (events.position or 0) < newest:
                    await asyncio.sleep(0.01)
            elif told[-1] == people.numbers()[-1]:
                events.stop()

        await EventStream(events, stream)({"type": "http"}, receive, send)
        await events.disconnect()

    try:
        asyncio.run(asyncio.wait_for(listen(), 20))
    finally:
        readers.close()
    assert told == people.numbers()
    assert len(told) == 2 + more


def test_what_comes_before_the_server_listens(serve: Callable[..., LiveServer], people: People) -> None:
    server = serve(module="tests.api.quick_server")
    with Listener(server.url, people.token(), wait=30) as stream:
        assert stream.status == 200
        assert stream.is_silent(0.1)
        people.tell()
        assert stream.numbers(1) == people.numbers()


def test_others_hear_what_comes_from_now_on(live_server: LiveServer, people: People) -> None:
    people.tell("team:id-early", "wellbeing", "operations", "auditor:aud-01")
    holders: list[tuple[Headers, str]] = [
        (people.token("lead-1", "lead", ("id-early",)), "team:id-early"),
        (people.token("w", "wellbeing"), "wellbeing"),
        (people.token("aud-01", "operations"), "operations"),
    ]
    for headers, addressee in holders:
        with Listener(live_server.url, headers) as stream:
            assert stream.is_silent(0.2)
            assert stream.last is not None  # whoever comes back has a number to say
            people.tell("team:id-early", "team:id-late", "wellbeing", "operations", "auditor:aud-01")
            assert stream.numbers(1) == people.numbers(addressee)[-1:]
            assert stream.is_silent(0.1)
            last = stream.last
        people.tell("team:id-early", "wellbeing", "operations")
        with Listener(live_server.url, headers | {"Last-Event-ID": str(last)}) as stream:
            assert stream.numbers(1) == people.numbers(addressee)[-1:]


def test_fifty_people_listen(serve: Callable[..., LiveServer], people: People) -> None:
    """More than the server has threads; each hears what is theirs, and other requests are answered."""
    server = serve("--processes", "2")
    headers = {name: people.token(name) for name in PEOPLE}
    with ExitStack() as open_streams:
        streams = {
            name: open_streams.enter_context(Listener(server.url, headers[name], wait=60)) for name in PEOPLE
        }
        for stream in streams.values():
            assert stream.status == 200
            assert stream.is_silent(0.05)
        assert people.hearing() in (1, 2)  # a process hears once, if somebody listens there
        for _ in range(3):
            people.tell(*(f"auditor:{name}" for name in PEOPLE))
            answer = httpx.get(f"{server.url}/v1/notices", headers=headers["aud-01"], timeout=10)
            assert answer.status_code == 200
        begun = time.monotonic()
        for name, stream in streams.items():
            assert stream.numbers(3) == people.numbers(f"auditor:{name}")
        assert time.monotonic() - begun < 5
        begun = time.monotonic()
        people.break_connections()
        people.tell("auditor:aud-50", "auditor:aud-01")
        for name in ("aud-01", "aud-50"):
            assert streams[name].numbers(1) == people.numbers(f"auditor:{name}")[-1:]
        assert time.monotonic() - begun < 5
        server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert {stream.why_ended() for stream in streams.values()} == {"server"}
        assert server.process.wait(20) == 0
        assert time.monotonic() - begun < 5


def test_a_server_that_stops_ends_its_streams(live_server: LiveServer, people: People) -> None:
    with (
        Listener(live_server.url, people.token()) as stream,
        Listener(live_server.url, people.token("aud-02"), buffer=4096) as asleep,
    ):
        assert stream.is_silent(0.1)
        people.tell(*["auditor:aud-02"] * 90, sentence="x" * 20_000)
        time.sleep(0.2)  # until the one who does not read holds up the server
        live_server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert stream.why_ended() == "server"
        assert time.monotonic() - begun < 1
        assert live_server.process.wait(20) == 0
        assert time.monotonic() - begun < 8
        assert asleep.status == 200
    _, log = live_server.process.communicate()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["route"] for line in lines if line.get("status") == 200] == ["/v1/events"] * 2


def test_three_streams_each(live_server: LiveServer, people: People) -> None:
    """The oldest ends for a fourth, on whatever token; its connection can still be used."""
    with ExitStack() as open_streams:
        streams = []
        for _ in range(3):
            streams.append(open_streams.enter_context(Listener(live_server.url, people.token())))
            assert streams[-1].is_silent(0.05)
        other = open_streams.enter_context(Listener(live_server.url, people.token("aud-02")))
        of_name = open_streams.enter_context(Listener(live_server.url, people.token("aud-01", "operations")))
        streams.append(open_streams.enter_context(Listener(live_server.url, people.token())))
        assert streams[0].why_ended() == "elsewhere"
        assert streams[0].ask("/v1/notices", people.token())[0] == 200
        people.tell("auditor:aud-01", "auditor:aud-02", "operations")
        for stream in (*streams[1:], other, of_name):
            assert len(stream.numbers(1)) == 1
            assert stream.is_silent(0.05)


def test_who_may_not_listen(live_server: LiveServer, people: People) -> None:
    mine = people.token()
    for headers, query, status in (
        ({}, "", 401),
        ({"Authorization": "Bearer nonsense"}, "", 401),
        (people.token("tool", "upstream"), "", 403),
        (mine, "?after=-1", 422),
        (mine, "?before=1", 422),
        (mine | {"Last-Event-ID": "x"}, "", 422),
        (mine | {"Last-Event-ID": str(2**63)}, "", 422),
    ):
        with Listener(live_server.url, headers, query) as stream:
            assert (headers, query, stream.status) == (headers, query, status)
            assert stream.headers["content-type"] == "application/problem+json"


def test_a_token_that_ends(serve: Callable[..., LiveServer], people: People) -> None:
    server = serve(module="tests.api.quick_server")
    issued = issue_token(people.engine, SYSTEM, "auditor", "aud-01", (), 1, datetime.now(UTC))
    headers = {"Authorization": f"Bearer {issued.token}"}
    ending = issue_token(
        people.engine, SYSTEM, "auditor", "aud-02", (), 1, datetime.now(UTC) - timedelta(days=1, seconds=-6)
    )
    with (
        Listener(server.url, headers) as stream,
        Listener(server.url, people.token()) as other,
        Listener(server.url, {"Authorization": f"Bearer {ending.token}"}) as expiring,
    ):
        assert stream.is_silent(2)
        assert stream.comments >= 3
        revoke_token(people.engine, SYSTEM, issued.prefix, datetime.now(UTC))
        assert stream.why_ended(2) == "token"
        people.tell("auditor:aud-01", "auditor:aud-02")
        assert other.numbers(1) == people.numbers()
        if expiring.status == 200:  # it had six seconds
            told = expiring.next()
            while told.name != "end":
                told = expiring.next()
            assert told.data == {"why": "token"}
    with Listener(server.url, headers) as stream:
        assert stream.status == 401


def test_who_does_not_read_is_not_waited_for(live_server: LiveServer, people: People) -> None:
    """What a client does not take is not kept for it: its stream ends, and it comes back for the rest."""
    size, count = 20_000, 1000
    headers = people.token()
    with (
        Listener(live_server.url, headers, buffer=4096) as slow,
        Listener(live_server.url, people.token("aud-02")) as quick,
    ):
        quick.is_silent(0.1)
        before = memory(live_server)
        for _ in range(count // 50):
            people.tell(*["auditor:aud-01"] * 50, "auditor:aud-02", sentence="x" * size)
            assert len(quick.numbers(1)) == 1
        assert memory(live_server) - before < 12_000_000  # of 20 MB that were told
        told: list[int] = []
        why = None
        while why is None:
            one = slow.next()
            if one.name == "end":
                why = one.data["why"]
            else:
                told.append(one.data["notice"])
        assert why == "slow"
        assert len(told) < count
    with Listener(live_server.url, headers | {"Last-Event-ID": str(told[-1])}) as again:
        told += again.numbers(count - len(told))
        assert again.is_silent(0.1)
    assert told == people.numbers()


def memory(server: LiveServer) -> int:
    """Bytes of it that are in the machine's memory."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * 4096


def test_nothing_is_lost_or_doubled(serve: Callable[..., LiveServer], people: People) -> None:
    """Transactions that overlap and commit in another order than they began, connections that break, clients
    that come and go: in the end everybody was told everything, once, in order."""
    server = serve("--processes", "2")
    chance = random.Random(20261123)
    done = threading.Event()
    names = PEOPLE[:4]

    def tell_much(seed: int) -> None:
        own = random.Random(seed)
        for _ in range(60):
            with people.engine.begin() as connection:
                for name in own.sample(names, own.randint(1, 4)):
                    notify(connection, f"auditor:{name}", None, "day-replanned", "x", datetime.now(UTC))
                    time.sleep(own.choice([0, 0, 0.01]))

    def listen(name: str, heard: list[int], seed: int) -> None:
        own, headers, last = random.Random(seed), people.token(name), 0
        while True:
            try:
                with Listener(server.url, headers | {"Last-Event-ID": str(last)}) as stream:
                    if stream.status == 503:  # its connections broke, too
                        continue
                    assert stream.status == 200
                    for _ in range(own.randint(1, 40)):
                        one = stream.next(1.5)
                        if one.name == "end":
                            break
                        heard.append(one.data["notice"])
                        last = heard[-1]
            except (Silence, Ended):
                if done.is_set():
                    return

    heard: dict[str, list[int]] = {name: [] for name in names}
    listening = [
        threading.Thread(target=listen, args=(name, heard[name], number)) for number, name in enumerate(names)
    ]
    telling = [threading.Thread(target=tell_much, args=(number,)) for number in range(4)]
    for thread in (*listening, *telling):
        thread.start()
    while any(thread.is_alive() for thread in telling):
        people.break_connections()
        time.sleep(chance.uniform(0.05, 0.4))
    done.set()
    for thread in listening:
        thread.join(60)
        assert not thread.is_alive()
    for name in names:
        expected = people.numbers(f"auditor:{name}")
        assert len(expected) > 60
        assert heard[name] == expected, name


def test_a_stream_that_is_refused_is_a_problem(client: TestClient, tokens: Tokens) -> None:
    answer = client.get("/v1/events?since=yesterday", headers=tokens("operations"))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


def test_whoever_s_day_is_planned_again_hears_of_it(live_server: LiveServer, people: People) -> None:
    """From an absence to the stream: the notices are written by the plan's publication."""
    with ExitStack() as streams:
        heard = {
            name: streams.enter_context(Listener(live_server.url, people.token(name), after(0)))
            for name in ("aud-01", "aud-02")
        }
        with engine_of(people.database) as engine:
            two = (auditor("aud-01"), auditor("aud-02"))
            load(engine, instance(Day(policy=policy(), auditors=two, items=(sample("s1", reviews=1),))))
            planned(engine, WORK_DATE)
            ((holder,),) = rows_of(engine, "select auditor from slot where kind = 'work'")
            other = next(name for name in heard if name != holder)
            before = datetime.fromtimestamp(NINE - 3600, UTC)
            mark_absent(engine, Actor("operations", "olga"), holder, WORK_DATE, before)
            planned(engine, WORK_DATE, before)
        assert heard[holder].next().data["kind"] == "shift-absent"
        told = heard[other].next()
        assert told.data["kind"] == "day-replanned"
        assert "1 review added" in told.data["sentence"]
        assert holder not in json.dumps(told.data)
