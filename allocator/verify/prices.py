"""The certificate's prices: whether they are sound, what a review costs under them, and what time and limits
are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.plan import Certificate, Prices
from allocator.verify.day import Day
from allocator.verify.exact import BEYOND, Exact, Ints, exact_array, largest, product
from allocator.verify.limits import Amounts, UseKey, Uses, effective_amounts, use_key
from allocator.verify.reach import Reach, least_over_takers
from allocator.verify.violation import Violation


def check_certificate(day: Day, known: Amounts, certificate: Certificate) -> list[Violation]:
    """Prices are at least 0, scale above 0; each price other than 0 is of a person of the instance, or of a
    limit that binds that person."""
    found = []
    if certificate.scale <= 0:
        found.append(f"The scale is {certificate.scale} and must be above 0.")
    if certificate.g1 < 0:
        found.append(f"The price g1 is {certificate.g1} and must be at least 0.")
    bound = _limits_of(day, known)
    for name, prices in (("escalations", certificate.escalations), ("coverage", certificate.coverage)):
        priced = {who for who, price in prices.time.items() if price}
        priced |= {who for who, by_key in prices.limits.items() if any(by_key.values())}
        for auditor in sorted(priced - bound.keys()):
            found.append(f"The prices of {name} name auditor {auditor}, who is not in the instance.")
        for auditor, price in prices.time.items():
            if price < 0:
                found.append(f"The price of {name} for the time of {auditor} is {price}, below 0.")
        for auditor, by_key in prices.limits.items():
            for key, price in by_key.items():
                if price and auditor in bound and key not in bound[auditor]:
                    found.append(f"The prices of {name} name limit {key}, which does not bind {auditor}.")
                if price < 0:
                    found.append(f"The price of {name} for limit {key} of {auditor} is {price}, below 0.")
    return [Violation("certificate", text) for text in found]


def _limits_of(day: Day, known: Amounts) -> dict[str, set[str]]:
    bound: dict[str, set[str]] = {name: set() for name in day.people}
    for limit, people in zip(day.policy.limits, known.binding, strict=True):
        for person in people.tolist():
            bound[day.people[person]].add(limit.key)
    return bound


@dataclass(frozen=True, slots=True)
class Priced:
    """Prices by person, shape (P,): of a second of time, and of a unit of each use."""

    time: Exact
    uses: dict[UseKey, Exact]


def by_person(day: Day, prices: Prices) -> Priced:
    """Prices of limits that share a use add up. People and limits unknown here cost nothing."""
    time = exact_array([prices.time.get(name, 0) for name in day.people])
    use_of = {limit.key: use_key(limit) for limit in day.policy.limits}
    columns: dict[UseKey, list[int]] = {}
    place = {name: person for person, name in enumerate(day.people)}
    for name, by_key in prices.limits.items():
        for key, price in by_key.items():
            if price and name in place and key in use_of:
                columns.setdefault(use_of[key], [0] * len(day.people))[place[name]] += price
    return Priced(time, {use: exact_array(column) for use, column in columns.items()})


def line_of(day: Day, known: Amounts, priced: Priced, material: int) -> tuple[Exact, Exact]:
    """What a review of this material costs each person: seconds × slope + level."""
    slope, level = priced.time, np.zeros(len(day.people), dtype=np.int64)
    for key, price in priced.uses.items():
        if known.selected[key][material]:
            if key[2] == "items":
                level = level + price
            elif key[2] == "seconds":
                slope = slope + price
            else:
                slope = slope + product(price, day.units[material : material + 1])
    return slope, level


def costs(day: Day, known: Amounts, reach: Reach, priced: Priced) -> Exact:
    """cost(i), shape (I,); meaningless where nobody could take the item."""
    lines = {material: line_of(day, known, priced, material) for material in reach.abilities}
    longest = largest(day.span)
    most = max((largest(slope) * longest + largest(level) for slope, level in lines.values()), default=0) + 1
    if most >= BEYOND:
        lines = {key: (slope.astype(object), level.astype(object)) for key, (slope, level) in lines.items()}
    return least_over_takers(day, reach, lambda material: lines[material], max(most, BEYOND))


def worth_of_room(day: Day, known: Amounts, prices: Prices, capacity: Ints, used: Uses) -> int:
    """Σ capacity × price + Σ room × price, room being what history and fixed work leave of a limit, at least
    0."""
    place = {name: person for person, name in enumerate(day.people)}
    worth = sum(int(capacity[place[name]]) * price for name, price in prices.time.items() if name in place)
    price_of: dict[str, dict[int, int]] = {}
    for name, by_key in prices.limits.items():
        for key, price in by_key.items():
            if name in place and price:
                price_of.setdefault(key, {})[place[name]] = price
    for limit, people in zip(day.policy.limits, known.binding, strict=True):
        priced = price_of.get(limit.key, {})
        asked = np.array([person for person in people.tolist() if person in priced], dtype=np.int64)
        use = used[use_key(limit)]
        for person, amount in effective_amounts(day, limit, asked):
            worth += max(0, amount - int(use[person])) * priced[person]
    return worth
