"""The policy in force here: the document as it was adopted, with the limits as they are by now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, text

from allocator.files.faults import Fault, show
from allocator.files.instance import HEAD
from allocator.files.json_text import parse
from allocator.files.policy import parse_policy
from allocator.rules.policy import Limit, Policy, Rule

LIMITS = text("""
    select l.key, l.scope, u.categories, u.min_severity, u.measure, l.window_days, l.amount, l.ceiling,
           l.reason, l.source, l.since, l.approved_by
    from exposure_limit l join exposure_use u on u.id = l.use
    order by l.position, l.key collate "C"
""")
ADOPTED = text("""
    select policy.document, installation.limits_version
    from installation join policy on policy.id = installation.policy
""")
PARTS = (
    "severe_from",
    "categories",
    "dose",
    "clearances",
    "rest_between_shifts",
    "stretches",
    "edges",
    "escalation_weights",
    "coverage_bands",
)
"""Everything in a policy but its limits."""
SELECTION = ("categories", "min_severity", "scope", "measure", "window_days", "ceiling")
"""Everything in a limit but its amount."""


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """`document` is the policy of an `instance.json`, with the limits as they are now and those derived from
    them; `policy` is what it declares. `adopted` is the policy as it was adopted."""

    document: dict[str, Any]
    policy: Policy
    adopted: Policy
    limits_version: int


def read_policy(connection: Connection) -> PolicyInForce | None:
    """The policy in force, or None before the first is adopted."""
    row = connection.execute(ADOPTED).one_or_none()
    if row is None:
        return None
    document = parse(row.document)
    assert isinstance(document, dict)
    limits = [limit_document(limit) for limit in connection.execute(LIMITS).mappings()]
    in_force = document | {"limits": limits}
    return PolicyInForce(in_force, declared(in_force), declared(document), row.limits_version)


def declared(document: dict[str, Any]) -> Policy:
    """What a document declares that was found sound before."""
    policy, faults = parse_policy(document)
    if policy is None:
        raise ValueError("the policy in force is not sound: " + "; ".join(map(str, faults)))
    return policy


def limit_document(row: Any) -> dict[str, Any]:
    """A limit of `instance.json` from its row: what is at its default left out."""
    document = {name: row[name] for name in ("key", "scope", "measure", "window_days", "amount")}
    told = {name: row[name] for name in ("categories", "min_severity") if row[name]}
    optional = ("ceiling", "reason", "source", "approved_by")
    given = {name: row[name] for name in optional if row[name] is not None}
    since = {} if row["since"] is None else {"since": row["since"].isoformat()}
    return document | told | given | since


def differences(known: PolicyInForce, given: Policy) -> Iterator[Fault]:
    """What a day's policy says otherwise than the one in force. A limit may have the amount that is in force
    or the one that was adopted; reasons and sources may differ. Limits derived here need not be given."""
    for name in PARTS:
        if _bare(getattr(given, name)) != _bare(getattr(known.adopted, name)):
            yield _differs(f"policy.{name}", "differs from the policy in force")
    adopted = {limit.key: limit for limit in known.adopted.limits}
    in_force = {limit.key: limit for limit in known.policy.limits}
    for place, limit in enumerate(given.limits):
        path = f"policy.limits[{place}]"
        if limit.key not in in_force:
            unknown = f"names {show(limit.key)}, which is no limit of the policy in force"
            yield _differs(f"{path}.key", unknown)
            continue
        now = in_force[limit.key]
        for name in SELECTION:
            if getattr(limit, name) != getattr(now, name):
                yield _differs(f"{path}.{name}", f"differs from the limit {show(limit.key)} in force")
        if limit.amount not in _amounts(now, adopted.get(limit.key)):
            said = f"is {limit.amount}, and the policy in force has {now.amount}"
            yield _differs(f"{path}.amount", said)
    for key in adopted.keys() - {limit.key for limit in given.limits}:
        yield _differs("policy.limits", f"lacks the limit {show(key)} of the policy in force")


def _differs(field: str, what: str) -> Fault:
    return Fault(HEAD, None, field, f"{what}; loading a day never changes the policy")


def _amounts(*limits: Limit | None) -> set[int]:
    return {limit.amount for limit in limits if limit is not None}


def _bare(part: object) -> object:
    """A part of a policy without what is for people only; categories have no order."""
    if isinstance(part, Rule):
        return replace(part, reason=None, source=None, since=None, approved_by=None)
    if isinstance(part, tuple) and part and isinstance(part[0], Rule):
        return {rule.key: _bare(rule) for rule in part}
    if isinstance(part, tuple) and part and isinstance(part[0], str):
        return frozenset(part)
    return part
