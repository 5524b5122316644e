"""The people of a generated day: who speaks what, sits where, may take what, and when the shift is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from allocator.rules.policy import Policy
from allocator.scenarios.chance import Bools, Ints, chosen, dealt, whole_shares
from allocator.scenarios.places import LANGUAGES, ZONES

TEAM = 12
"""People in a full team; a market's teams hold about as many."""
ZIPF = 1.1
"""How fast pools shrink with rank, after one platform's published figures."""

# Kinds of shift: share of people, earliest and latest local start in hours, lengths in minutes.
SHIFTS: tuple[tuple[float, float, float, tuple[int, ...]], ...] = (
    (0.46, 6, 9.5, (480, 480, 480, 540)),  # early
    (0.28, 12.5, 15.5, (480, 480, 480, 540)),  # late
    (0.12, 20.5, 23, (480, 480, 540)),  # night, over midnight
    (0.14, 8, 14, (240, 300, 360)),  # part-time
)
SPEAKS_ENGLISH = 0.85
TAKES_ENGLISH_MARKETS = 0.10
TAKES_EVERY_MARKET = 0.04
TAKES_SISTER_MARKET = 0.6
CLEARED = 0.6
OPTED_OUT = 0.10
MAX_SEVERITY = ((4, 0.82), (3, 0.08), (2, 0.07), (1, 0.03))
EXPOSURE_PERCENT = ((100, 0.86), (75, 0.05), (50, 0.05), (25, 0.04))


@dataclass(frozen=True, slots=True)
class Pools:
    """How many people a day has, how many languages, how many markets one language has at most, and the
    smallest and largest size of its `tail` scarcest pools."""

    people: int
    languages: int
    markets: int
    tail: int
    smallest: int
    largest: int


def people(rng: np.random.Generator, pools: Pools, policy: Policy, work_date: date) -> pl.DataFrame:
    """The auditors (`AUDITORS` without `last_end`). The first language of each is the one of the pool."""
    names = _languages(pools)
    sizes = _sizes(rng, pools)
    language, market, team = _seats(rng, names, sizes, pools.markets)
    count = len(language)
    spot = rng.random(count)
    zone = [ZONES[m][int(u * len(ZONES[m]))] for m, u in zip(market, spot, strict=True)]
    start, length = _shifts(rng, zone, work_date)
    languages, markets = _skills(rng, names, language, market, pools.markets)
    clearances = sorted(set(policy.clearances.values()))
    cleared = {name: _cleared(rng, language) for name in clearances}
    categories = policy.categories or tuple(policy.clearances)
    opted = chosen(rng, OPTED_OUT, count)
    shunned = rng.integers(0, max(1, len(categories)), (count, 2))
    more = rng.random(count) < 0.2
    opt_outs = [
        sorted({categories[k] for k in pair[: 2 if two else 1]}) if out and categories else []
        for out, two, pair in zip(opted, more, shunned, strict=True)
    ]
    return pl.DataFrame(
        {
            "id": auditor_ids(np.arange(1, count + 1), count),
            "team": team,
            "home_market": market,
            "timezone": zone,
            "languages": pl.Series(languages, dtype=pl.List(pl.String)),
            "markets": pl.Series(markets, dtype=pl.List(pl.String)),
            "clearances": pl.Series(
                [[name for name in clearances if cleared[name][a]] for a in range(count)],
                dtype=pl.List(pl.String),
            ),
            "opt_outs": pl.Series(opt_outs, dtype=pl.List(pl.String)),
            "max_severity": _dealt_values(rng, MAX_SEVERITY, count),
            "exposure_percent": _dealt_values(rng, EXPOSURE_PERCENT, count),
            "shift_start": start,
            "shift_end": start + length,
        }
    )


def auditor_ids(numbers: Ints, people: int) -> list[str]:
    """Pseudonymous ids; numbers above `people` are members of a team who are off shift that day."""
    width = len(str(people * 2))
    return [f"aud-{number:0{width}d}" for number in numbers]


def instant(work_date: date, minutes: int, zone: str) -> int:
    """Seconds since 1970 of a local time, given in minutes after midnight, on a work date."""
    local = datetime.combine(work_date, time(0), ZoneInfo(zone)) + timedelta(minutes=minutes)
    return int(local.timestamp())


def _languages(pools: Pools) -> list[tuple[str, tuple[str, ...]]]:
    """The largest languages and, as the tail, the scarcest of the table."""
    head = LANGUAGES[: pools.languages - pools.tail]
    return [*head, *LANGUAGES[len(LANGUAGES) - pools.tail :]]


def _sizes(rng: np.random.Generator, pools: Pools) -> Ints:
    """People for each language: the tail within its bounds, the rest by rank, none below the tail's bound."""
    tail = np.sort(rng.integers(pools.smallest, pools.largest + 1, pools.tail))[::-1]
    heads = pools.languages - pools.tail
    floor = pools.largest
    spare = pools.people - int(tail.sum()) - floor * heads
    rank = np.arange(1, heads + 1, dtype=np.float64)
    return np.concatenate([floor + whole_shares(rank**-ZIPF, spare), tail]).astype(np.int64)


def _seats(
    rng: np.random.Generator, names: list[tuple[str, tuple[str, ...]]], sizes: Ints, most: int
) -> tuple[list[str], list[str], list[str]]:
    """Language, home market and team of each person, team after team."""
    language: list[str] = []
    market: list[str] = []
    team: list[str] = []
    for (name, places), size in zip(names, sizes, strict=True):
        used = places[: max(1, min(most, int(size) // 3))]
        shares = np.arange(len(used), 0, -1) * rng.uniform(0.8, 1.25, len(used))
        for place, seats in zip(used, whole_shares(shares, int(size)), strict=True):
            teams = max(1, round(int(seats) / TEAM))
            team += sorted(f"{place.lower()}-{name.lower()}-{1 + seat % teams}" for seat in range(seats))
            language += [name] * int(seats)
            market += [place] * int(seats)
    return language, market, team


def _skills(
    rng: np.random.Generator,
    names: list[tuple[str, tuple[str, ...]]],
    language: list[str],
    market: list[str],
    most: int,
) -> tuple[list[list[str]], list[list[str]]]:
    """Languages and markets of each person: the own ones first, English for most, sister markets for some."""
    sisters = {name: places[:most] for name, places in names}
    count = len(language)
    english = rng.random(count) < SPEAKS_ENGLISH
    abroad = rng.random(count) < TAKES_ENGLISH_MARKETS
    everywhere = rng.random(count) < TAKES_EVERY_MARKET
    sister = rng.random((count, most)) < TAKES_SISTER_MARKET
    languages: list[list[str]] = []
    markets: list[list[str]] = []
    for a, (name, home) in enumerate(zip(language, market, strict=True)):
        speaks = [name] if name == "en" or not english[a] else [name, "en"]
        takes = [home, *(m for m, yes in zip(sisters[name], sister[a], strict=False) if yes and m != home)]
        if len(speaks) == 2 and abroad[a] and "en" in sisters:
            takes += [m for m in sisters["en"][:2] if m not in takes]
        languages.append(speaks)
        markets.append(["*"] if everywhere[a] else takes)
    return languages, markets


def _cleared(rng: np.random.Generator, language: list[str]) -> Bools:
    """Who holds a clearance: a fixed share of all, and at least one person of each language."""
    held = chosen(rng, CLEARED, len(language))
    first = {name: place for place, name in reversed(list(enumerate(language)))}
    have = {name for name, yes in zip(language, held, strict=True) if yes}
    for name, place in first.items():
        held[place] = held[place] or name not in have
    return held


def _shifts(rng: np.random.Generator, zone: list[str], work_date: date) -> tuple[Ints, Ints]:
    """Start (seconds since 1970) and length (seconds) of each shift; starts lie on quarter hours."""
    kind = dealt(rng, [share for share, *_ in SHIFTS], len(zone))
    spread = rng.random(len(zone))
    pick = rng.random(len(zone))
    start = np.empty(len(zone), dtype=np.int64)
    length = np.empty(len(zone), dtype=np.int64)
    known: dict[tuple[str, int], int] = {}
    for a, (k, name) in enumerate(zip(kind, zone, strict=True)):
        _, earliest, latest, lengths = SHIFTS[k]
        minutes = 15 * round(4 * (earliest + spread[a] * (latest - earliest)))
        if (name, minutes) not in known:
            known[name, minutes] = instant(work_date, minutes, name)
        start[a] = known[name, minutes]
        length[a] = 60 * lengths[int(pick[a] * len(lengths))]
    return start, length


def _dealt_values(rng: np.random.Generator, table: tuple[tuple[int, float], ...], count: int) -> Ints:
    values = np.array([value for value, _ in table], dtype=np.int64)
    return values[dealt(rng, [share for _, share in table], count)]
