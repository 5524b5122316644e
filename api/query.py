"""Query strings hold what the route describes, once each, and nothing else."""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.faults import Fault
from api.problems import Problem


async def as_described(request: Request) -> None:
    """A misspelt filter would show something else than was asked for; a token in an address ends in logs."""
    if not request.scope.get("query_string"):
        return
    route = request.scope.get("route")
    known = names(route.dependant) if isinstance(route, APIRoute) else frozenset()
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = sum(name not in known for name in given)
    twice = sorted({name for name in given if name in known and given.count(name) > 1})
    # Names that are not known are not repeated: they can be anything.
    faults: list[Fault] = [{"field": name, "sentence": "is given twice"} for name in twice]
    if unknown:
        there_are = f"there is {', '.join(sorted(known))}" if known else "there are none"
        faults.append({"field": "query", "sentence": f"has a parameter that is not known here; {there_are}"})
    if faults:
        first = faults[0]
        raise Problem("invalid", f"{first['field']} {first['sentence']}.", faults=faults)


def names(dependant: Dependant) -> frozenset[str]:
    """The parameters that a route or what it depends on reads from the query."""
    found = frozenset(field.alias for field in dependant.query_params)
    return found.union(*(names(dependency) for dependency in dependant.dependencies))
