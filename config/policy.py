"""The default policy, read from one dated file in which every number carries its unit, reason and source.

The file is for people; `default_policy_document` turns it into the `policy` of an `instance.json`.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any, cast

POLICY_FILE = Path(__file__).with_name("policy_2026_11_23.toml")
RULE_LISTS = ("limits", "stretches", "edges")
NUMBER_FIELDS = frozenset({"value", "unit", "reason", "source", "since"})
"""What every number in the file says of itself."""


def policy_file() -> dict[str, Any]:
    """The policy as the file has it: each number a table of `NUMBER_FIELDS`."""
    return tomllib.loads(POLICY_FILE.read_text(encoding="utf-8"))


def default_policy_document() -> dict[str, Any]:
    """The default policy in the form of `instance.json`: bare numbers, and for each rule its reason,
    source and date, taken from the number that is its measure."""
    file = policy_file()
    del file["ramp"]
    document = cast("dict[str, Any]", _bare(file))
    document["coverage_bands"] = [[band["share"], band["weight"]] for band in document["coverage_bands"]]
    for name in RULE_LISTS:
        document[name] = [
            bare | _provenance(rule) for rule, bare in zip(file[name], document[name], strict=True)
        ]
    return document


def ramp_percents() -> tuple[int, ...]:
    """`exposure_percent` by week of a start or a return: the first week first; the last one stays."""
    return tuple(step["value"] for step in policy_file()["ramp"])


def _bare(node: object) -> object:
    """The same tree with each number's table replaced by its value."""
    if isinstance(node, dict):
        return node["value"] if "value" in node else {key: _bare(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_bare(child) for child in node]
    return node


def _provenance(rule: dict[str, Any]) -> dict[str, str]:
    """Reason, source and date of a rule: those of its amount, or of an edge's `last` (else `first`)."""
    number = next(rule[name] for name in ("amount", "last", "first") if name in rule)
    since: date = number["since"]
    return {"reason": number["reason"], "source": number["source"], "since": since.isoformat()}
