"""The demo day: a Live QA group for Indonesia, sixteen people, one Monday.

Sixteen pseudonymous people in two teams audit moderation in Bahasa Indonesia and some English for Indonesia,
Singapore and Malaysia. One is in the first week, one has come back and is in the second, one works part
time. There is as much work as their shifts could hold at the very best, and last week was a hard one for
many of them, so some of it has to be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from allocator.instance import AUDITORS, Instance
from allocator.scenarios.chance import streams
from allocator.scenarios.generate import day, sound_policy
from allocator.scenarios.past import days_worked, exposure_before, last_ends
from allocator.scenarios.people import instant
from allocator.scenarios.supply import supplies
from allocator.scenarios.work import Aim, Calibration, calibrations, draft, finished, make_desks, set_dials

DEMO_DATE = date(2026, 11, 23)
SEED = 7
ITEMS = 1_600
ESCALATIONS = 40
WORK_RATIO, SEVERE_RATIO, DOSE_RATIO = 1.0, 0.95, 0.98
"""Supply over demand."""
CLEARANCE = "child-safety"
BOTH = ("id", "en")
NEIGHBOURS = ("ID", "SG", "MY")
# Market, language, share of items.
DESKS: tuple[tuple[str, str, float], ...] = (
    ("ID", "id", 0.86),
    ("ID", "en", 0.05),
    ("SG", "en", 0.05),
    ("MY", "en", 0.04),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is who in the demo. The shift starts at `start` local time and lasts `hours`."""

    team: str
    start: str
    hours: float = 8
    timezone: str = "Asia/Jakarta"
    languages: tuple[str, ...] = BOTH
    markets: tuple[str, ...] = ("ID",)
    cleared: bool = False
    opt_outs: tuple[str, ...] = ()
    max_severity: int = 4
    exposure_percent: int = 100


EARLY, LATE = "live-qa-id-early", "live-qa-id-late"
PEOPLE: tuple[Person, ...] = (
    Person(EARLY, "06:00", cleared=True),
    Person(EARLY, "06:00", markets=NEIGHBOURS),
    Person(EARLY, "06:30", cleared=True),
    Person(EARLY, "07:00", hours=9, cleared=True, markets=NEIGHBOURS),
    Person(EARLY, "07:00", languages=("id",), cleared=True),
    Person(EARLY, "07:00", timezone="Asia/Makassar", cleared=True, opt_outs=("animal-harm",)),
    Person(EARLY, "08:00", max_severity=2, exposure_percent=25),  # first week
    Person(EARLY, "09:00", hours=5, cleared=True),  # part time
    Person(LATE, "12:00", cleared=True, markets=NEIGHBOURS),
    Person(LATE, "12:30", cleared=True),
    Person(LATE, "13:00", languages=("id",)),
    Person(LATE, "13:00", hours=9, cleared=True, markets=("ID", "SG")),
    Person(LATE, "13:30", opt_outs=("self-harm",), markets=NEIGHBOURS),
    Person(LATE, "14:00", timezone="Asia/Makassar", cleared=True),
    Person(LATE, "14:00", cleared=True, exposure_percent=50),  # second week after a return
    Person(LATE, "14:00", max_severity=3, markets=("ID", "MY")),
)
CALIBRATION_ITEMS = 3
"""Each wanted from everybody, and from one more who is off that day."""


def demo_day(policy_document: dict[str, Any], work_date: date = DEMO_DATE) -> Instance:
    """The demo day on a work date; the same policy and date give the same day."""
    policy = sound_policy(policy_document)
    before, what, rest = streams(SEED, work_date.toordinal(), count=3)
    auditors = _auditors(work_date)
    worked = days_worked(before, auditors["exposure_percent"].to_numpy(), work_date)
    last_end = last_ends(before, auditors["shift_start"].to_numpy(), auditors["shift_end"].to_numpy(), worked)
    auditors = auditors.with_columns(last_end).select(
        pl.col(name).cast(kind) for name, kind in AUDITORS.items()
    )
    history = exposure_before(before, auditors, worked, policy, work_date)
    capacity, severe, dose = supplies(auditors, history, policy, work_date)
    everybody = (*auditors["id"], f"aud-{len(PEOPLE) + 1:02d}")
    sets = [Calibration("ID", "id", everybody)] * CALIBRATION_ITEMS
    together = calibrations(rest, sets, policy)
    places = make_desks(
        [market for market, _, _ in DESKS],
        [language for _, language, _ in DESKS],
        [share for _, _, share in DESKS],
        [_able(market, language) for market, language, _ in DESKS],
    )
    items = draft(what, places, policy, ITEMS - len(together), ESCALATIONS)
    aim = Aim(
        work=float(capacity.sum()) / WORK_RATIO - float((together["seconds"] * together["reviews"]).sum()),
        severe=float(severe.sum()) / SEVERE_RATIO,
        dose=float(dose.sum()) / DOSE_RATIO,
    )
    dials = set_dials(items, policy, aim)
    frame = finished(rest, items, dials, places, auditors, policy, together, work_date)
    name = f"live-qa-indonesia-{work_date}"
    return day(name, work_date, policy, policy_document, auditors, frame, history)


def _auditors(work_date: date) -> pl.DataFrame:
    """The people as rows (`AUDITORS` without `last_end`)."""
    rows = []
    for number, person in enumerate(PEOPLE, start=1):
        hour, minute = person.start.split(":")
        start = instant(work_date, 60 * int(hour) + int(minute), person.timezone)
        rows.append(
            {
                "id": f"aud-{number:02d}",
                "team": person.team,
                "home_market": "ID",
                "timezone": person.timezone,
                "languages": list(person.languages),
                "markets": list(person.markets),
                "clearances": [CLEARANCE] if person.cleared else [],
                "opt_outs": list(person.opt_outs),
                "max_severity": person.max_severity,
                "exposure_percent": person.exposure_percent,
                "shift_start": start,
                "shift_end": start + round(3600 * person.hours),
            }
        )
    return pl.DataFrame(rows, schema={name: kind for name, kind in AUDITORS.items() if name != "last_end"})


def _able(market: str, language: str) -> list[int]:
    """Row numbers of the people who speak the language and may review the market."""
    return [
        row for row, person in enumerate(PEOPLE) if language in person.languages and market in person.markets
    ]
