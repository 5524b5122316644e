"""What the README shows is true: its example day can be planned, its commands and files exist."""

from __future__ import annotations

import re
from pathlib import Path

from allocator.files.plan import read_plan
from config.cli import VERBS, main
from config.settings import VARIABLES

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_example_day_is_planned_whole_and_legally(tmp_path: Path) -> None:
    files = re.findall(
        r"^`my-day/([\w.]+)`[^\n]*\n\n```json\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE
    )
    assert [name for name, _ in files] == ["instance.json", "auditors.ndjson", "items.ndjson"]
    day = tmp_path / "my-day"
    day.mkdir()
    for name, text in files:
        (day / name).write_text(text, encoding="utf-8")
    assert main(["plan", str(day), "--out", str(tmp_path / "my-plan")]) == 0
    assert main(["verify", str(day), str(tmp_path / "my-plan")]) == 0
    counts = read_plan(tmp_path / "my-plan").counts
    assert (counts["reviews_wanted"], counts["reviews_planned"], counts["escalations_late"]) == (4, 4, 0)


def test_every_verb_has_its_row() -> None:
    assert re.findall(r"^\| `breakwater (\w+)", README, flags=re.MULTILINE) == [verb.name for verb in VERBS]


def test_every_link_leads_somewhere() -> None:
    pages = [CHECKOUT / "README.md", *CHECKOUT.glob("*/README.md")]
    assert len(pages) >= 3
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} of {page.parent.name}: {link}"


def test_every_setting_is_listed() -> None:
    listed = re.findall(r"`([A-Z][A-Z_]+)`", (CHECKOUT / "config" / "README.md").read_text(encoding="utf-8"))
    assert set(VARIABLES) <= set(listed)
