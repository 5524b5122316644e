"""The verifier is written apart: what it may import is listed here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import allocator.verify

MAY_IMPORT = (
    "allocator.files",
    "allocator.rules",
    "allocator.instance",
    "allocator.plan",
    "allocator.verify",
)
MAY_USE = ("numpy", "polars")


def imported(source: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.name} imports relatively"
            names.append(node.module or "")
    return names


def is_allowed(name: str) -> bool:
    if any(name == part or name.startswith(part + ".") for part in MAY_IMPORT):
        return True
    top = name.split(".")[0]
    return top in MAY_USE or top in sys.stdlib_module_names


def test_the_verifier_imports_readers_and_declarations_only() -> None:
    sources = sorted(Path(allocator.verify.__path__[0]).glob("**/*.py"))
    assert len(sources) > 10
    for source in sources:
        assert [name for name in imported(source) if not is_allowed(name)] == [], source.name


def test_the_list_would_refuse_the_planner() -> None:
    assert not is_allowed("allocator.optimise.planner")
    assert not is_allowed("allocator")
    assert not is_allowed("ortools.sat.python")
