"""A plan's figures as text for a person: what it reached, beside what no plan can pass."""

from __future__ import annotations

from collections.abc import Mapping

from allocator.plan import Plan

REASONS = {
    "has-it": ("already reviews it", "already review it"),
    "language": ("does not speak {language}", "do not speak {language}"),
    "market": ("does not review {market}", "do not review {market}"),
    "clearance": ("lacks the clearance", "lack the clearance"),
    "excluded": ("is kept from it for impartiality", "are kept from it for impartiality"),
    "only": ("was not asked", "were not asked"),
    "protected": ("is not available for this work", "are not available for this work"),
    "shift": ("is not on shift at a time that fits", "are not on shift at a time that fits"),
    "capacity": ("is full", "are full"),
}
"""Why an auditor does not review an item, of one and of several."""


def grouped(number: float, decimals: int = 0) -> str:
    """1234567.8 as `1 234 567.8`."""
    return f"{number:,.{decimals}f}".replace(",", " ")


def several(number: int, word: str) -> str:
    """`1 review`, `2 reviews`."""
    return f"{grouped(number)} {word}{'' if number == 1 else 's'}"


def share(part: float, whole: float) -> str:
    """`part` in per cent of `whole`, rounded down, so that only what is whole reads 100.0 %."""
    if whole <= 0:
        return "–"
    return f"{int(1000 * part / whole + 1e-6) / 10:.1f} %"


def goal_rows(plan: Plan) -> list[tuple[str, str, str, str]]:
    """One row a goal: its name, the value reached, the bound, and the value in per cent of the bound.

    Exposure and load have no bound: there, less is better.
    """
    rows = []
    for goal, value in plan.goals.items():
        bound = plan.bounds.get(goal)
        if bound is None:
            rows.append((goal, grouped(value, 1), "less is better", ""))
        else:
            rows.append((goal, grouped(value, 1), grouped(bound, 1), share(value, bound)))
    return rows


def counts_sentence(plan: Plan) -> str:
    count = {key: grouped(number) for key, number in plan.counts.items()}
    return (
        f"{count['reviews_planned']} of {count['reviews_wanted']} reviews planned, "
        f"{count['escalations_late']} of them late; {count['samples_seen']} samples seen, "
        f"{count['draw_inversions']} of them out of draw order"
    )


def figures(plan: Plan) -> str:
    """Goals beside bounds, then the counts, as plain lines."""
    rows = [("goal", "reached", "bound", "of bound"), *goal_rows(plan)]
    lines = [f"  {row[0]:<12}{row[1]:>20}{row[2]:>18}{row[3]:>11}".rstrip() for row in rows]
    return "\n".join([*lines, f"  {counts_sentence(plan)}"])


def reasons_sentence(
    counts: Mapping[str, int], language: str, market: str, reasons: Mapping[str, tuple[str, str]] = REASONS
) -> str:
    """`ruled_out`, said to a person: "14 auditors: 5 do not speak id, 3 ... , 6 are full."."""
    if not counts:
        return "Nobody is on shift."
    parts = [
        f"{number} {reasons[reason][number != 1].format(language=language, market=market)}"
        for reason, number in counts.items()
    ]
    people = sum(counts.values())
    # Plain figures: the verifier reads them.
    return f"{people} auditor{'' if people == 1 else 's'}: {', '.join(parts)}."
