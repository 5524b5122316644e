"""The items of a generated day: what is sampled, escalated and used for calibration.

Every item keeps the random numbers that made it, and three dials turn them into a day: how much is severe,
how much is mild, and how long everything takes. The dials are set so that what the items ask for stands in
the wanted proportion to what the people can give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from allocator.instance import ITEMS
from allocator.rules.policy import MODALITIES, Policy
from allocator.scenarios.chance import Bools, Floats, Ints, chosen, dealt, drawn_from, whole_shares
from allocator.scenarios.material import (
    LIVE,
    MODALITY_BY_SEVERITY,
    category_names,
    category_shares,
    handling_seconds,
    severity_weights,
)

HOUR = 3600
DOUBLE = 0.09
"""Share of samples that two people review."""
EXCLUDED = 0.08
"""Share of samples that somebody of the pool may not take."""
RELEASED_TODAY = 0.02
"""Share of samples that become available during a shift and not before."""
IN_SHIFT = 0.85
"""Share of escalations raised while somebody of that market is at work; the others come at any hour."""
# Escalations: share, hours until due, priorities.
DUE: tuple[tuple[float, int, tuple[int, int]], ...] = (
    (0.10, 1, (1, 1)),
    (0.30, 4, (2, 2)),
    (0.60, 24, (3, 4)),
)
URGENT_BY_LAW = {"ID": ("child-safety", "extremism")}
"""Market to categories that must be removed within four hours there."""
URGENT_WITHIN, URGENT_PRIORITY = 4, 2
MORE_OFTEN_ESCALATED = {"child-safety": 1.6, "self-harm": 1.6, "violence": 1.5, "extremism": 12.0}
ESCALATED_SEVERE = 1.1
"""Added to the logarithm of the odds that an escalation is severe."""
HOME_ENGLISH = 0.08
"""Share of English in a market of another language."""
SAMPLE, ESCALATION, CALIBRATION = range(3)
KINDS = ("sample", "escalation", "calibration")
TURNS, HALVINGS = 4, 14
DIALLED_ON = 20_000
"""Items on which the first two dials are set; the third is set on all."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What all samples and escalations together are to ask for: work seconds, severe seconds, dose units."""

    work: float
    severe: float
    dose: float


@dataclass(frozen=True, slots=True)
class Desks:
    """Where work arises: one desk a market and language, `weight` its share of items. `members` holds the
    row numbers of the people of each desk, `first` and `size` where a desk's members lie in it."""

    market: tuple[str, ...]
    language: tuple[str, ...]
    weight: Floats
    members: Ints
    first: Ints
    size: Ints

    def somebody(self, rng: np.random.Generator, desk: Ints) -> Ints:
        """The row number of somebody of each desk asked for."""
        return np.asarray(self.members[self.first[desk] + rng.integers(0, self.size[desk])], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Draft:
    """Items as random numbers: category by share, `severity`, `modality` uniform, `z` normal."""

    desk: Ints
    kind: Ints
    category: Ints
    reviews: Ints
    severity: Floats
    modality: Floats
    z: Floats

    def head(self, count: int) -> Draft:
        parts = {name: getattr(self, name)[:count] for name in self.__slots__}
        return Draft(**parts)


@dataclass(frozen=True, slots=True)
class Dials:
    """Logarithms of odds: of severe against all other material, and of mild (above 0, not severe) against
    everyday material; and a factor of time."""

    severe: float = 0.0
    mild: float = 0.0
    time: float = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A set of items that a whole group reviews, to see whether they judge alike."""

    market: str
    language: str
    only: tuple[str, ...]


def desks(rng: np.random.Generator, auditors: pl.DataFrame, capacity: Ints) -> Desks:
    """Desks from where people sit, their work in rough proportion to the people: a pool may face between
    70 % and 130 % of what it can do."""
    seats = (
        auditors.select(pl.col("languages").list.first().alias("language"), "home_market")
        .with_columns(pl.Series("capacity", capacity), pl.int_range(pl.len(), dtype=pl.Int64).alias("person"))
        .group_by("language", "home_market", maintain_order=True)
        .agg(pl.col("capacity").sum(), "person")
    )
    busy = {name: rng.uniform(0.7, 1.3) for name in seats["language"].unique(maintain_order=True)}
    market: list[str] = []
    language: list[str] = []
    weight: list[float] = []
    people: list[list[int]] = []
    for name, home, able, persons in seats.iter_rows():
        asked = able * busy[name] * rng.uniform(0.85, 1.15)
        shares = [(name, 1.0)] if name == "en" else [(name, 1 - HOME_ENGLISH), ("en", HOME_ENGLISH)]
        for spoken, share in shares:
            market.append(home)
            language.append(spoken)
            weight.append(asked * share)
            people.append(persons)
    return make_desks(market, language, weight, people)


def make_desks(market: list[str], language: list[str], weight: list[float], people: list[list[int]]) -> Desks:
    size = np.array([len(persons) for persons in people], dtype=np.int64)
    return Desks(
        market=tuple(market),
        language=tuple(language),
        weight=np.array(weight) / sum(weight),
        members=np.concatenate([np.array(persons, dtype=np.int64) for persons in people]),
        first=np.cumsum(size) - size,
        size=size,
    )


def draft(rng: np.random.Generator, places: Desks, policy: Policy, count: int, escalations: int) -> Draft:
    """`count` samples and escalations in random order."""
    names = category_names(policy)
    kind = rng.permutation(np.repeat([ESCALATION, SAMPLE], [escalations, count - escalations])).astype(
        np.int64
    )
    desk = rng.permutation(np.repeat(np.arange(len(places.weight)), whole_shares(places.weight, count)))
    shares = category_shares(names)
    raised = shares * np.array([MORE_OFTEN_ESCALATED.get(name, 1.0) for name in names])
    cumulative = np.cumsum(np.stack([shares, raised, shares]), axis=1)
    double = np.zeros(count, dtype=bool)
    double[kind == SAMPLE] = chosen(rng, DOUBLE, count - escalations)
    return Draft(
        desk=desk.astype(np.int64),
        kind=kind,
        category=drawn_from(cumulative[kind], rng.random(count)),
        reviews=np.where(double, 2, 1).astype(np.int64),
        severity=rng.random(count),
        modality=rng.random(count),
        z=rng.standard_normal(count),
    )


def dialled(items: Draft, dials: Dials, policy: Policy) -> tuple[Ints, Ints, Floats]:
    """Severity, modality and seconds (before rounding) of each item under the dials."""
    names = category_names(policy)
    severe = np.arange(5) >= policy.severe_from
    mild = ~severe & (np.arange(5) > 0)
    base = severity_weights(names)
    rest = np.where(severe, 0.0, base * np.exp(dials.mild * mild))
    usual_rest = np.where(severe, 0.0, base).sum(axis=1, keepdims=True)
    rest *= usual_rest / np.maximum(rest.sum(axis=1, keepdims=True), 1e-9)
    usual = np.where(severe, base * np.exp(dials.severe), rest)
    raised = usual * np.exp(ESCALATED_SEVERE * severe)
    cumulative = np.cumsum(np.stack([usual, raised, usual]), axis=2)
    severity = drawn_from(cumulative[items.kind, items.category], items.severity)
    modality = drawn_from(np.cumsum(MODALITY_BY_SEVERITY, axis=1)[severity], items.modality)
    seconds = handling_seconds(names, items.category, severity, modality, items.z, dials.time)
    return severity, modality, seconds


def set_dials(items: Draft, policy: Policy, aim: Aim) -> Dials:
    """The dials at which the items ask for what is aimed at, as nearly as the material allows.

    The share of severe time and the dose of a second do not depend on the factor of time much, so those
    two dials are found first, in turn, each by halving while the other stands: either only rises with its
    own dial. The factor of time comes last.
    """
    some = items.head(DIALLED_ON)
    tenths = np.array([policy.dose.modality_tenths[name] for name in MODALITIES])
    weights = np.array(policy.dose.severity)

    def shares(dials: Dials) -> tuple[float, float]:
        severity, modality, seconds = dialled(some, dials, policy)
        wanted = seconds * some.reviews
        dose = wanted * weights[severity] * tenths[modality]
        return (
            float(wanted[severity >= policy.severe_from].sum() / wanted.sum()),
            float(dose.sum() / wanted.sum()),
        )

    def halved(dials: Dials, which: str, wanted: float, measure: int) -> Dials:
        low, high = -3.0, 3.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            above = shares(replace(dials, **{which: middle}))[measure] > wanted
            low, high = (low, middle) if above else (middle, high)
        return replace(dials, **{which: low})

    dials = Dials()
    for _ in range(TURNS):
        dials = halved(dials, "mild", aim.dose / aim.work, 1)
        dials = halved(dials, "severe", aim.severe / aim.work, 0)
    for _ in range(8):  # the factor leaves live clips and clipped times alone, so it takes a few rounds
        _, modality, seconds = dialled(items, dials, policy)
        wanted = seconds * items.reviews
        rest = float(wanted[modality != LIVE].sum())
        dials = replace(dials, time=dials.time * max(0.1, 1 + (aim.work - float(wanted.sum())) / rest))
    return dials


def finished(
    rng: np.random.Generator,
    items: Draft,
    dials: Dials,
    places: Desks,
    auditors: pl.DataFrame,
    policy: Policy,
    together: pl.DataFrame,
    work_date: date,
) -> pl.DataFrame:
    """The items (`ITEMS`): samples and escalations as drafted, and `together` the calibrations.

    Their ids begin with the work date, so that those of several days can be in one database.
    """
    names = category_names(policy)
    severity, modality, seconds = dialled(items, dials, policy)
    count = len(items.desk)
    release, due, priority = _times(rng, items, places, auditors, names)
    sample = items.kind == SAMPLE
    excluded = sample & chosen(rng, EXCLUDED, count)
    whom = places.somebody(rng, items.desk)
    ids = auditors["id"]
    frame = pl.DataFrame(
        {
            "kind": pl.Series(KINDS, dtype=pl.String).gather(items.kind),
            "market": pl.Series(places.market, dtype=pl.String).gather(items.desk),
            "language": pl.Series(places.language, dtype=pl.String).gather(items.desk),
            "category": pl.Series(names, dtype=pl.String).gather(items.category),
            "severity": severity,
            "modality": pl.Series(MODALITIES, dtype=pl.String).gather(modality),
            "seconds": np.rint(seconds).astype(np.int64),
            "reviews": items.reviews,
            "priority": priority,
            "release": pl.Series(release).set(pl.Series(release < 0), None),
            "due": pl.Series(due).set(pl.Series(due < 0), None),
            "excluded": ids.gather(whom),
        }
    ).with_columns(
        pl.when(pl.Series(excluded))
        .then(pl.concat_list("excluded"))
        .otherwise(pl.lit([], dtype=pl.List(pl.String)))
        .alias("excluded"),
        pl.lit([], dtype=pl.List(pl.String)).alias("only"),
    )
    frame = pl.concat([frame, together])
    order = pl.Series(rng.permutation(len(frame)))
    frame = frame[order]
    lottery = pl.Series("lottery", rng.permutation(len(frame)))
    width = max(5, len(str(len(frame))))
    return (
        frame.with_columns(
            pl.format(
                "it-{}-{}",
                pl.lit(work_date.strftime("%Y%m%d")),
                pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(width),
            ).alias("id"),
            pl.when(pl.col("kind") == "sample")
            .then(pl.format("{}/{}/{}/{}", "market", "language", "category", "severity"))
            .alias("stratum"),
            lottery,
        )
        .with_columns(
            pl.when(pl.col("kind") == "sample")
            .then(pl.col("lottery").rank("ordinal").over("stratum").cast(pl.Int64))
            .alias("draw")
        )
        .select(pl.col(name).cast(kind) for name, kind in ITEMS.items())
    )


def _times(
    rng: np.random.Generator, items: Draft, places: Desks, auditors: pl.DataFrame, names: tuple[str, ...]
) -> tuple[Ints, Ints, Ints]:
    """Release, due (both −1 for none) and priority of each item."""
    count = len(items.desk)
    start, end = auditors["shift_start"].to_numpy(), auditors["shift_end"].to_numpy()
    near = places.somebody(rng, items.desk)
    within = rng.random(count) < IN_SHIFT
    spot = rng.random(count)
    during = start[near] + (spot * 0.95 * (end - start)[near]).astype(np.int64)
    anytime = start[near] + ((spot - 0.4) * 24 * HOUR).astype(np.int64)
    escalated = items.kind == ESCALATION
    sample_today = (items.kind == SAMPLE) & (rng.random(count) < RELEASED_TODAY)
    release = np.where(escalated, np.where(within, during, anytime), np.where(sample_today, during, -1))
    level = np.zeros(count, dtype=np.int64)
    level[escalated] = dealt(rng, [share for share, *_ in DUE], int(escalated.sum()))
    hours = np.array([within_hours for _, within_hours, _ in DUE])[level]
    either = np.array([priorities for *_, priorities in DUE])[level]
    priority = either[np.arange(count), rng.integers(0, 2, count)]
    by_law = _urgent_by_law(items, places, names)
    hours = np.where(by_law, np.minimum(hours, URGENT_WITHIN), hours)
    priority = np.where(by_law, np.minimum(priority, URGENT_PRIORITY), priority)
    due = np.where(escalated, release + hours * HOUR, -1)
    return release.astype(np.int64), due.astype(np.int64), np.where(escalated, priority, 4).astype(np.int64)


def _urgent_by_law(items: Draft, places: Desks, names: tuple[str, ...]) -> Bools:
    urgent = np.zeros((len(places.market), len(names)), dtype=bool)
    for desk, market in enumerate(places.market):
        for name in URGENT_BY_LAW.get(market, ()):
            if name in names:
                urgent[desk, names.index(name)] = True
    return urgent[items.desk, items.category]


def calibrations(rng: np.random.Generator, sets: list[Calibration], policy: Policy) -> pl.DataFrame:
    """One item for each set, still without an id: mild to moderate, and nothing that needs a clearance, since
    everybody in the set is to take it."""
    names = category_names(policy)
    everybodys = [k for k, name in enumerate(names) if name not in policy.clearances]
    open_to_all = everybodys or list(range(len(names)))
    count = len(sets)
    category = np.array(open_to_all, dtype=np.int64)[rng.integers(0, len(open_to_all), count)]
    severity = rng.integers(0, 3, count)
    modality = drawn_from(np.cumsum(MODALITY_BY_SEVERITY, axis=1)[severity], rng.random(count))
    seconds = handling_seconds(names, category, severity, modality, rng.standard_normal(count), 1.0)
    return pl.DataFrame(
        {
            "kind": [KINDS[CALIBRATION]] * count,
            "market": [one.market for one in sets],
            "language": [one.language for one in sets],
            "category": [names[k] for k in category],
            "severity": severity,
            "modality": [MODALITIES[k] for k in modality],
            "seconds": np.rint(seconds).astype(np.int64),
            "reviews": [len(one.only) for one in sets],
            "priority": [4] * count,
            "release": [None] * count,
            "due": [None] * count,
            "excluded": [[] for _ in sets],
            "only": [list(one.only) for one in sets],
        },
        schema={name: ITEMS[name] for name in _CALIBRATION_COLUMNS},
    )


_CALIBRATION_COLUMNS = (
    "kind",
    "market",
    "language",
    "category",
    "severity",
    "modality",
    "seconds",
    "reviews",
    "priority",
    "release",
    "due",
    "excluded",
    "only",
)
