"""A small day that has a bit of everything, built by hand for the tests of the command line."""

from __future__ import annotations

from fractions import Fraction

from allocator.rules.policy import Edge, Limit, Stretch
from tests.days.build import NINE, Day, auditor, calibration, escalation, policy, sample

SMALL_POLICY = policy(
    limits=(
        Limit("severe-day", min_severity=3, scope="org", measure="seconds", window_days=1, amount=1500),
        Limit("dose-week", scope="org", measure="dose", window_days=7, amount=400),
    ),
    stretches=(Stretch("screen-break", measure="span", amount=3000, rest=600),),
    edges=(Edge("wind-down", min_severity=3, last=900),),
    coverage_bands=((Fraction(1, 2), Fraction(4)), (Fraction(1, 2), Fraction(1))),
)
SMALL = Day(
    policy=SMALL_POLICY,
    auditors=(
        auditor("ada", timezone="Asia/Jakarta", shift_end=NINE + 4 * 3600),
        auditor("ben", languages=["id"], shift_end=NINE + 2 * 3600, max_severity=2),
        auditor("eve", languages=["en", "id"], markets=["ID"], exposure_percent=50),
    ),
    items=(
        *(sample(f"en-{n}", draw=n) for n in range(1, 21)),
        *(sample(f"id-{n}", draw=n, language="id", severity=3) for n in range(1, 9)),
        *(sample(f"th-{n}", draw=n, language="th", market="TH") for n in range(1, 3)),
        escalation("soon", due=NINE + 1200),
        escalation("too-soon", due=NINE + 300, priority=2),
        calibration("together", only=["ada", "eve"]),
    ),
)
