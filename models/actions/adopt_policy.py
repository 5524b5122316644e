"""The first day that is loaded brings the policy. From then on limits change one by one, never by loading."""

from __future__ import annotations

from datetime import datetime

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from allocator.files.faults import Fault
from allocator.files.instance import HEAD, MOST_TOTAL
from allocator.files.json_text import dump
from allocator.files.policy import parse_policy, policy_document
from allocator.instance import Instance
from allocator.rules.policy import MODALITIES, SEVERITIES, Limit, Policy
from models import audit
from models.actor import Actor

LONGEST_WINDOW = 36_500
"""Days: a century, as long as the guard looks."""

POLICY = text("""
    insert into policy (document, adopted_by, adopted_at) values (:document, :by, :now) returning id
""")
ADOPT = text("update installation set policy = :policy")
LOCK = text("select lock_limits()")
WEIGHTS = text("select set_dose_weights(:weights)")
USE = text("select exposure_use_of(:categories, cast(:min_severity as smallint), :measure)")
LIMIT = text("""
    insert into exposure_limit
        (key, position, scope, use, window_days, amount, ceiling, reason, source, since, approved_by)
    values
        (:key, :position, :scope, :use, :window_days, :amount, :ceiling, :reason, :source, :since,
         :approved_by)
""")


def unadoptable(policy: Policy) -> list[Fault]:
    """What a database cannot keep of a policy that is sound in a file."""
    faults = []
    if _heaviest(policy) > MOST_TOTAL:
        faults.append(Fault(HEAD, None, "policy.dose", "makes a second weigh more than can be added up"))
    for place, limit in enumerate(policy.limits):
        path = f"policy.limits[{place}]"
        if limit.window_days > LONGEST_WINDOW:
            too_long = f"must be at most {LONGEST_WINDOW} here, and is {limit.window_days}"
            faults.append(Fault(HEAD, None, f"{path}.window_days", too_long))
        for name in ("scope", "reason", "source", "approved_by"):
            if "\0" in (getattr(limit, name) or ""):
                faults.append(Fault(HEAD, None, f"{path}.{name}", "must not hold a null character"))
    return faults


def adopt_policy(connection: Connection, actor: Actor, instance: Instance, now: datetime) -> int:
    """Put the instance's policy in force, inside the transaction of the action that loads it. Returns its
    number. There must be none in force."""
    policy = instance.policy
    connection.execute(LOCK)
    document = instance.document.get("policy")
    if parse_policy(document)[0] != policy:
        document = policy_document(policy)
    adopted: int = connection.execute(
        POLICY, {"document": dump(document), "by": actor.name, "now": now}
    ).scalar_one()
    connection.execute(ADOPT, {"policy": adopted})
    units = policy.dose.units_per_second
    weights = [
        {"severity": severity, "modality": modality, "units": units(severity, modality)}
        for severity in SEVERITIES
        for modality in MODALITIES
    ]
    connection.execute(WEIGHTS, {"weights": Jsonb(weights)})
    for position, limit in enumerate(policy.limits):
        connection.execute(LIMIT, _row(limit) | {"position": position, "use": use_of(connection, limit)})
    audit.record(connection, actor, "adopt_policy", f"policy:{adopted}", now, limits=len(policy.limits))
    return adopted


def use_of(connection: Connection, limit: Limit) -> int:
    """The use that the limit adds up, made if it is new."""
    selection = {
        "categories": sorted(limit.categories),
        "min_severity": limit.min_severity,
        "measure": limit.measure,
    }
    return int(connection.execute(USE, selection).scalar_one())


def _row(limit: Limit) -> dict[str, object]:
    names = ("key", "scope", "window_days", "amount", "ceiling", "reason", "source", "since", "approved_by")
    return {name: getattr(limit, name) for name in names}


def _heaviest(policy: Policy) -> int:
    return max(policy.dose.severity) * max(policy.dose.modality_tenths.values())
