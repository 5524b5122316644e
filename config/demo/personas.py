"""What each persona does on the demo's day, over HTTP, told in sentences made of what the server answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from config.demo.processes import DemoFailed

AUDITOR = "aud-01"
TEAM = "live-qa-id-early"
WHO = (
    ("auditor", "auditor", AUDITOR),
    ("lead", "lead", "early-lead"),
    ("wellbeing", "wellbeing", "wellbeing-desk"),
    ("upstream", "upstream", "trust-and-safety-desk"),
    ("operations", "operations", "control-room"),
)
"""Persona's name in the tour, persona, subject."""
ESCALATION = {
    "id": "case-4711",
    "market": "ID",
    "language": "id",
    "category": "violence",
    "severity": 3,
    "modality": "video",
    "seconds": 240,
    "priority": 1,
}
PURPOSE = "Weekly look at who comes near a limit"


@dataclass(frozen=True, slots=True)
class Personas:
    """A token for each persona, by its name."""

    tokens: dict[str, str]

    @classmethod
    def issue(cls, token_issue: Callable[..., str]) -> Personas:
        """`token_issue` runs `breakwater token issue` with these arguments and gives what it printed."""
        tokens = {}
        for name, persona, subject in WHO:
            team = ["--team", TEAM] if persona == "lead" else []
            tokens[name] = token_issue("--persona", persona, "--subject", subject, *team).split()[-1]
        return cls(tokens)

    def get(
        self, client: httpx.Client, who: str, path: str, expected: int = httpx.codes.OK, **headers: str
    ) -> httpx.Response:
        return self.ask(client, who, "GET", path, expected, None, headers)

    def post(
        self,
        client: httpx.Client,
        who: str,
        path: str,
        expected: int = httpx.codes.OK,
        body: dict[str, Any] | None = None,
        **headers: str,
    ) -> httpx.Response:
        return self.ask(client, who, "POST", path, expected, body, headers)

    def ask(
        self,
        client: httpx.Client,
        who: str,
        method: str,
        path: str,
        expected: int,
        body: dict[str, Any] | None,
        headers: dict[str, str],
    ) -> httpx.Response:
        """One request as this persona. Raises DemoFailed for any other answer than the expected."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        said["Authorization"] = f"Bearer {self.tokens[who]}"
        answer = client.request(method, path, json=body, headers=said)
        if answer.status_code != expected:
            raise DemoFailed(f"{who}: {method} {path} was answered with {answer.status_code}: {answer.text}")
        return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for in the evening before: the day's plan, and an escalation that is to be in it."""

    work_date: date
    plan: int
    escalation: str


@dataclass(frozen=True, slots=True)
class Begun:
    """`story`: each persona and what it did."""

    story: list[tuple[str, str]]
    queue_items: int


def evening_before(client: httpx.Client, personas: Personas, work_date: date) -> Asked:
    """An upstream tool submits an escalation, twice for safety; operations ask for the day's plan."""
    for _ in range(2):
        accepted = personas.post(
            client, "upstream", "/v1/escalations", httpx.codes.ACCEPTED, ESCALATION, Idempotency_Key="demo-1"
        ).json()
    asked = personas.post(
        client, "operations", "/v1/plans", httpx.codes.ACCEPTED, {"work_date": work_date.isoformat()}
    ).json()
    return Asked(work_date, asked["plan"], accepted["id"])


def morning(client: httpx.Client, personas: Personas, asked: Asked) -> Begun:
    """The day begins: everybody looks at it, and the auditor works."""
    day = asked.work_date.isoformat()
    before = personas.get(client, "auditor", f"/v1/me/queue?date={day}")
    queue = before.json()
    reviews = [slot for slot in queue["slots"] if slot["kind"] == "work"]
    return Begun(
        story=[
            ("Operations", operations(client, personas, asked)),
            ("Upstream", upstream(client, personas, asked)),
            ("Auditor", auditor(client, personas, queue, before.headers["ETag"])),
            ("Lead", lead(client, personas, day)),
            ("Wellbeing", wellbeing(client, personas, day)),
        ],
        queue_items=len(reviews),
    )


def operations(client: httpx.Client, personas: Personas, asked: Asked) -> str:
    plan = personas.get(client, "operations", f"/v1/plans/{asked.plan}").json()
    counts = plan["counts"]
    return (
        f"GET /v1/plans/{asked.plan}: version {plan['version']} is published, "
        f"{counts['reviews_planned']} of {counts['reviews_wanted']} reviews are planned."
    )


def upstream(client: httpx.Client, personas: Personas, asked: Asked) -> str:
    found = personas.get(client, "upstream", f"/v1/escalations/{asked.escalation}").json()
    return f"GET /v1/escalations/{asked.escalation}: submitted twice, accepted once, now {found['state']}."


def auditor(client: httpx.Client, personas: Personas, queue: dict[str, Any], tag: str) -> str:
    """The first planned thing of the day is done, and the next one begun; the counters follow."""
    day, zone = queue["work_date"], ZoneInfo(queue["timezone"])
    personas.get(client, "auditor", f"/v1/me/queue?date={day}", httpx.codes.NOT_MODIFIED, If_None_Match=tag)
    reviews = [slot for slot in queue["slots"] if slot["kind"] == "work"]
    breaks = [slot for slot in queue["slots"] if slot["kind"] == "break"]
    first = reviews[0]
    personas.post(client, "auditor", f"/v1/me/slots/{first['slot']}/start")
    seconds = first["review"]["expected_seconds"] + 20
    personas.post(client, "auditor", f"/v1/me/slots/{first['slot']}/heartbeat")
    personas.post(client, "auditor", f"/v1/me/slots/{first['slot']}/pause")
    personas.post(client, "auditor", f"/v1/me/slots/{first['slot']}/resume")
    personas.post(
        client,
        "auditor",
        f"/v1/me/slots/{first['slot']}/complete",
        httpx.codes.OK,
        {"seconds": seconds, "outcome": {"decision": "agree"}},
    )
    personas.post(client, "auditor", f"/v1/me/slots/{reviews[1]['slot']}/skip")
    after = personas.get(client, "auditor", f"/v1/me/queue?date={day}").json()
    starts = datetime.fromisoformat(first["planned_start"]).astimezone(zone)
    return (
        f"GET /v1/me/queue: {len(reviews)} reviews and {len(breaks)} breaks from {starts:%H:%M}; 304 while "
        "nothing has changed. One review is done after a pause, one is skipped, no reason asked. "
        f"{after['limits'][0]['sentence']}"
    )


def lead(client: httpx.Client, personas: Personas, day: str) -> str:
    personas.get(client, "lead", f"/v1/coverage?date={day}")
    lowered = personas.post(
        client, "lead", "/v1/limits/severe-day/lower", httpx.codes.OK, {"amount": 6600, "team": TEAM}
    ).json()
    proposed = personas.post(
        client,
        "lead",
        f"/v1/limits/{lowered['key']}/proposals",
        httpx.codes.CREATED,
        {"amount": 7200, "reason": "The week of the lower limit is over"},
    ).json()
    return (
        f"GET /v1/coverage; severe work is lowered to 110 minutes a day for {TEAM}, at once; raising it back "
        f"is proposal {proposed['proposal']}, for somebody else to approve."
    )


def wellbeing(client: httpx.Client, personas: Personas, day: str) -> str:
    waiting = personas.get(client, "wellbeing", "/v1/proposals").json()["proposals"]
    for proposal in waiting:
        personas.post(client, "wellbeing", f"/v1/proposals/{proposal['proposal']}/approve")
    personas.get(client, "wellbeing", f"/v1/exposure?from={day}&to={day}", Breakwater_Purpose=PURPOSE)
    return (
        f"{len(waiting)} proposal approved; GET /v1/exposure with a purpose, which goes on record with the "
        "reading."
    )
