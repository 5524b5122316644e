"""The policy: from a document to its declaration and back.

Keys are those of the declaration in allocator/rules/policy.py. Every number is checked here, once, so that
planner and verifier may take a Policy as sound.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, TypedDict, cast

from allocator.files.faults import Fault, key_path, show
from allocator.files.shapes import KEY, SCOPE, one_of
from allocator.files.values import Values
from allocator.rules.policy import (
    LIMIT_MEASURES,
    MODALITIES,
    SEVERITIES,
    SHORTEST_BREAK,
    STRETCH_MEASURES,
    Dose,
    Edge,
    Limit,
    LimitMeasure,
    Policy,
    ResetBy,
    Rule,
    Stretch,
    StretchMeasure,
)

MILDEST, WORST = SEVERITIES[0], SEVERITIES[-1]
PRIORITIES = ("1", "2", "3", "4")
REQUIRED = ("severe_from", "dose", "escalation_weights", "coverage_bands")
OPTIONAL = ("categories", "clearances", "rest_between_shifts", "limits", "stretches", "edges")
RULE_OPTIONAL = ("categories", "min_severity", "reason", "source", "since", "approved_by")


class _Common(TypedDict):
    """What every rule has, as keyword arguments of its declaration."""

    key: str
    categories: frozenset[str]
    min_severity: int
    reason: str | None
    source: str | None
    since: Any
    approved_by: str | None


def parse_policy(
    document: object, file: str = "instance.json", path: str = "policy"
) -> tuple[Policy | None, list[Fault]]:
    """The policy that a document declares and no faults, or None and every fault in it.

    Decimals may come as Decimal or as float; a float stands for the decimal it prints as.
    """
    values = Values(file)
    if document is None:
        values.fault(path, "is required")
    policy = _Reader(values, path).policy(document)
    return (None, values.faults) if values.faults else (policy, [])


def known_categories(document: object) -> tuple[str, ...] | None:
    """The categories that a policy lists, or None where it lists none or not soundly: then any is known.

    For what else is wrong with the policy, see parse_policy; the rest of the day is checked all the same.
    """
    if not isinstance(document, dict):
        return None
    values = Values("")
    listed = values.texts(document.get("categories"), "", KEY)
    return None if listed is None or values.faults else tuple(listed)


def unknown_category(category: str) -> str:
    return f"names the category {show(category)}, which policy.categories does not list"


def policy_document(policy: Policy) -> dict[str, Any]:
    """The document of a policy: every number exact, what is at its default left out."""
    document: dict[str, Any] = {"severe_from": policy.severe_from}
    if policy.categories is not None:
        document["categories"] = list(policy.categories)
    document["dose"] = {
        "severity": list(policy.dose.severity),
        "modality_tenths": dict(policy.dose.modality_tenths),
    }
    document["clearances"] = dict(policy.clearances)
    document["rest_between_shifts"] = policy.rest_between_shifts
    document["limits"] = [_limit_document(limit) for limit in policy.limits]
    document["stretches"] = [_stretch_document(stretch) for stretch in policy.stretches]
    document["edges"] = [_edge_document(edge) for edge in policy.edges]
    document["escalation_weights"] = {
        str(priority): _number(weight) for priority, weight in policy.escalation_weights.items()
    }
    bands = [[_number(share), _number(weight)] for share, weight in policy.coverage_bands]
    document["coverage_bands"] = bands
    return document


class _Reader:
    """One pass over one policy. `known` are its categories, once read; None where any category is known."""

    def __init__(self, values: Values, path: str) -> None:
        self.values = values
        self.path = path
        self.known: set[str] | None = None
        self.rule_keys: dict[str, str] = {}

    def policy(self, document: object) -> Policy | None:
        values, path = self.values, self.path
        given = values.members(document, path, REQUIRED, OPTIONAL)
        if given is None:
            return None
        severe_from = values.whole(given.get("severe_from"), f"{path}.severe_from", MILDEST, WORST)
        before = len(values.faults)
        categories = values.texts(given.get("categories"), f"{path}.categories", KEY)
        if categories is not None and len(values.faults) == before:
            self.known = set(categories)
        dose = self.dose(given.get("dose"), f"{path}.dose")
        clearances = self.clearances(given.get("clearances"), f"{path}.clearances")
        rest = values.whole(given.get("rest_between_shifts"), f"{path}.rest_between_shifts", 0)
        limits = [self.limit(rule, where) for rule, where in self.rules(given, "limits")]
        stretches = [self.stretch(rule, where) for rule, where in self.rules(given, "stretches")]
        edges = [self.edge(rule, where) for rule, where in self.rules(given, "edges")]
        weights = self.escalation_weights(given.get("escalation_weights"), f"{path}.escalation_weights")
        bands = self.coverage_bands(given.get("coverage_bands"), f"{path}.coverage_bands")
        if values.faults or severe_from is None or dose is None:
            return None
        return Policy(
            severe_from=severe_from,
            categories=None if categories is None else tuple(categories),
            dose=dose,
            clearances=clearances,
            rest_between_shifts=rest or 0,
            limits=tuple(rule for rule in limits if rule is not None),
            stretches=tuple(rule for rule in stretches if rule is not None),
            edges=tuple(rule for rule in edges if rule is not None),
            escalation_weights=weights,
            coverage_bands=tuple(bands),
        )

    def dose(self, document: object, path: str) -> Dose | None:
        values = self.values
        given = values.members(document, path, ("severity", "modality_tenths"))
        if given is None:
            return None
        severity = values.elements(given.get("severity"), f"{path}.severity")
        if severity is not None and len(severity) != len(SEVERITIES):
            values.fault(f"{path}.severity", f"must hold {len(SEVERITIES)} weights, not {len(severity)}")
            severity = None
        weights = [
            self.needed(weight, f"{path}.severity[{place}]") for place, weight in enumerate(severity or [])
        ]
        tenths_path = f"{path}.modality_tenths"
        tenths = values.members(given.get("modality_tenths"), tenths_path, MODALITIES) or {}
        by_modality = {
            modality: values.whole(tenths.get(modality), f"{tenths_path}.{modality}", 0) or 0
            for modality in MODALITIES
        }
        if len(weights) != len(SEVERITIES):
            return None
        mildest, mild, medium, severe, worst = weights
        return Dose(severity=(mildest, mild, medium, severe, worst), modality_tenths=by_modality)

    def needed(self, value: object, path: str) -> int:
        """A whole number of at least 0 that may not be absent."""
        if value is None:
            self.values.fault(path, "must be a whole number of at least 0, not null")
        return self.values.whole(value, path, 0) or 0

    def clearances(self, document: object, path: str) -> dict[str, str]:
        given = self.values.mapping(document, path) or {}
        found: dict[str, str] = {}
        for category, clearance in given.items():
            where = key_path(path, category)
            if self.values.text(category, where, KEY) is not None:
                self.know(category, where)
            if clearance is None:
                self.values.fault(where, "must be the name of a clearance, not null")
            name = self.values.text(clearance, where, KEY)
            if name is not None:
                found[category] = name
        return found

    def know(self, category: str, path: str) -> None:
        if self.known is not None and category not in self.known:
            self.values.fault(path, unknown_category(category))

    def rules(self, given: dict[str, object], kind: str) -> list[tuple[object, str]]:
        listed = self.values.elements(given.get(kind), f"{self.path}.{kind}") or []
        return [(rule, f"{self.path}.{kind}[{place}]") for place, rule in enumerate(listed)]

    def rule(
        self, document: object, path: str, required: tuple[str, ...], optional: tuple[str, ...]
    ) -> tuple[dict[str, object], _Common] | None:
        """The given keys of one rule and its common part; None where it is no object at all."""
        values = self.values
        if document is None:
            values.fault(path, "must be an object, not null")
        given = values.members(document, path, ("key", *required), (*RULE_OPTIONAL, *optional))
        if given is None:
            return None
        key = values.text(given.get("key"), f"{path}.key", KEY)
        if key is not None and key in self.rule_keys:
            values.fault(f"{path}.key", f"repeats the key {show(key)} of {self.rule_keys[key]}")
        elif key is not None:
            self.rule_keys[key] = path
        categories = values.texts(given.get("categories"), f"{path}.categories", KEY) or []
        for category in categories:
            self.know(category, f"{path}.categories")
        common = _Common(
            key=key or "",
            categories=frozenset(categories),
            min_severity=values.whole(given.get("min_severity"), f"{path}.min_severity", MILDEST, WORST) or 0,
            reason=values.text(given.get("reason"), f"{path}.reason"),
            source=values.text(given.get("source"), f"{path}.source"),
            since=values.day(given.get("since"), f"{path}.since"),
            approved_by=values.text(given.get("approved_by"), f"{path}.approved_by"),
        )
        return given, common

    def limit(self, document: object, path: str) -> Limit | None:
        values = self.values
        read = self.rule(document, path, ("scope", "measure", "window_days", "amount"), ("ceiling",))
        if read is None:
            return None
        given, common = read
        scope = values.text(given.get("scope"), f"{path}.scope", SCOPE)
        measure = values.text(given.get("measure"), f"{path}.measure", one_of(LIMIT_MEASURES))
        window_days = values.whole(given.get("window_days"), f"{path}.window_days", 1)
        amount = values.whole(given.get("amount"), f"{path}.amount", 0)
        ceiling = values.whole(given.get("ceiling"), f"{path}.ceiling", 0)
        if amount is not None and ceiling is not None and amount > ceiling:
            values.fault(f"{path}.amount", f"must not pass the ceiling of {ceiling}, and is {amount}")
        return Limit(
            **common,
            scope=scope or "",
            measure=cast(LimitMeasure, measure),
            window_days=window_days or 1,
            amount=amount or 0,
            ceiling=ceiling,
        )

    def stretch(self, document: object, path: str) -> Stretch | None:
        values = self.values
        read = self.rule(document, path, ("measure", "amount", "rest"), ("reset_by",))
        if read is None:
            return None
        given, common = read
        measure = values.text(given.get("measure"), f"{path}.measure", one_of(STRETCH_MEASURES))
        amount = values.whole(given.get("amount"), f"{path}.amount", 0)
        rest = values.whole(given.get("rest"), f"{path}.rest", SHORTEST_BREAK)
        return Stretch(
            **common,
            measure=cast(StretchMeasure, measure),
            amount=amount or 0,
            rest=rest or 0,
            reset_by=self.reset_by(given.get("reset_by"), f"{path}.reset_by"),
        )

    def reset_by(self, document: object, path: str) -> ResetBy | None:
        given = self.values.members(document, path, ("max_severity", "seconds"))
        if given is None:
            return None
        max_severity = self.values.whole(given.get("max_severity"), f"{path}.max_severity", MILDEST, WORST)
        seconds = self.values.whole(given.get("seconds"), f"{path}.seconds", 1)
        return ResetBy(max_severity=max_severity or 0, seconds=seconds or 1)

    def edge(self, document: object, path: str) -> Edge | None:
        read = self.rule(document, path, (), ("first", "last"))
        if read is None:
            return None
        given, common = read
        first = self.values.whole(given.get("first"), f"{path}.first", 0)
        last = self.values.whole(given.get("last"), f"{path}.last", 0)
        return Edge(**common, first=first or 0, last=last or 0)

    def escalation_weights(self, document: object, path: str) -> dict[int, Fraction]:
        given = self.values.members(document, path, PRIORITIES) or {}
        return {
            int(priority): self.values.exact(given.get(priority), f"{path}.{priority}") or Fraction(0)
            for priority in PRIORITIES
        }

    def coverage_bands(self, document: object, path: str) -> list[tuple[Fraction, Fraction]]:
        """Bands of (share, weight): the shares add up to exactly 1, and no weight is above the one before."""
        listed = self.values.elements(document, path)
        if listed is None:
            return []
        before = len(self.values.faults)
        bands = [self.coverage_band(band, f"{path}[{place}]") for place, band in enumerate(listed)]
        if len(self.values.faults) > before:
            return []
        total = sum((share for share, _ in bands), Fraction(0))
        if total != 1:
            self.values.fault(path, f"must have shares that add up to exactly 1, not to {float(total)}")
        for place in range(1, len(bands)):
            if bands[place][1] > bands[place - 1][1]:
                self.values.fault(f"{path}[{place}][1]", "must not be above the weight of the band before it")
        return bands

    def coverage_band(self, document: object, path: str) -> tuple[Fraction, Fraction]:
        if not isinstance(document, list) or len(document) != 2:
            self.values.fault(path, "must be a list of two numbers, a share and a weight")
            return Fraction(0), Fraction(0)
        pair: list[Fraction] = []
        for place, number in enumerate(document):
            where = f"{path}[{place}]"
            if number is None:
                self.values.fault(where, "must be a number of at least 0, not null")
            pair.append(self.values.exact(number, where) or Fraction(0))
        return pair[0], pair[1]


def _rule_document(rule: Rule) -> dict[str, Any]:
    document: dict[str, Any] = {"key": rule.key}
    if rule.categories:
        document["categories"] = sorted(rule.categories)
    if rule.min_severity:
        document["min_severity"] = rule.min_severity
    return document


def _sources(rule: Rule) -> dict[str, Any]:
    """Where the numbers of a rule come from: for people."""
    since = None if rule.since is None else rule.since.isoformat()
    told = {"reason": rule.reason, "source": rule.source, "since": since, "approved_by": rule.approved_by}
    return {key: value for key, value in told.items() if value is not None}


def _limit_document(limit: Limit) -> dict[str, Any]:
    document = _rule_document(limit) | {
        "scope": limit.scope,
        "measure": limit.measure,
        "window_days": limit.window_days,
        "amount": limit.amount,
    }
    if limit.ceiling is not None:
        document["ceiling"] = limit.ceiling
    return document | _sources(limit)


def _stretch_document(stretch: Stretch) -> dict[str, Any]:
    document = _rule_document(stretch) | {
        "measure": stretch.measure,
        "amount": stretch.amount,
        "rest": stretch.rest,
    }
    if stretch.reset_by is not None:
        document["reset_by"] = {
            "max_severity": stretch.reset_by.max_severity,
            "seconds": stretch.reset_by.seconds,
        }
    return document | _sources(stretch)


def _edge_document(edge: Edge) -> dict[str, Any]:
    document = _rule_document(edge)
    if edge.first:
        document["first"] = edge.first
    if edge.last:
        document["last"] = edge.last
    return document | _sources(edge)


def _number(exact: Fraction) -> int | float | Decimal:
    """A whole number, or else a float that prints as this very decimal, or else the decimal itself."""
    if exact.denominator == 1:
        return exact.numerator
    decimal = _decimal(exact)
    near = float(exact)
    return near if Decimal(repr(near)) == decimal else decimal


def _decimal(exact: Fraction) -> Decimal:
    """The decimal that equals a fraction whose denominator divides a power of ten."""
    places = 0
    while (exact * 10**places).denominator != 1:
        places += 1
        if places > 400:
            raise ValueError(f"{exact} cannot be written as a decimal")
    scaled = (exact * 10**places).numerator
    digits = tuple(int(digit) for digit in str(abs(scaled)))
    return Decimal((int(scaled < 0), digits, -places))
