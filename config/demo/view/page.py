"""The whole page of the demo, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from allocator.figures import counts_sentence, grouped, several
from allocator.instance import Instance
from allocator.plan import Plan
from allocator.verify import Violation
from config.demo.view.coverage import coverage
from config.demo.view.escalations import escalations
from config.demo.view.goals import goals, verdict
from config.demo.view.limits import limits
from config.demo.view.signs import Signs
from config.demo.view.timeline import timeline, worked
from config.demo.view.unplanned import unplanned

KINDS = ("sample", "escalation", "calibration")


def title(instance: Instance, plan: Plan) -> Text:
    people, items = instance.auditors.height, instance.items
    kinds = dict(items.group_by("kind").agg(pl.len()).iter_rows())
    shifts = int((instance.auditors["shift_end"] - instance.auditors["shift_start"]).sum())
    asked = int((items["seconds"] * items["reviews"]).sum())
    return Text.assemble(
        ("Breakwater", "bold cyan"),
        f" plans {instance.work_date:%A, %d %B %Y} for an invented team\n",
        f"{several(people, 'auditor')} on shift for {grouped(shifts / 3600)} h, breaks included. "
        f"Asked of them: {', '.join(several(kinds.get(kind, 0), kind) for kind in KINDS)}; "
        f"{grouped(asked / 3600, 1)} h of work. Planned: {grouped(worked(plan) / 3600, 1)} h.\n",
        f"{counts_sentence(plan)}.".capitalize(),
    )


def section(name: str, body: RenderableType, signs: Signs) -> Group:
    return Group(Text(), Rule(f"[bold]{name}[/]", align="left", characters=signs.rule, style="dim"), body)


def page(
    instance: Instance, plan: Plan, violations: Sequence[Violation], signs: Signs, width: int
) -> RenderableType:
    return Group(
        title(instance, plan),
        section("The team's day", timeline(instance, plan, signs, width), signs),
        section("Coverage of the sampling plan, in reviews", coverage(instance, plan, signs, width), signs),
        section("Escalations and calibrations", escalations(instance, plan), signs),
        section("Limits: how much is used", limits(instance, plan, signs, width), signs),
        section("Left out, and why", unplanned(instance, plan), signs),
        section("How good the plan is", goals(plan, signs), signs),
        Text(),
        verdict(violations),
    )
