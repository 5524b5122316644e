"""What the plan reached beside what no plan can pass, and what the verifier says of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from allocator.figures import goal_rows, several
from allocator.plan import Plan
from allocator.verify import Violation
from config.demo.view.signs import Signs, bar

MEANING = {
    "escalations": "handled, and on time",
    "coverage": "samples, scarce groups first",
    "exposure": "dose, unevenly spread",
    "load": "hours, unevenly spread",
}
LENGTH = 8


def goals(plan: Plan, signs: Signs) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("goal", no_wrap=True)
    table.add_column("what it counts")
    table.add_column("reached", justify="right", no_wrap=True)
    table.add_column("bound", justify="right", no_wrap=True)
    table.add_column("of the bound", no_wrap=True)
    for goal, reached, bound, part in goal_rows(plan):
        if goal in plan.bounds:
            filled = bar(plan.goals[goal], plan.bounds[goal], LENGTH, signs)
            table.add_row(goal, MEANING[goal], reached, bound, f"[cyan]{filled}[/] {part}")
        else:
            table.add_row(goal, MEANING[goal], reached, "", bound)
    return table


def verdict(violations: Sequence[Violation]) -> Text:
    if not violations:
        return Text(
            "The verifier read the plan again, apart from the planner: no hard rule is broken, "
            "and every figure and every sentence above is true.",
            style="bold green",
        )
    text = Text(
        f"The verifier found {several(len(violations), 'fault')}. Do not use this plan.", style="bold magenta"
    )
    for violation in violations[:10]:
        text.append(f"\n{violation.rule}: {violation.message}", style="not bold")
    return text
