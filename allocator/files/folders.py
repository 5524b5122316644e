"""Folders of tables: written whole or not at all.

Everything is first written to a hidden folder on the same file system, then moved into place: beside the
target, or inside it where it exists already (it may be a mount of its own). Then the target's
head (the JSON document without which a reader refuses the folder) goes first and comes back last, so that a
reader never takes a mixture of two writings for one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal
from uuid import uuid4

import polars as pl

from allocator.files.instants import text_from_instants
from allocator.files.tables import FORMATS

Format = Literal["ndjson", "parquet"]


def write_folder(
    folder: Path,
    head: tuple[str, str],
    tables: Mapping[str, pl.DataFrame],
    instants: Iterable[str],
    format: Format,
    absent: Iterable[str] = (),
) -> None:
    """Write a head (name and text) and tables; what a table was in the other format goes.

    Columns named in `instants` are seconds since 1970. Tables named in `absent` are taken away. Other files
    in the folder stay as they are.
    """
    target = folder.resolve()
    exists = target.is_dir()
    home = target if exists else target.parent
    home.mkdir(parents=True, exist_ok=True)
    hidden = home / f".{target.name}.{uuid4().hex}"
    hidden.mkdir()
    try:
        for name, frame in tables.items():
            path = hidden / f"{name}.{format}"
            if format == "parquet":
                _for_parquet(frame, instants).write_parquet(path, compression="zstd", statistics=True)
            else:
                path.write_bytes(_ndjson(frame, instants))
        (hidden / head[0]).write_text(head[1], encoding="utf-8", newline="\n")
        if not exists:
            hidden.rename(target)
            return
        (target / head[0]).unlink(missing_ok=True)
        for name in (*tables, *absent):
            for known in FORMATS:
                (target / f"{name}.{known}").unlink(missing_ok=True)
        for name in tables:
            (hidden / f"{name}.{format}").replace(target / f"{name}.{format}")
        (hidden / head[0]).replace(target / head[0])
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _for_parquet(frame: pl.DataFrame, instants: Iterable[str]) -> pl.DataFrame:
    present = [name for name in instants if name in frame.columns]
    return frame.with_columns(
        (pl.col(name) * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for name in present
    )


def _ndjson(frame: pl.DataFrame, instants: Iterable[str]) -> bytes:
    """One object a line. A column `ruled_out`, one-line JSON text in memory, becomes an object."""
    present = [name for name in instants if name in frame.columns]
    texts = frame.with_columns(text_from_instants(frame[name]).alias(name) for name in present)
    if "ruled_out" not in texts.columns:
        return texts.write_ndjson().encode("utf-8")
    at = texts.columns.index("ruled_out")
    lines = []
    for row in texts.iter_rows():
        cells = [json.dumps(cell, ensure_ascii=False) for cell in row]
        cells[at] = row[at]
        pairs = zip(texts.columns, cells, strict=True)
        lines.append("{" + ",".join(f'"{name}":{cell}' for name, cell in pairs) + "}\n")
    return "".join(lines).encode("utf-8")
