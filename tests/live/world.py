"""A small random world to live through: a policy whose limits bind, a few people, two work dates with work.

Shifts last an hour to three and lie within a few hours of each other, in zones far apart; amounts are drawn
so that a day's work comes near them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from allocator.instance import Instance
from allocator.rules.policy import Dose, Edge, Limit, LimitMeasure, Policy, ResetBy, Stretch
from tests.days.build import Day, Row, instance

DATES = (date(2026, 11, 23), date(2026, 10, 24), date(2026, 10, 31), date(2027, 3, 27), date(2028, 2, 28))
"""First of two work dates: an ordinary one, eves of clock changes in Europe and in America, of a leap day."""
ZONES = (
    "Asia/Jakarta",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/St_Johns",
    "Pacific/Honolulu",
    "UTC",
)
"""It is the same date in all of them at 13 o'clock UTC."""
CATEGORIES = ("adult", "violence", "self-harm")
LANGUAGES = ("en", "id")
MARKETS = ("ID", "US")
TEAMS = ("t1", "t2")
OPENS = 13
"""Hour, UTC, at which the first shifts of a work date may begin."""


@dataclass(frozen=True, slots=True)
class World:
    """`days` are the two instances to load, `begins` an instant before the first shift."""

    policy: Policy
    people: tuple[str, ...]
    days: tuple[Instance, Instance]
    begins: datetime

    def opens(self, place: int) -> int:
        """When the first shift of a work date begins, in seconds since 1970."""
        starts: list[int] = self.days[place].auditors["shift_start"].to_list()
        return min(starts)


def random_world(rng: Random) -> World:
    """The same for the same generator."""
    first = rng.choice(DATES)
    people = tuple(f"aud-{n}" for n in range(1, rng.randint(4, 6) + 1))
    policy = _policy(rng, people)
    zones = {name: rng.choice(ZONES) for name in people}
    rows = [_person(rng, name, zones[name]) for name in people]
    dates = (first, first + timedelta(days=1))
    # History comes with the second date too, as another tool might know of it: of dates before the first.
    days = [_day(rng, policy, rows, first, on, n) for n, on in enumerate(dates)]
    begins = datetime(first.year, first.month, first.day, OPENS, tzinfo=UTC) - timedelta(minutes=40)
    return World(policy, people, (days[0], days[1]), begins)


def _policy(rng: Random, people: tuple[str, ...]) -> Policy:
    scopes = ("org", "org", "org", f"team:{rng.choice(TEAMS)}", f"market:{rng.choice(MARKETS)}",
              f"auditor:{rng.choice(people)}")  # fmt: skip
    limits = [_limit(rng, f"limit-{n}", rng.choice(scopes)) for n in range(rng.randint(2, 4))]
    stretches = [
        Stretch("screen", measure="span", amount=rng.choice((1500, 2400, 3000)), rest=rng.choice((120, 300))),
        Stretch(
            "severe",
            min_severity=3,
            measure=rng.choice(("seconds", "items")),
            amount=0,
            rest=rng.choice((300, 600)),
            reset_by=ResetBy(1, 120) if rng.random() < 0.4 else None,
        ),
    ]
    amount = {"seconds": rng.choice((500, 800)), "items": rng.choice((2, 3))}[stretches[1].measure]
    severe = Stretch(
        "severe",
        min_severity=3,
        measure=stretches[1].measure,
        amount=amount,
        rest=stretches[1].rest,
        reset_by=stretches[1].reset_by,
    )
    return Policy(
        severe_from=3,
        categories=CATEGORIES,
        dose=Dose((0, 1, 2, 5, 10), {"text": 5, "image": 10, "audio": 10, "video": 15, "live": 20}),
        clearances={"self-harm": "care"} if rng.random() < 0.5 else {},
        rest_between_shifts=rng.choice((0, 0, 28_800)),
        limits=tuple(limits),
        stretches=(stretches[0], severe) if rng.random() < 0.8 else (severe,),
        edges=(
            Edge("wind-down", min_severity=3, first=rng.choice((0, 300)), last=rng.choice((0, 600, 900))),
        ),
        escalation_weights={1: Fraction(1000), 2: Fraction(100), 3: Fraction(10), 4: Fraction(1)},
        coverage_bands=((Fraction(1, 2), Fraction(4)), (Fraction(1, 2), Fraction(1))),
    )


def _limit(rng: Random, key: str, scope: str) -> Limit:
    window = rng.choice((1, 1, 2, 3, 7))
    measures: tuple[LimitMeasure, ...] = ("seconds", "seconds", "items", "dose")
    measure = rng.choice(measures)
    severity = rng.choice((0, 2, 3))
    amounts = {"seconds": (600, 900, 1500, 2400), "items": (4, 6, 9, 14), "dose": (40, 70, 120, 250)}[measure]
    amount = rng.choice(amounts) * (1 if window == 1 else 2)
    return Limit(
        key,
        frozenset(rng.sample(CATEGORIES, rng.randint(1, 2))) if rng.random() < 0.35 else frozenset(),
        severity,
        scope=scope,
        measure=measure,
        window_days=window,
        amount=amount,
        ceiling=amount * 2 if rng.random() < 0.7 else None,
    )


def _person(rng: Random, name: str, zone: str) -> Row:
    return {
        "id": name,
        "team": rng.choice(TEAMS),
        "home_market": rng.choice(MARKETS),
        "timezone": zone,
        "languages": ["en", "id"] if rng.random() < 0.7 else [rng.choice(LANGUAGES)],
        "markets": ["*"] if rng.random() < 0.7 else [rng.choice(MARKETS)],
        "clearances": ["care"] if rng.random() < 0.7 else [],
        "opt_outs": [rng.choice(CATEGORIES)] if rng.random() < 0.15 else [],
        "max_severity": rng.choice((4, 4, 4, 3, 2)),
        "exposure_percent": rng.choice((100, 100, 100, 80, 50)),
    }


def _day(rng: Random, policy: Policy, people: list[Row], first: date, on: date, number: int) -> Instance:
    opens = int(datetime(on.year, on.month, on.day, OPENS, tzinfo=UTC).timestamp())
    rows = []
    for person in people:
        if number and rng.random() < 0.15:
            continue
        start = opens + rng.choice((0, 0, 600, 1800, 3600, 7200))
        # A shift belongs to the date on which it starts where its person lives.
        assert datetime.fromtimestamp(start, ZoneInfo(person["timezone"])).date() == on
        rows.append(
            person | {"shift_start": start, "shift_end": start + rng.choice((3600, 5400, 7200, 10_800))}
        )
    items = _items(rng, on, rng.randint(16, 26), rows, opens)
    history = _history(rng, [row["id"] for row in rows], first)
    return instance(
        Day(
            policy=policy,
            auditors=tuple(rows),
            items=tuple(items),
            history=tuple(history) if number == 0 else (),
            work_date=on,
            name=f"day-{number + 1}",
        )
    )


def random_content(rng: Random) -> Row:
    """What there is to see in an item, and for how long."""
    return {
        "market": rng.choice(MARKETS),
        "language": rng.choice(LANGUAGES),
        "category": rng.choice(CATEGORIES),
        "severity": rng.choice((0, 1, 1, 2, 3, 3, 4)),
        "modality": rng.choice(("text", "image", "video", "live")),
        "seconds": rng.choice((45, 90, 120, 180, 240, 400)),
    }


def _items(rng: Random, on: date, number: int, people: list[Row], opens: int) -> list[Row]:
    draws: dict[tuple[object, ...], int] = {}
    names = [row["id"] for row in people]
    rows = []
    for n in range(number):
        row: Row = {"id": f"{on:%d}-{n:02}"} | random_content(rng)
        row["kind"] = rng.choices(("sample", "escalation", "calibration"), (7, 3, 1))[0]
        if row["kind"] == "sample":
            group = (row["market"], row["language"], row["category"], row["severity"])
            row["draw"] = draws[group] = draws.get(group, 0) + 1
            row["reviews"] = rng.choice((1, 1, 1, 2))
        if row["kind"] == "escalation":
            row["priority"] = rng.randint(1, 4)
            row["reviews"] = rng.choice((1, 1, 1, 2))
            if rng.random() < 0.4:
                row["release"] = opens + rng.randint(0, 3600)
            if rng.random() < 0.6:
                row["due"] = row.get("release", opens) + rng.randint(1200, 9000)
        if row["kind"] == "calibration" and rng.random() < 0.7:
            row["only"] = rng.sample(names, rng.randint(1, min(3, len(names))))
        if rng.random() < 0.1:
            row["excluded"] = [rng.choice(names)]
        rows.append(row)
    return rows


def history_rows(rng: Random, names: list[str], days: list[date], most: int) -> list[Row]:
    """Exposure from elsewhere on these dates; a few long ones."""
    rows = []
    for name in names:
        for on in days:
            if rng.random() < 0.3:
                content = random_content(rng)
                rows.append(
                    {
                        "auditor": name,
                        "work_date": on,
                        "category": content["category"],
                        "severity": content["severity"],
                        "modality": content["modality"],
                        "seconds": rng.randint(0, most),
                        "items": rng.randint(0, 4),
                    }
                )
    return rows


def _history(rng: Random, names: list[str], first: date) -> list[Row]:
    return history_rows(rng, names, [first - timedelta(days=ago) for ago in range(1, 8)], 700)
