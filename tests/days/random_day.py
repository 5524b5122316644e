"""A random day under a random policy: every table, every optional field, every clock the rule book allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from allocator.instance import Instance
from allocator.rules.policy import MODALITIES, Policy
from tests.days.build import Day, Row, instance
from tests.days.random_policy import random_policy

PLACES = (
    (date(2026, 11, 23), ("Asia/Jakarta", "Asia/Kolkata", "UTC")),
    (date(2026, 3, 29), ("Europe/Berlin", "Europe/Lisbon")),
    (date(2026, 10, 25), ("Europe/Berlin", "UTC")),
    (date(2026, 11, 1), ("America/New_York", "America/Los_Angeles")),
    (date(2026, 3, 8), ("America/New_York", "America/Denver")),
    (date(2026, 4, 5), ("Australia/Lord_Howe", "Australia/Sydney")),
    (date(2028, 2, 29), ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC")),
)
"""A work date with time zones: three ordinary mixes and the days on which clocks jump."""
CATEGORIES = ("adult", "hate", "self-harm", "violence", "child-safety")
MARKETS = ("ID", "US", "DE")
LANGUAGES = ("en", "id", "pt", "pt-BR")
TEAMS = ("t1", "t2")


@dataclass(frozen=True, slots=True)
class _World:
    rng: Random
    work_date: date
    zones: tuple[str, ...]
    policy: Policy
    markets: tuple[str, ...]
    languages: tuple[str, ...]
    categories: tuple[str, ...]


def random_day(
    seed: int,
    *,
    auditors: tuple[int, int] = (1, 10),
    items: tuple[int, int] = (0, 60),
    replan: bool | None = None,
) -> Instance:
    """A valid day, the same for the same arguments. `auditors` and `items` are ranges of how many; `replan`
    says whether `now` and fixed slots are given (None: for every third day)."""
    return instance(random_rows(seed, auditors=auditors, items=items, replan=replan))


def random_rows(
    seed: int,
    *,
    auditors: tuple[int, int] = (1, 10),
    items: tuple[int, int] = (0, 60),
    replan: bool | None = None,
) -> Day:
    """The day that `random_day` puts into memory, as rows."""
    rng = Random(seed)
    work_date, zones = rng.choice(PLACES)
    names = [f"aud-{n:03}" for n in range(rng.randint(*auditors))]
    categories = CATEGORIES[: rng.randint(1, len(CATEGORIES))]
    scopes = [f"market:{m}" for m in MARKETS] + [f"team:{t}" for t in TEAMS] + [f"auditor:{a}" for a in names]
    policy = random_policy(rng, categories=categories, scopes=scopes)
    markets, languages = MARKETS[: rng.randint(1, 3)], LANGUAGES[: rng.randint(1, 4)]
    world = _World(rng, work_date, zones, policy, markets, languages, categories)
    people = [_auditor(world, name) for name in names]
    work = _items(world, rng.randint(*items), people)
    now = None
    fixed: list[Row] = []
    if people and (replan if replan is not None else rng.random() < 1 / 3):
        now = _now(rng, people)
        fixed = _fixed(world, people, work, now)
    history = _history(world, names) if rng.random() < 0.7 else []
    return Day(
        policy=policy,
        auditors=tuple(people),
        items=tuple(work),
        history=tuple(history),
        fixed=tuple(fixed),
        now=now,
        work_date=work_date,
        name=f"random-{seed}",
    )


def _some(rng: Random, values: tuple[str, ...]) -> list[str]:
    return rng.sample(list(values), rng.randint(1, len(values)))


def _auditor(world: _World, name: str) -> Row:
    rng = world.rng
    zone = rng.choice(world.zones)
    hour = rng.choice((0, 1, 2, 3, 6, 8, 9, 9, 10, 14, 22, 23))
    wall = time(hour, rng.choice((0, 0, 15, 30, 59)), rng.choice((0, 0, 0, 1, 59)))
    start = int(datetime.combine(world.work_date, wall, ZoneInfo(zone)).timestamp())
    length = rng.choice((1, 59, 1200, 3600, 7200, 14_400, 14_401, 28_800, 28_800, 57_600))
    row: Row = {
        "id": name,
        "team": rng.choice(TEAMS),
        "home_market": rng.choice(MARKETS),
        "timezone": zone,
        "languages": _some(rng, world.languages),
        "markets": ["*"] if rng.random() < 0.4 else _some(rng, world.markets),
        "clearances": [c for c in world.policy.clearances.values() if rng.random() < 0.6],
        "shift_start": start,
        "shift_end": start + length,
    }
    if rng.random() < 0.25:
        row["opt_outs"] = _some(rng, world.categories)
    if rng.random() < 0.25:
        row["max_severity"] = rng.randint(0, 4)
    if rng.random() < 0.4:
        row["exposure_percent"] = rng.choice((1, 25, 33, 50, 75, 99, 100))
    if rng.random() < 0.5:
        row["last_end"] = start - rng.choice((0, 1, 3600, 27_000, 39_599, 39_600, 50_000))
    return row


def _items(world: _World, number: int, people: list[Row]) -> list[Row]:
    rng = world.rng
    begin = min((row["shift_start"] for row in people), default=1_795_424_400)
    end = max((row["shift_end"] for row in people), default=begin + 3600)
    names = [row["id"] for row in people] + ["someone-else"]
    scale = rng.choice((20, 120, 120, 400, 1500))
    draws: dict[tuple[object, ...], list[int]] = {}
    rows = [_item(world, f"it-{n:04}", begin, end, names, scale) for n in range(number)]
    for row in rows:
        if row["kind"] != "sample":
            continue
        group: tuple[object, ...] = (row["market"], row["language"], row["category"], row.get("severity", 4))
        if rng.random() < 0.15:
            row["stratum"] = "own/" + "/".join(map(str, group))
            group = (*group, "own")
        taken = draws.setdefault(group, [])
        taken.append(rng.choice((1, 1, 1, 2, 40)) + (taken[-1] if taken else 0))
        row["draw"] = taken[-1]
    rng.shuffle(rows)
    return rows


def _item(world: _World, name: str, begin: int, end: int, names: list[str], scale: int) -> Row:
    rng = world.rng
    kind = rng.choices(("sample", "escalation", "calibration"), (7, 3, 1))[0]
    row: Row = {
        "id": name,
        "kind": kind,
        "market": rng.choice(world.markets),
        "language": rng.choice(world.languages),
        "category": rng.choice(world.categories),
        "severity": rng.choice((0, 0, 1, 1, 2, 2, 3, 4)),
        "modality": rng.choice(MODALITIES),
        "seconds": max(1, int(scale * rng.lognormvariate(0, 0.8))),
    }
    if rng.random() < 0.05:
        del row["severity"]
    if rng.random() < 0.2:
        row["reviews"] = rng.randint(1, 3)
    if kind == "escalation" and rng.random() < 0.9:
        row["priority"] = rng.randint(1, 4)
    if rng.random() < (0.5 if kind == "escalation" else 0.1):
        row["release"] = rng.randint(begin - 3600, end)
    if rng.random() < (0.7 if kind == "escalation" else 0.1):
        row["due"] = rng.randint(row.get("release", begin), end + 3600)
    if rng.random() < 0.15:
        row["excluded"] = rng.sample(names, rng.randint(1, min(3, len(names))))
    if kind == "calibration" and rng.random() < 0.7:
        row["only"] = rng.sample(names, rng.randint(1, len(names)))
    return row


def _now(rng: Random, people: list[Row]) -> int:
    begin: int = min(row["shift_start"] for row in people)
    end: int = max(row["shift_end"] for row in people)
    if rng.random() < 0.1:
        return rng.choice((begin - 3600, begin, end, end + 60))
    someone = rng.choice(people)
    return int(rng.randint(someone["shift_start"], max(someone["shift_start"], someone["shift_end"] - 1)))


def _fixed(world: _World, people: list[Row], work: list[Row], now: int) -> list[Row]:
    """What stands: reviews begun before `now` (one after another, now and then two at once, whether or not a
    rule would allow them today), breaks taken, meetings and breaks still to come."""
    rng = world.rng
    rows: list[Row] = []
    held: set[tuple[str, str]] = set()
    for person in people:
        if rng.random() < 0.3:
            continue
        clock, end = person["shift_start"], person["shift_end"]
        while work and clock < now and rng.random() < 0.85:
            item = rng.choice(work)
            if (person["id"], item["id"]) in held:
                break
            held.add((person["id"], item["id"]))
            took = max(1, int(item["seconds"] * rng.choice((0.5, 1, 1, 1.3))))
            rows.append(_slot(person, "work", clock, clock + took, item["id"]))
            clock += 0 if rng.random() < 0.03 else took
            if clock < now and rng.random() < 0.2:
                rest = rng.choice((60, 300, 900))
                rows.append(_slot(person, "break", clock, clock + rest))
                clock += rest
        if rng.random() < 0.4:
            start = rng.randint(now, max(now, end))
            rows.append(_slot(person, "busy", start, start + rng.choice((1, 600, 3600))))
        if rng.random() < 0.25:
            start = rng.randint(now, max(now, end))
            rows.append(_slot(person, "break", start, start + rng.choice((60, 600, 1800))))
    rng.shuffle(rows)
    return rows


def _slot(person: Row, kind: str, start: int, end: int, item: str | None = None) -> Row:
    return {"auditor": person["id"], "kind": kind, "item": item, "start": start, "end": end}


def _history(world: _World, names: list[str]) -> list[Row]:
    """Exposure of the last month, for some people more than any limit allows, for one who is not on shift."""
    rng = world.rng
    rows: list[Row] = []
    for name in [*names, "someone-else"]:
        heavy = rng.choice((0, 1, 1, 1, 10))
        for ago in range(1, 30):
            if heavy and rng.random() < rng.choice((0.1, 0.7)):
                rows.append(
                    {
                        "auditor": name,
                        "work_date": world.work_date - timedelta(days=ago),
                        "category": rng.choice(world.categories),
                        "severity": rng.randint(0, 4),
                        "modality": rng.choice(MODALITIES),
                        "seconds": rng.randint(0, 3600) * heavy,
                        "items": rng.randint(0, 12) * heavy,
                    }
                )
    return rows
