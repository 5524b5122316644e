"""The day and its slots as arrays, so that a rule is a comparison of columns.

P people, I items, S slots; people, items and slots are named by their row number. A *material* is a
(category, severity, modality), numbered (category × 5 + severity) × modalities + modality: all that limits,
stretches and edges ask of a review.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from allocator.instance import Instance
from allocator.rules.policy import MODALITIES, SEVERITIES, Policy, Rule
from allocator.verify.exact import BEYOND, LONG, Exact, Flags, Ints, cut, exact_array

G1_KINDS = ("escalation", "calibration")


@dataclass(frozen=True, slots=True)
class Day:
    """An instance in columns. Instants and durations in seconds, shape (P,) or (I,) unless told."""

    instance: Instance
    people: list[str]
    items: list[str]
    shift_start: Ints
    shift_end: Ints
    rested: Ints  # last_end + rest between shifts; far in the past without a last_end
    now: int  # far in the past without a now
    percent: Ints
    max_severity: Ints
    speaks: Flags  # (P, languages)
    covers: Flags  # (P, markets)
    cleared: Flags  # (P, categories)
    opted_out: Flags  # (P, categories)
    language: Ints
    market: Ints
    category: Ints
    severity: Ints
    material: Ints
    seconds: Ints
    span: Ints  # seconds, cut to a little more than the longest shift: such an item fits nowhere
    wanted: Ints  # reviews
    release: Ints  # far in the past where there is none
    due: Ints  # far in the future where there is none
    is_sample: Flags
    is_g1: Flags
    priority: Ints  # calibrations are 4
    stratum: Ints  # -1: not a sample
    strata: int
    draw: Ints
    has_only: Flags
    excluded_pairs: Ints  # item × P + person, sorted
    only_pairs: Ints  # item × P + person, sorted
    fixed_reviews: Ints  # fixed work slots of each item
    languages: list[str]
    markets: list[str]
    categories: list[str]
    units: Exact  # (materials,): dose units of one second

    @property
    def policy(self) -> Policy:
        return self.instance.policy

    def selected(self, rule: Rule) -> Flags:
        """Which materials the rule selects, shape (materials,)."""
        chosen = [rule.selects(category, severity) for category in self.categories for severity in SEVERITIES]
        return np.repeat(np.array(chosen, dtype=bool), len(MODALITIES))

    def material_parts(self, material: int) -> tuple[int, int]:
        """Category and severity of a material."""
        rest = material // len(MODALITIES)
        return rest // len(SEVERITIES), rest % len(SEVERITIES)

    def is_excluded(self, item: Ints, person: Ints) -> Flags:
        return is_in(item * len(self.people) + person, self.excluded_pairs)

    def is_asked(self, item: Ints, person: Ints) -> Flags:
        """Not kept away by `only`."""
        return ~self.has_only[item] | is_in(item * len(self.people) + person, self.only_pairs)


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots in columns, shape (S,). Person and item are -1 where the instance does not know them."""

    frame: pl.DataFrame
    person: Ints
    item: Ints
    is_work: Flags
    is_break: Flags
    is_busy: Flags
    start: Ints
    end: Ints
    fixed: Flags

    def work(self) -> Ints:
        """Row numbers of the reviews: work by a known person of a known item."""
        return np.flatnonzero(self.is_work & (self.person >= 0) & (self.item >= 0))

    def who(self, row: int) -> str:
        return str(self.frame["auditor"][row])

    def what(self, row: int) -> str:
        return str(self.frame["item"][row])


def numbers(column: pl.Series, absent: int = 0) -> Ints:
    filled = column.fill_null(absent) if column.null_count() else column
    return filled.to_numpy().astype(np.int64)


def codes(column: pl.Series, labels: Sequence[str]) -> Ints:
    """Each entry's place in `labels`, -1 for one that is not there."""
    place = {label: number for number, label in enumerate(labels)}
    return np.array([place.get(entry, -1) for entry in column.to_list()], dtype=np.int64)


def labels_of(*columns: pl.Series) -> list[str]:
    return sorted({str(label) for column in columns for label in column.to_list() if label is not None})


def grid(lists: Iterable[Sequence[str] | None], labels: Sequence[str], all_word: str | None = None) -> Flags:
    """flags[row, label]: the row's list holds the label (or the word that means all of them)."""
    place = {label: number for number, label in enumerate(labels)}
    rows = [entries or () for entries in lists]
    flags: Flags = np.zeros((len(rows), len(labels)), dtype=bool)
    for row, entries in enumerate(rows):
        for entry in entries:
            if entry == all_word:
                flags[row, :] = True
            elif entry in place:
                flags[row, place[entry]] = True
    return flags


def pairs(items: pl.DataFrame, column: str, people: Sequence[str]) -> Ints:
    """item × P + person for each known person in an item's list, sorted."""
    named = items.select(pl.int_range(pl.len()).alias("item"), column).filter(pl.col(column).list.len() > 0)
    named = named.explode(column)
    person = codes(named[column], people)
    known = person >= 0
    keys: Ints = np.sort(numbers(named["item"])[known] * max(1, len(people)) + person[known])
    return keys


def is_in(keys: Ints, among: Ints) -> Flags:
    """Which keys are in the sorted array `among`."""
    if not among.size:
        return np.zeros(keys.shape, dtype=bool)
    flags: Flags = among[np.minimum(np.searchsorted(among, keys), len(among) - 1)] == keys
    return flags


def make_day(instance: Instance) -> Day:
    auditors, items, policy = instance.auditors, instance.items, instance.policy
    people = [str(name) for name in auditors["id"].to_list()]
    names = [str(name) for name in items["id"].to_list()]
    languages, markets = labels_of(items["language"]), labels_of(items["market"])
    categories = labels_of(items["category"], instance.history["category"])
    category, severity = codes(items["category"], categories), numbers(items["severity"])
    needs = sorted(set(policy.clearances.values()))
    has_clearance = grid(auditors["clearances"].to_list(), needs)
    cleared = np.ones((len(people), len(categories)), dtype=bool)
    for number, name in enumerate(categories):
        if name in policy.clearances:
            cleared[:, number] = has_clearance[:, needs.index(policy.clearances[name])]
    last_end = auditors["last_end"]
    rested = numbers(last_end) + cut(policy.rest_between_shifts, LONG)
    rested[last_end.is_null().to_numpy()] = -BEYOND
    longest_shift = int(numbers(auditors["shift_end"] - auditors["shift_start"]).max(initial=0))
    strata = labels_of(items.filter(pl.col("kind") == "sample")["stratum"])
    is_sample = (items["kind"] == "sample").to_numpy().astype(bool)
    is_calibration = (items["kind"] == "calibration").to_numpy().astype(bool)
    fixed_item = codes(instance.fixed.filter(pl.col("kind") == "work")["item"], names)
    return Day(
        instance=instance,
        people=people,
        items=names,
        shift_start=numbers(auditors["shift_start"]),
        shift_end=numbers(auditors["shift_end"]),
        rested=rested,
        now=-BEYOND if instance.now is None else instance.now,
        percent=numbers(auditors["exposure_percent"]),
        max_severity=numbers(auditors["max_severity"]),
        speaks=grid(auditors["languages"].to_list(), languages),
        covers=grid(auditors["markets"].to_list(), markets, "*"),
        cleared=cleared,
        opted_out=grid(auditors["opt_outs"].to_list(), categories),
        language=codes(items["language"], languages),
        market=codes(items["market"], markets),
        category=category,
        severity=severity,
        material=(category * len(SEVERITIES) + severity) * len(MODALITIES)
        + codes(items["modality"], MODALITIES),
        seconds=numbers(items["seconds"]),
        span=np.minimum(numbers(items["seconds"]), longest_shift + 1),
        wanted=numbers(items["reviews"]),
        release=numbers(items["release"], -BEYOND),
        due=numbers(items["due"], BEYOND),
        is_sample=is_sample,
        is_g1=items["kind"].is_in(G1_KINDS).to_numpy().astype(bool),
        priority=np.where(is_calibration, 4, numbers(items["priority"], 4)),
        stratum=np.where(is_sample, codes(items["stratum"], strata), -1),
        strata=len(strata),
        draw=numbers(items["draw"]),
        has_only=(items["only"].list.len().fill_null(0) > 0).to_numpy().astype(bool),
        excluded_pairs=pairs(items, "excluded", people),
        only_pairs=pairs(items, "only", people),
        fixed_reviews=np.bincount(fixed_item[fixed_item >= 0], minlength=len(names)).astype(np.int64),
        languages=languages,
        markets=markets,
        categories=categories,
        units=exact_array(
            [
                policy.dose.units_per_second(severity, modality)
                for _ in categories
                for severity in SEVERITIES
                for modality in MODALITIES
            ]
        ),
    )


SLOT_KEY = ["auditor", "kind", "item", "start", "end"]


def keyed(slots: pl.DataFrame) -> pl.DataFrame:
    """The five columns that make a slot what it is, and `copy`: how many equal rows stand before it."""
    keys = slots.select(pl.col("auditor", "kind", "item").cast(pl.String).fill_null(""), "start", "end")
    return keys.with_columns(pl.int_range(pl.len()).over(SLOT_KEY).alias("copy"))


def make_slots(day: Day, slots: pl.DataFrame) -> Slots:
    """A slot is fixed if the instance fixes an equal one; of more equal slots than are fixed, the rest are
    not."""
    standing = keyed(day.instance.fixed).with_columns(pl.lit(True).alias("fixed"))
    matched = keyed(slots).join(standing, on=[*SLOT_KEY, "copy"], how="left", maintain_order="left")
    return Slots(
        frame=slots,
        person=codes(slots["auditor"], day.people),
        item=codes(slots["item"], day.items),
        is_work=(slots["kind"] == "work").fill_null(False).to_numpy().astype(bool),
        is_break=(slots["kind"] == "break").fill_null(False).to_numpy().astype(bool),
        is_busy=(slots["kind"] == "busy").fill_null(False).to_numpy().astype(bool),
        start=numbers(slots["start"]),
        end=numbers(slots["end"]),
        fixed=matched["fixed"].fill_null(False).to_numpy().astype(bool),
    )
