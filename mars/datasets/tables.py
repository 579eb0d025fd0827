"""Rows of CSV, JSON, JSON lines and parquet files, each knowing where it stands.

What is missing (a file, a column, a value) is said in one sentence that names file, row and column.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class TableError(ValueError):
    """A table that cannot be read, or lacks what is asked of it."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    where: str
    """"Row 3 of xstest_prompts.csv", counted from 1 without the line of column names."""
    cells: Mapping[str, Any]
    problem: str = ""
    """Why it cannot be read, in a sentence; "" where it can."""

    def optional(self, column: str) -> str:
        """The cell as text without surrounding space; "" where there is none."""
        value = self.cells.get(column)
        return "" if value is None else str(value).strip()

    def text(self, column: str) -> str:
        """The cell as text; raises TableError where it is empty."""
        text = self.optional(column)
        if not text:
            raise TableError(f"{self.where} has nothing in “{column}”.")
        return text

    def choice(self, column: str, meanings: Mapping[str, Any]) -> Any:
        """What the cell stands for; raises TableError on any other word."""
        value = self.optional(column)
        if value not in meanings:
            raise TableError(f"{self.where}: “{column}” is “{value}”; it must be {' or '.join(meanings)}.")
        return meanings[value]


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Every row of a table that has these columns; raises TableError at the first that has not.

    JSON is a list of objects, or objects by id, which becomes their column "id". A first JSON line with "source"
    describes the table and is skipped.
    """
    for number, cells in enumerate(_read(path), start=1):
        where = f"Row {number} of {path.name}"
        if not isinstance(cells, Mapping):
            raise TableError(f"{where} is not an object with columns and values.")
        for column in columns:
            if column not in cells:
                found = ", ".join(f"“{name}”" for name in cells if name) or "none"
                raise TableError(f"{where} has no column “{column}”; its columns are {found}.")
        yield Row(where, cells)


def find_file(root: Path, *names: str) -> Path:
    """The first of the names that root holds; root itself where it is a file. Raises TableError."""
    if root.is_file():
        return root
    for name in names:
        if (root / name).is_file():
            return root / name
    raise TableError(f"{root} holds no {' or '.join(names)}.")


def find_files(folder: Path, pattern: str) -> list[Path]:
    """All files of a pattern, sorted; raises TableError where there is none."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise TableError(f"{folder} holds no {pattern}.")
    return paths


def _read(path: Path) -> Iterator[Any]:
    readers = {".csv": _csv, ".json": _json, ".jsonl": _json_lines, ".parquet": parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TableError(f"{path.name} is of no kind that is read, which are {', '.join(readers)}.")
    try:
        yield from reader(path)
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise TableError(f"{path.name} cannot be read: {error}.") from error


def _csv(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, strict=True)


def _json(path: Path) -> Iterator[Any]:
    table = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(table, dict):
        yield from ({"id": key, **row} if isinstance(row, dict) else row for key, row in table.items())
    elif isinstance(table, list):
        yield from table
    else:
        raise TableError(f"{path.name} is neither a list nor an object.")


def lines_of(text: str) -> list[str]:
    """Lines as files end them; `str.splitlines` also ends one at U+2028 and others, which JSON need not escape."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _json_lines(path: Path) -> Iterator[Any]:
    rows = [json.loads(line) for line in lines_of(path.read_text(encoding="utf-8-sig")) if line.strip()]
    yield from rows[1:] if rows and isinstance(rows[0], dict) and "source" in rows[0] else rows


def parquet_rows(path: Path, max_rows: int | None = None, max_bytes: int | None = None) -> Iterator[Any]:
    """The rows of a Parquet file. Raises TableError, also where it says that it holds more than is allowed."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise TableError(f"{path.name} needs a reader for parquet: pip install pyarrow.") from error
    try:
        file = parquet.ParquetFile(path)
        told = file.metadata
        size = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
        if max_rows is not None and told.num_rows > max_rows:
            raise TableError(f"{path.name} has {told.num_rows} rows; at most {max_rows} are read. Split it.")
        if max_bytes is not None and size > max_bytes:
            raise TableError(f"{path.name} unpacks to {size / 1e6:.0f} MB; at most {max_bytes / 1e6:.0f} are read.")
        for batch in file.iter_batches(batch_size=64):
            yield from batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise TableError(f"{path.name} is not parquet, or damaged.") from error
