"""How far every stretch has run, as a value: a day can be tried in many ways from the same point."""

from __future__ import annotations

from functools import lru_cache

from allocator.rules.policy import Stretch

State = tuple[tuple[int, int, int, int], ...]
"""For each stretch: start of the first selected review since the last cut (-1: none), their seconds, their
number, and seconds of everyday work in a row."""

SELECTED, EVERYDAY, INTERRUPTS, NOTHING = range(4)


class Stretches:
    """The stretches of a policy, in its order."""

    def __init__(self, rules: tuple[Stretch, ...]) -> None:
        self.rules = rules
        self.blank: State = ((-1, 0, 0, 0),) * len(rules)
        self._part = lru_cache(maxsize=None)(self._part_of)

    def _part_of(self, category: str, severity: int) -> tuple[int, ...]:
        """What a review of this kind is to each stretch."""
        parts = []
        for rule in self.rules:
            if rule.selects(category, severity):
                parts.append(SELECTED)
            elif rule.reset_by is None:
                parts.append(NOTHING)
            else:
                parts.append(EVERYDAY if severity <= rule.reset_by.max_severity else INTERRUPTS)
        return tuple(parts)

    def blocked_by(self, state: State, category: str, severity: int, start: int, end: int) -> int:
        """The stretch that a review would pass; of several, that with the longest rest; -1: none."""
        found = -1
        for number, part in enumerate(self._part(category, severity)):
            if part != SELECTED:
                continue
            rule = self.rules[number]
            since, total, items, _ = state[number]
            if rule.measure == "span":
                passed = end - (since if since >= 0 else start) > rule.amount
            elif rule.measure == "seconds":
                passed = total + end - start > rule.amount
            else:
                passed = items >= rule.amount
            if passed and (found < 0 or rule.rest > self.rules[found].rest):
                found = number
        return found

    def reviewed(self, state: State, category: str, severity: int, start: int, end: int) -> State:
        after = []
        for part, rule, one in zip(self._part(category, severity), self.rules, state, strict=True):
            since, total, items, everyday = one
            if part == SELECTED:
                after.append((since if since >= 0 else start, total + end - start, items + 1, 0))
            elif part == EVERYDAY:
                assert rule.reset_by is not None
                everyday += end - start
                cut = everyday >= rule.reset_by.seconds
                after.append((-1, 0, 0, everyday) if cut else (since, total, items, everyday))
            elif part == INTERRUPTS:
                after.append((since, total, items, 0))
            else:
                after.append(one)
        return tuple(after)

    def rested(self, state: State, seconds: int) -> State:
        return tuple(
            (-1, 0, 0, one[3]) if seconds >= rule.rest else one
            for rule, one in zip(self.rules, state, strict=True)
        )

    def label(self, number: int) -> str:
        """What a break is called that this stretch asks for."""
        rule = self.rules[number]
        if not rule.selects_everything:
            return "recovery"
        general = sorted({other.rest for other in self.rules if other.selects_everything})
        return "meal" if len(general) > 1 and rule.rest == general[-1] else "short"
