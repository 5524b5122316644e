"""The tables as SQLAlchemy Core sees them: for statements that are put together in Python.

The migrations make the tables, and what each column means is said there. This is a second copy of their
names, types, keys and what may be null, and a test holds the two together. Checks, indexes and defaults are
the database's own, and are not repeated here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB, TSTZMULTIRANGE
from sqlalchemy.types import UserDefinedType


class TransactionId(UserDefinedType[int]):
    """A transaction's number, as PostgreSQL's `xid8`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


class Snapshot(UserDefinedType[str]):
    """Which transactions were over at a moment, as PostgreSQL's `pg_snapshot`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "PG_SNAPSHOT"


metadata = MetaData()
Id = Text(collation="C")
"""The id of an auditor or an item: compared and sorted byte by byte, as everywhere in a plan."""
Names = ARRAY(Text)
Instant = DateTime(timezone=True)

# --------------------------------------------------------------------------------------- Policy and limits

policy = Table(
    "policy",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("document", Text, nullable=False),
    Column("adopted_by", Text, nullable=False),
    Column("adopted_at", Instant, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("one", Boolean, primary_key=True),
    Column("policy", BigInteger, ForeignKey("policy.id")),
    Column("limits_version", BigInteger, nullable=False),
)

dose_weight = Table(
    "dose_weight",
    metadata,
    Column("severity", SmallInteger, primary_key=True),
    Column("modality", Text, primary_key=True),
    Column("units_per_second", BigInteger, nullable=False),
)

exposure_use = Table(
    "exposure_use",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("categories", Names, nullable=False),
    Column("min_severity", SmallInteger, nullable=False),
    Column("measure", Text, nullable=False),
    UniqueConstraint("categories", "min_severity", "measure"),
)

exposure_limit = Table(
    "exposure_limit",
    metadata,
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("use", Integer, ForeignKey("exposure_use.id"), nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("ceiling", BigInteger),
    Column("parent", Text, ForeignKey("exposure_limit.key")),
    Column("reason", Text),
    Column("source", Text),
    Column("since", Date),
    Column("approved_by", Text),
)

limit_proposal = Table(
    "limit_proposal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("limit_key", Text, ForeignKey("exposure_limit.key"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", Instant),
)

# -------------------------------------------------------------------------------------------------- People

auditor = Table(
    "auditor",
    metadata,
    Column("id", Id, primary_key=True),
    Column("team", Text, nullable=False),
    Column("home_market", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("exposure_percent", SmallInteger, nullable=False),
)

auditor_guard = Table(
    "auditor_guard",
    metadata,
    Column("auditor", Id, ForeignKey("auditor.id"), primary_key=True),
)

shift = Table(
    "shift",
    metadata,
    Column("auditor", Id, ForeignKey("auditor.id"), nullable=False),
    Column("work_date", Date, nullable=False),
    Column("team", Text, nullable=False),
    Column("home_market", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("languages", Names, nullable=False),
    Column("markets", Names, nullable=False),
    Column("clearances", Names, nullable=False),
    Column("opt_outs", Names, nullable=False),
    Column("max_severity", SmallInteger, nullable=False),
    Column("exposure_percent", SmallInteger, nullable=False),
    Column("shift_start", Instant, nullable=False),
    Column("shift_end", Instant, nullable=False),
    Column("last_end", Instant),
    Column("available_from", Instant),
    Column("available_until", Instant),
    PrimaryKeyConstraint("work_date", "auditor"),
)

# ------------------------------------------------------------------------------------------ Work and plans

work_day = Table(
    "work_day",
    metadata,
    Column("work_date", Date, primary_key=True),
    Column("name", Text, nullable=False),
    Column("input_version", BigInteger, nullable=False),
)

item = Table(
    "item",
    metadata,
    Column("id", Id, primary_key=True),
    Column("work_date", Date, ForeignKey("work_day.work_date")),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("market", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("modality", Text, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("reviews", Integer, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("release", Instant),
    Column("due", Instant),
    Column("stratum", Text),
    Column("draw", BigInteger),
    Column("excluded", Names, nullable=False),
    Column("only_for", Names, nullable=False),
    Column("submitted_by", Text),
    Column("submitted_at", Instant),
    Column("withdrawn_at", Instant),
)

plan = Table(
    "plan",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("work_date", Date, nullable=False),
    Column("version", Integer),
    Column("state", Text, nullable=False),
    Column("stage", Text),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("published_at", Instant),
    Column("failure", Text),
    Column("input_version", BigInteger),
    Column("document", Text),
    Column("beside", JSON),
    Column("ledger_snapshot", Snapshot),
    Column("goals", JSONB),
    Column("bounds", JSONB),
    Column("certificate", Text),
    Column("counts", JSONB),
    Column("seconds", JSONB),
    Column("reason", Text),
    Column("begins_at", Instant),
    Column("people", Integer),
    Column("left_alone", Integer),
    Column("dropped", Integer),
    UniqueConstraint("work_date", "version"),
)

slot = Table(
    "slot",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("plan", BigInteger, ForeignKey("plan.id")),
    Column("auditor", Id, ForeignKey("auditor.id"), nullable=False),
    Column("work_date", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("item", Id, ForeignKey("item.id")),
    Column("review_no", Integer),
    Column("label", Text),
    Column("planned_start", Instant, nullable=False),
    Column("planned_end", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("seen_seconds", BigInteger),
    Column("pauses", TSTZMULTIRANGE, nullable=False),
    Column("silences", TSTZMULTIRANGE, nullable=False),
    Column("leased_until", Instant),
    Column("beat_at", Instant),
    Column("ended_by", Text),
    Column("published_start", Instant),
    Column("published_end", Instant),
    Column("placed_at", Instant),
)

outcome = Table(
    "outcome",
    metadata,
    Column("slot", BigInteger, ForeignKey("slot.id"), primary_key=True, autoincrement=False),
    Column("decision", Text, nullable=False),
    Column("error_type", Text),
    Column("note", Text),
    Column("at", Instant, nullable=False),
)

unplanned = Table(
    "unplanned",
    metadata,
    Column("plan", BigInteger, ForeignKey("plan.id"), primary_key=True),
    Column("item", Id, ForeignKey("item.id"), primary_key=True),
    Column("missing", Integer, nullable=False),
    Column("ruled_out", JSON, nullable=False),
    Column("sentence", Text, nullable=False),
)

waiting_escalation = Table(
    "waiting_escalation",
    metadata,
    Column("item", Id, ForeignKey("item.id"), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("tried_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("work_date", Date),
    Column("missing", Integer, nullable=False),
    Column("earliest", Instant),
    Column("ruled_out", JSON, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("told_at", Instant),
)

# ------------------------------------------------- Exposure: the ledger, partitioned by year, and its sums

ledger = Table(
    "ledger",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("at", Instant, nullable=False),
    Column("auditor", Id, nullable=False),
    Column("work_date", Date, nullable=False),
    Column("entry", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("modality", Text, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("items", BigInteger, nullable=False),
    Column("slot", BigInteger),
    Column("xact", TransactionId, nullable=False),
    PrimaryKeyConstraint("work_date", "id"),
    postgresql_partition_by="RANGE (work_date)",
)

limit_day = Table(
    "limit_day",
    metadata,
    Column("auditor", Id, primary_key=True),
    Column("use", Integer, ForeignKey("exposure_use.id"), primary_key=True),
    Column("work_date", Date, primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
)

# ----------------------------------------------------------------------------------------------- Operation

task = Table(
    "task",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("dedupe_key", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("lease_until", Instant),
    Column("run_after", Instant, nullable=False),
    Column("filed_at", Instant, nullable=False),
    Column("rung_at", Instant),
    Column("ended_at", Instant),
    Column("last_error", Text),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("addressee", Id, nullable=False),
    Column("work_date", Date),
    Column("kind", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seen_at", Instant),
    Column("number", BigInteger, unique=True),
)

token = Table(
    "token",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("prefix", Text, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("persona", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("teams", Names, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("response", JSONB, nullable=False),
    Column("at", Instant, nullable=False),
)
