"""tables.py and the migrated database say the same.

Compared, both ways: the tables, their columns in order with type, collation and whether null may stand there;
primary keys, unique constraints, foreign keys. Not compared: checks, indexes that are no constraint, defaults
and identity, the ledger's partitions (which have their parent's columns), alembic's own table.
"""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from sqlalchemy import Dialect, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from models.tables import metadata
from tests.conftest import Database

POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
COLUMNS = """
    select attname, format_type(atttypid, atttypmod), coalesce(collname, 'default'), attnotnull
    from pg_attribute left join pg_collation on pg_collation.oid = attcollation
    where attrelid = %s::regclass and attnum > 0 and not attisdropped
    order by attnum
"""
KEYS = """
    select contype::text, array(
               select attname::text from unnest(conkey) with ordinality of_key (number, place)
               join pg_attribute on attrelid = conrelid and attnum = number order by place),
           case when contype = 'f' then confrelid::regclass::text end,
           array(
               select attname::text from unnest(confkey) with ordinality of_key (number, place)
               join pg_attribute on attrelid = confrelid and attnum = number order by place)
    from pg_constraint where conrelid = %s::regclass and contype in ('p', 'u', 'f')
"""
TABLES = """
    select relname::text from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname <> 'alembic_version'
"""


class Seen(NamedTuple):
    name: str
    type: str
    collation: str
    not_null: bool


class Key(NamedTuple):
    kind: str
    columns: tuple[str, ...]
    target: str | None
    target_columns: tuple[str, ...]


def declared_columns(table: Table) -> list[Seen]:
    return [
        Seen(
            column.name,
            column.type.compile(POSTGRESQL).lower().partition(" collate ")[0],
            getattr(column.type, "collation", None) or "default",
            not column.nullable,
        )
        for column in table.columns
    ]


def declared_keys(table: Table) -> set[Key]:
    keys = set()
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            kind = "p" if isinstance(constraint, PrimaryKeyConstraint) else "u"
            keys.add(Key(kind, tuple(column.name for column in constraint.columns), None, ()))
        elif isinstance(constraint, ForeignKeyConstraint):
            target = tuple(element.column.name for element in constraint.elements)
            keys.add(Key("f", tuple(constraint.column_keys), constraint.referred_table.name, target))
    return keys


def test_tables_are_those_of_the_database(database: Database) -> None:
    with psycopg.connect(database.owner_url) as connection:
        there = {name for (name,) in connection.execute(TABLES)}
        assert set(metadata.tables) == there
        for name, table in metadata.tables.items():
            columns = [Seen(*row) for row in connection.execute(COLUMNS, [name])]
            assert declared_columns(table) == columns, name
            keys = {
                Key(kind, tuple(own), target, tuple(other))
                for kind, own, target, other in connection.execute(KEYS, [name])
            }
            assert declared_keys(table) == keys, name
