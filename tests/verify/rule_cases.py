"""For each hard rule: days at its edge, and plans that break it and nothing else.

`RULE_CASES` names every hard rule. An `Edge` is one number of a rule, one below it, at it and one above it;
`legal` says which of the three a plan may be. A broken plan is caught under the rule's name and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allocator.rules.policy import Edge as EdgeRule
from allocator.rules.policy import Limit, ResetBy, Stretch
from tests.days.build import NINE, WORK_DATE, Row, auditor, calibration, escalation, sample
from tests.verify.build import ADA, BEN, CAS, Scene, busy, rest, scene, table, work


@dataclass(frozen=True, slots=True)
class Edge:
    name: str
    at: Callable[[int], Scene]  # −1, 0 or 1 away from the number
    legal: frozenset[int]


@dataclass(frozen=True, slots=True)
class RuleCases:
    edges: tuple[Edge, ...]
    broken: dict[str, Scene]


UP_TO = frozenset({-1, 0})
FROM = frozenset({0, 1})
EXACTLY = frozenset({0})
DAY = auditor(shift_end=NINE + 28_800)
"""Ada with a shift of eight hours."""


def one_review(item: Row, person: Row | None = None, **rules: Any) -> Scene:
    """The item reviewed by one person at nine."""
    who = person or auditor()
    return scene([item], [work(item["id"], 0, item["seconds"], who["id"])], people=[who], rules=rules)


def several(lengths: list[int], gap: int = 0, **item: Any) -> tuple[list[Row], list[Row]]:
    """Items of these lengths and ada's reviews of them, one after another with a gap between."""
    items, slots, at = [], [], 0
    for number, seconds in enumerate(lengths):
        items.append(sample(f"s{number}", **{"seconds": seconds, "draw": number + 1, "stratum": "s", **item}))
        slots.append(work(f"s{number}", at, seconds))
        at += seconds + gap
    return items, slots


# H1 who ------------------------------------------------------------------------------------------------

H1 = RuleCases(
    edges=(
        Edge("max_severity", lambda d: one_review(sample(severity=2 + d), auditor(max_severity=2)), UP_TO),
    ),
    broken={
        "language": one_review(sample(language="pt"), auditor(languages=["pt-BR", "en"])),
        "market": one_review(sample(market="US"), auditor(markets=["ID", "DE"])),
        "clearance": one_review(sample(), auditor(clearances=["other"]), clearances={"adult": "adults"}),
        "opt-out": one_review(sample(), auditor(opt_outs=["hate", "adult"])),
        "max_severity": one_review(sample(severity=1), auditor(max_severity=0)),
        "excluded": one_review(sample(excluded=["zoe", ADA])),
        "only": one_review(calibration(only=[BEN])),
    },
)

# H2 once -----------------------------------------------------------------------------------------------

TRIO = [auditor(ADA), auditor(BEN), auditor(CAS)]
AFTER_FIXED = NINE + 300


def reviews_of_two(number: int) -> Scene:
    """An item that wants two reviews, reviewed by so many people."""
    names = (ADA, BEN, CAS)[:number]
    return scene([sample(reviews=2)], [work("s1", 0, 300, name) for name in names], people=TRIO)


H2 = RuleCases(
    edges=(Edge("reviews", lambda d: reviews_of_two(2 + d), UP_TO),),
    broken={
        "one person twice": scene([sample(reviews=2)], [work("s1", 0, 300), work("s1", 300, 300)]),
        "too many reviews": reviews_of_two(3),
        "one of `only` twice": scene(
            [calibration(only=[ADA, BEN])], [work("c1", 0, 300), work("c1", 300, 300)], people=TRIO
        ),
        "again after a fixed review": scene(
            [sample(reviews=2)], [work("s1", 400, 300)], fixed=[work("s1", 0, 300)], now=300
        ),
        "beside a fixed review": scene(
            [sample()], [work("s1", 400, 300, BEN)], people=TRIO, fixed=[work("s1", 0, 300)], now=300
        ),
        "beside more fixed reviews than wanted": scene(
            [sample()],
            [work("s1", 400, 300, CAS)],
            people=TRIO,
            fixed=[work("s1", 0, 300), work("s1", 0, 300, BEN)],
            now=300,
        ),
    },
)

# H3 when -----------------------------------------------------------------------------------------------


def at_second(start: int, seconds: int = 300, **day: Any) -> Scene:
    """One review at this second after nine, in a shift from nine to ten."""
    item = day.pop("item", sample())
    return scene([item], [work(item["id"], start, seconds)], **day)


TIRED = auditor(last_end=NINE - 1000)


def two_slots(first: Row, second: Row, **day: Any) -> Scene:
    return scene([sample("s1"), sample("s2", draw=2)], [first, second], **day)


H3 = RuleCases(
    edges=(
        Edge("seconds", lambda d: at_second(0, 300 + d), EXACTLY),
        Edge("release", lambda d: at_second(600 + d, item=sample(release=NINE + 600)), FROM),
        Edge(
            "rest between shifts",
            lambda d: at_second(500 + d, people=[TIRED], rules={"rest_between_shifts": 1500}),
            FROM,
        ),
        Edge("shift start", lambda d: at_second(d), FROM),
        Edge("shift end", lambda d: at_second(3300 + d), UP_TO),
        Edge("now, work", lambda d: at_second(900 + d, now=900), FROM),
        Edge("now, break", lambda d: scene([], [rest(900 + d, 300)], now=900), FROM),
        Edge("overlap of work", lambda d: two_slots(work("s1", 0, 300), work("s2", 300 + d, 300)), FROM),
        Edge("overlap with a break", lambda d: two_slots(rest(0, 60), work("s1", 60 + d, 300)), FROM),
        Edge(
            "overlap with a fixed slot",
            lambda d: two_slots(work("s1", 600 + d, 300), work("s2", 1800, 300), fixed=[busy(0, 600)], now=0),
            FROM,
        ),
    ),
    broken={
        "shorter than the item": at_second(0, 299),
        "longer than the item": at_second(0, 301),
        "split in two": two_slots(work("s1", 0, 150), work("s2", 300, 150)),
        "before its release": at_second(0, item=sample(release=NINE + 1)),
        "before the rest between shifts ends": at_second(
            0, people=[TIRED], rules={"rest_between_shifts": 1001}
        ),
        "before the shift": at_second(-300),
        "after the shift": at_second(3600),
        "work before now": at_second(0, now=1),
        "break before now": scene([], [rest(0, 300)], now=1),
        "work over work": two_slots(work("s1", 0, 300), work("s2", 100, 300)),
        "break over work": two_slots(work("s1", 0, 300), rest(100, 60)),
        "break over break": two_slots(rest(0, 600), rest(599, 60)),
        "work over a fixed break": two_slots(
            work("s1", 100, 300), work("s2", 900, 300), fixed=[rest(0, 600)], now=0
        ),
        "work over a long fixed slot with others between": scene(
            [sample("s1"), sample("s2", draw=2)],
            [work("s1", 1500, 300)],
            fixed=[busy(0, 2000), busy(100, 60), busy(300, 60)],
            now=0,
        ),
    },
)

# H4 limits ---------------------------------------------------------------------------------------------


def limited(
    measure: str, amount: int, scope: str = "org", window_days: int = 1, **more: Any
) -> dict[str, Any]:
    rule = Limit("l", scope=scope, measure=measure, window_days=window_days, amount=amount, **more)  # type: ignore[arg-type]
    return {"limits": (rule,)}


def past(days_ago: int, seconds: int = 0, items: int = 0, **row: Any) -> Row:
    """Ada's exposure so many dates before."""
    exposure: Row = {
        "auditor": ADA,
        "work_date": WORK_DATE - timedelta(days=days_ago),
        "category": "adult",
        "severity": 1,
        "modality": "image",
        "seconds": seconds,
        "items": items,
    }
    return {**exposure, **row}


def used(measure: str, change: int, scope: str = "org") -> Scene:
    """Ada uses one below, exactly or one above the amount: 600 seconds, 2 items, or 2 points (the hundred
    and twenty seconds of severity 1 that they allow)."""
    rules = limited(measure, {"seconds": 600, "items": 2, "dose": 2}[measure], scope)
    if measure == "items":
        items, slots = several([60] * (2 + change), severity=1)
    else:
        last = {"seconds": 300, "dose": 60}[measure]
        items, slots = several([last, last + change], severity=1)
    return scene(items, slots, rules=rules)


def used_with_history(measure: str, change: int) -> Scene:
    """The same over seven days: half the amount is six dates back, plenty lies seven dates back."""
    rules = limited(measure, {"seconds": 600, "items": 2, "dose": 2}[measure], window_days=7)
    items, slots = several({"items": [60] * (1 + change)}.get(measure, []), severity=1)
    if measure != "items":
        items, slots = several([{"seconds": 300, "dose": 60}[measure] + change], severity=1)
    half = {"seconds": 300, "items": 60, "dose": 60}[measure]
    before = [past(6, half, 1), past(7, 9000, 9)]
    return scene(items, slots, rules=rules, history=before)


SCOPES = ("org", "market:ID", "team:t1", f"auditor:{ADA}")
MEASURES = ("seconds", "items", "dose")


def used_edge(measure: str, scope: str) -> Edge:
    return Edge(f"{measure}, {scope}", lambda d: used(measure, d, scope), UP_TO)


def window_edge(measure: str) -> Edge:
    return Edge(f"{measure} over seven days", lambda d: used_with_history(measure, d), UP_TO)


def at_percent(change: int) -> Scene:
    """33 % of 1 000 seconds are 330; of 10 seconds, rounded down, 3."""
    items, slots = several([3 + change])
    return scene(items, slots, people=[auditor(exposure_percent=33)], rules=limited("seconds", 10))


def dose_at_percent(change: int) -> Scene:
    """7 % of 1 point are 42 dose units: two seconds at 10 × severity 2 are 40, one second more is too much;
    `change` counts units of 2 × 10 around 40 as seconds."""
    items, slots = several([2 + change], severity=2)
    return scene(items, slots, people=[auditor(exposure_percent=7)], rules=limited("dose", 1))


def fixed_and_planned(change: int) -> Scene:
    """Fixed work counts with the 400 seconds it took, not the 300 of the item."""
    items = [sample("s1"), sample("s2", draw=2, seconds=200 + change)]
    return scene(
        items,
        [work("s2", 400, 200 + change)],
        fixed=[work("s1", 0, 400)],
        now=400,
        rules=limited("seconds", 600),
    )


def tight_and_loose(change: int) -> Scene:
    """Of two limits that bind, the tighter wins."""
    loose = Limit("loose", scope="org", measure="seconds", window_days=1, amount=9000)
    tight = Limit("tight", scope="team:t1", measure="seconds", window_days=1, amount=500)
    items, slots = several([500 + change])
    return scene(items, slots, rules={"limits": (loose, tight)})


def severe_only(change: int) -> Scene:
    """Severity 2 and more counts, what is milder does not."""
    items = [sample("s1"), sample("s2", severity=2, seconds=400 + change)]
    return scene(
        items,
        [work("s1", 0, 300), work("s2", 300, 400 + change)],
        rules=limited("seconds", 400, min_severity=2),
    )


H4 = RuleCases(
    edges=(
        *(used_edge(measure, scope) for measure in MEASURES for scope in SCOPES),
        *(window_edge(measure) for measure in MEASURES),
        Edge("percent, rounded down", at_percent, UP_TO),
        Edge("percent of points, rounded down", dose_at_percent, UP_TO),
        Edge("fixed work as long as it took", fixed_and_planned, UP_TO),
        Edge("the tightest wins", tight_and_loose, UP_TO),
        Edge("selection", severe_only, UP_TO),
    ),
    broken={
        **{f"{measure}, {scope}": used(measure, 1, scope) for measure in MEASURES for scope in SCOPES},
        **{f"{measure} over seven days": used_with_history(measure, 1) for measure in MEASURES},
        "history alone passes": scene(
            [sample()],
            [work("s1", 0, 300)],
            history=[past(1, 700)],
            rules=limited("seconds", 600, window_days=2),
        ),
        "fixed work alone passes": scene(
            [sample("s1"), sample("s2", draw=2)],
            [work("s2", 700, 300)],
            fixed=[work("s1", 0, 700)],
            now=700,
            rules=limited("seconds", 600),
        ),
        "a limit of nothing": one_review(sample(seconds=1), **limited("seconds", 0)),
    },
)

# H5 stretches ------------------------------------------------------------------------------------------


def stretched(measure: str, amount: int, least: int = 0, reset_by: ResetBy | None = None) -> dict[str, Any]:
    rule = Stretch("w", min_severity=least, measure=measure, amount=amount, rest=600, reset_by=reset_by)  # type: ignore[arg-type]
    return {"stretches": (rule,)}


def span(change: int) -> Scene:
    """From the first start to the last end, with idle time and a short break between: 1 000 s."""
    items, _ = several([100, 100])
    slots = [work("s0", 0, 100), rest(200, 599), work("s1", 900 + change, 100)]
    return scene(items, slots, rules=stretched("span", 1000))


def seconds_in_piece(change: int) -> Scene:
    """Two reviews of 200 s and 300 s, an hour of idle time apart."""
    items, _ = several([200, 300 + change])
    slots = [work("s0", 0, 200), work("s1", 3800, 300 + change)]
    return scene(items, slots, people=[DAY], rules=stretched("seconds", 500))


def items_in_piece(change: int) -> Scene:
    items, slots = several([60] * (3 + change), severity=3)
    return scene(items, slots, rules=stretched("items", 3, 3))


def rested(change: int) -> Scene:
    """Three severe reviews, a break, one more; at most three are allowed without 600 s of rest."""
    items, _ = several([60] * 4, severity=3)
    slots = [work(f"s{n}", 60 * n, 60) for n in range(3)]
    slots += [rest(180, 600 + change), work("s3", 1000, 60)]
    return scene(items, slots, rules=stretched("items", 3, 3))


def between(mild: list[Row], slots: list[Row]) -> Scene:
    """One severe review at 0 and one at 1 000, at most one in a row, and everyday work between; everyday is
    severity 0 and 1 for 120 s."""
    severe, _ = several([60, 60], severity=3)
    rules = stretched("items", 1, 3, ResetBy(max_severity=1, seconds=120))
    return scene([*severe, *mild], [work("s0", 0, 60), *slots, work("s1", 1000, 60)], rules=rules)


def mild(name: str, severity: int, seconds: int) -> Row:
    return sample(name, stratum=f"mild {severity}", draw=int(name[1:]), severity=severity, seconds=seconds)


def reset_seconds(change: int) -> Scene:
    """Two everyday reviews in a row, 50 s and 70 s."""
    items = [mild("m1", 0, 50), mild("m2", 1, 70 + change)]
    return between(items, [work("m1", 100, 50), work("m2", 400, 70 + change)])


def reset_severity(change: int) -> Scene:
    """One review of 120 s between; above severity 1 it is no everyday work."""
    return between([mild("m1", 1 + change, 120)], [work("m1", 100, 120)])


def after_fixed(change: int) -> Scene:
    """A fixed review that took 400 s rather than 300, then a planned one: 600 s in a piece."""
    items = [sample("s1"), sample("s2", draw=2, seconds=200 + change)]
    return scene(
        items,
        [work("s2", 400, 200 + change)],
        fixed=[work("s1", 0, 400)],
        now=400,
        rules=stretched("seconds", 600),
    )


def no_rest(*slots: Row, fixed: tuple[Row, ...] = ()) -> Scene:
    """Two severe reviews, at most one allowed without 600 s of rest, and these slots between them."""
    items, _ = several([60, 60], severity=3)
    return scene(
        items,
        [work("s0", 0, 60), *slots, work("s1", 3000, 60)],
        fixed=fixed,
        now=0 if fixed else None,
        rules=stretched("items", 1, 3),
    )


H5 = RuleCases(
    edges=(
        Edge("span", span, UP_TO),
        Edge("seconds", seconds_in_piece, UP_TO),
        Edge("items", items_in_piece, UP_TO),
        Edge("length of a rest", rested, FROM),
        Edge("everyday seconds", reset_seconds, FROM),
        Edge("everyday severity", reset_severity, UP_TO),
        Edge("fixed work as long as it took", after_fixed, UP_TO),
    ),
    broken={
        "span": span(1),
        "seconds": seconds_in_piece(1),
        "items": items_in_piece(1),
        "one review alone": one_review(sample(seconds=601), **stretched("span", 600)),
        "adjacent breaks do not add up": no_rest(rest(100, 599), rest(699, 599)),
        "idle time is no rest": no_rest(),
        "busy time is no rest": no_rest(fixed=(busy(100, 1200),)),
        "everyday work too short": reset_seconds(-1),
        "everyday work too severe": reset_severity(1),
        "everyday work interrupted": between(
            [mild("m1", 0, 100), mild("m2", 2, 60), mild("m3", 0, 100)],
            [work("m1", 100, 100), work("m2", 200, 60), work("m3", 300, 100)],
        ),
        "everyday work does not reset without reset_by": scene(
            [*several([60, 60], severity=3)[0], mild("m1", 0, 600)],
            [work("s0", 0, 60), work("m1", 100, 600), work("s1", 1000, 60)],
            rules=stretched("items", 1, 3),
        ),
    },
)

# H6 edges ----------------------------------------------------------------------------------------------


def edged(first: int = 0, last: int = 0) -> dict[str, Any]:
    return {"edges": (EdgeRule("e", min_severity=3, first=first, last=last),)}


def severe_at(start: int, **rules: Any) -> Scene:
    """A severe review of ten minutes in a shift from nine to ten."""
    return scene([escalation()], [work("e1", start, 600)], rules=rules)


H6 = RuleCases(
    edges=(
        Edge("first", lambda d: severe_at(900 + d, **edged(first=900)), FROM),
        Edge("last", lambda d: severe_at(2100 + d, **edged(last=900)), UP_TO),
    ),
    broken={
        "inside the first": severe_at(0, **edged(first=900)),
        "across the end of the first": severe_at(899, **edged(first=900)),
        "inside the last": severe_at(3000, **edged(last=900)),
        "across the start of the last": severe_at(2101, **edged(last=900)),
        "a first as long as the shift": severe_at(3000, **edged(first=3600)),
        "a last longer than the shift": severe_at(0, **edged(last=9999)),
    },
)

# H7 breaks ---------------------------------------------------------------------------------------------


def one_break(start: int, seconds: int) -> Scene:
    return scene([], [rest(start, seconds)])


H7 = RuleCases(
    edges=(
        Edge("length", lambda d: one_break(0, 60 + d), FROM),
        Edge("shift start", lambda d: one_break(d, 300), FROM),
        Edge("shift end", lambda d: one_break(3300 + d, 300), UP_TO),
    ),
    broken={
        "too short": one_break(0, 59),
        "before the shift": one_break(-300, 300),
        "after the shift": one_break(3600, 300),
        "across the end of the shift": one_break(3599, 60),
    },
)

RULE_CASES: dict[str, RuleCases] = {"H1": H1, "H2": H2, "H3": H3, "H4": H4, "H5": H5, "H6": H6, "H7": H7}

# Legal, though it looks like a violation ------------------------------------------------------------------


def legal_scenes() -> dict[str, Scene]:
    both = [sample("s1"), sample("s2", draw=2)]
    severe, _ = several([60, 60], severity=3)
    return {
        "markets `*`": one_review(sample(market="US"), auditor(markets=["*"])),
        "the clearance is there": one_review(
            sample(), auditor(clearances=["adults"]), clearances={"adult": "adults"}
        ),
        "asked by `only`": one_review(calibration(only=[ADA, "zoe"])),
        "fixed work by someone who may not": scene(
            [sample(language="pt", excluded=[ADA], severity=4)],
            [],
            people=[auditor(opt_outs=["adult"], max_severity=0)],
            fixed=[work("s1", -500, 5000)],
            now=300,
            rules={**limited("seconds", 1), **stretched("span", 1), **edged(first=60)},
        ),
        "more fixed reviews than wanted": scene(
            [sample()], [], people=TRIO, fixed=[work("s1", 0, 300), work("s1", 0, 300, BEN)], now=300
        ),
        "one person fixed twice": scene(
            [sample(reviews=2)], [], fixed=[work("s1", 0, 300), work("s1", 300, 300)], now=600
        ),
        "fixed slots over each other": scene(
            both, [work("s2", 900, 300)], fixed=[work("s1", 0, 300), busy(100, 800), rest(200, 50)], now=800
        ),
        "two equal fixed slots": scene(both, [], fixed=[busy(100, 800), busy(100, 800)], now=800),
        "one slot ends where the next starts": two_slots(work("s1", 0, 300), work("s2", 300, 300)),
        "history seven dates ago": scene(
            [sample()],
            [work("s1", 0, 300)],
            history=[past(7, 700)],
            rules=limited("seconds", 600, window_days=7),
        ),
        "history of somebody else": scene(
            [sample()],
            [work("s1", 0, 300)],
            history=[past(1, 700, auditor="zoe")],
            rules=limited("seconds", 600, window_days=7),
        ),
        "a limit of another market, team and person": scene(
            [sample()],
            [work("s1", 0, 300)],
            rules={
                "limits": tuple(
                    Limit(scope, scope=scope, measure="seconds", window_days=1, amount=0)
                    for scope in ("market:US", "team:t2", "auditor:ben")
                )
            },
        ),
        "a limit of other categories": one_review(
            sample(), **limited("seconds", 0, categories=frozenset({"hate"}))
        ),
        "nothing is added to a limit that history passes": scene(
            [sample(severity=0)],
            [work("s1", 0, 300)],
            history=[past(1, 99_999)],
            rules=limited("dose", 1, window_days=2),
        ),
        "a piece that ends with fixed work": scene(
            severe, [], fixed=[work("s0", 0, 60), work("s1", 60, 60)], now=120, rules=stretched("items", 1, 3)
        ),
        "a fixed break is a rest": scene(
            severe,
            [work("s1", 700, 60)],
            fixed=[work("s0", 0, 60), rest(60, 600)],
            now=100,
            rules=stretched("items", 1, 3),
        ),
        "a rest over which fixed work lies": scene(
            severe,
            [work("s1", 700, 60)],
            fixed=[rest(0, 600), work("s0", 300, 60)],
            now=400,
            rules=stretched("items", 1, 3),
        ),
        "stretches are not scaled": scene(
            several([600])[0],
            [work("s0", 0, 600)],
            people=[auditor(exposure_percent=1)],
            rules=stretched("seconds", 600),
        ),
        "a long rest between": two_in_pieces(),
        "a mild review at the edge": scene([sample()], [work("s1", 0, 300)], rules=edged(first=900)),
    }


def two_in_pieces() -> Scene:
    items, _ = several([400, 400])
    slots = [work("s0", 0, 400), rest(400, 600), work("s1", 1000, 400)]
    return scene(items, slots, rules=stretched("span", 400))


def not_a_slot() -> dict[str, tuple[str, Scene]]:
    """Slots that are not of this day, each with what they are caught under."""
    day = scene([sample()], [])
    standing = scene([sample("s1"), sample("s2", draw=2)], [], fixed=[work("s1", 0, 400)], now=400)

    def of(*slots: Row) -> Scene:
        return Scene(day.instance, table(slots))

    def of_standing(*slots: Row) -> Scene:
        return Scene(standing.instance, table(slots))

    return {
        "unknown auditor": ("plan", of(work("s1", 0, 300, "zoe"))),
        "unknown item": ("plan", of(work("s9", 0, 300))),
        "work on nothing": ("plan", of({**work("s1", 0, 300), "item": None})),
        "a break on an item": ("plan", of({**rest(0, 300), "item": "s1"})),
        "a break without a label": ("plan", of(rest(0, 300, label=None))),
        "a break with another label": ("plan", of(rest(0, 300, label="nap"))),
        "work with a label": ("plan", of({**work("s1", 0, 300), "label": "short"})),
        "another kind": ("plan", of({**work("s1", 0, 300), "kind": "play", "item": None})),
        "busy that is not fixed": ("fixed", of(busy(0, 300))),
        "fixed work left out": ("fixed", of_standing()),
        "fixed work once too few": (
            "fixed",
            Scene(
                scene([], [], fixed=[busy(0, 60), busy(0, 60)], now=0).instance,
                table([busy(0, 60)]),
            ),
        ),
    }
