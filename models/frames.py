"""Tables between polars and PostgreSQL, many rows at a time, through COPY.

A frame holds instants as whole seconds since 1970, the database timestamptz. Lists of text are arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
import psycopg
from psycopg import sql
from sqlalchemy import Connection

ROWS_AT_ONCE = 50_000


def raw(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection, in the same transaction: SQLAlchemy has no word for COPY."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def copy_in(connection: Connection, table: str, frame: pl.DataFrame, instants: Collection[str] = ()) -> None:
    """Append the frame to the table's columns of the same names. `instants` names those that hold seconds."""
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(sql.Identifier(table), columns)
    with raw(connection).cursor().copy(statement) as target:
        for rows in frame.iter_slices(ROWS_AT_ONCE):
            target.write(_csv(rows, instants))


def copy_out(
    connection: Connection, query: str, parameters: Mapping[str, Any], schema: Mapping[str, Any]
) -> pl.DataFrame:
    """The rows of a query as a frame of this schema, the columns in its order.

    Parameters are written %(name)s. The query gives instants as whole seconds and arrays as `to_json`.
    """
    lists = {name for name, kind in schema.items() if kind == pl.List(pl.String())}
    plain = {name: pl.String() if name in lists else kind for name, kind in schema.items()}
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(sql.SQL(query))
    with raw(connection).cursor().copy(statement, parameters) as source:
        content = b"".join(source)
    if not content:
        return pl.DataFrame(schema=dict(schema))
    frame = pl.read_csv(content, has_header=False, schema=plain)
    return frame.with_columns(pl.col(name).str.json_decode(pl.List(pl.String())) for name in lists)


def _csv(rows: pl.DataFrame, instants: Collection[str]) -> str:
    """Nulls are empty, text is always quoted: so empty text is not taken for a null."""
    seconds = [pl.from_epoch(name, time_unit="s").dt.to_string("%Y-%m-%dT%H:%M:%SZ") for name in instants]
    lists = [_array(name) for name, kind in rows.schema.items() if kind == pl.List(pl.String())]
    return rows.with_columns(*seconds, *lists).write_csv(include_header=False, quote_style="non_numeric")


def _array(name: str) -> pl.Expr:
    """The text of a PostgreSQL array, each element quoted."""
    quoted = pl.concat_str(
        pl.lit('"'),
        pl.element().str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True),
        pl.lit('"'),
    )
    return pl.concat_str(pl.lit("{"), pl.col(name).list.eval(quoted).list.join(","), pl.lit("}")).alias(name)
