"""Rows of what a person pastes or brings as a table: lines, cells of a spreadsheet, CSV, TSV, JSON, Parquet.

A row that cannot be read says so itself, so that one mistake costs no other row; what is wrong with the whole
raises TableError.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mars.datasets.columns import NAMES, is_usual, plain
from mars.datasets.tables import Row, TableError, lines_of, parquet_rows

MAX_ROWS = 20_000
MAX_TABLE_BYTES = 100_000_000
"""Longest file of text, and most that the columns of a Parquet file may take when they are unpacked."""
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl"})
TABLE_SUFFIXES = TEXT_SUFFIXES | {".parquet"}
LINE = "text"
"""Name of the only column where nothing but lines was given."""
LIST, OBJECT = re.compile(r'\s*\[\s*([\[{"\]]|$)'), re.compile(r'\s*\{\s*(["}]|$)')
"""How a list and an object of JSON begin."""
_SPREADSHEETS = frozenset({".xls", ".xlsx", ".ods", ".numbers"})


def read_table(path: Path) -> list[Row]:
    """The rows of a file, of a kind told by its suffix. Raises TableError."""
    suffix = path.suffix.lower()
    if suffix in _SPREADSHEETS:
        raise TableError(f"{path.name} is a spreadsheet: save it as CSV, or copy its cells and paste them.")
    if suffix not in TABLE_SUFFIXES:
        raise TableError(f"{path.name} is of no kind that is read, which are {', '.join(sorted(TABLE_SUFFIXES))}.")
    try:
        if suffix == ".parquet":
            return _whole(parquet_rows(path, MAX_ROWS, MAX_TABLE_BYTES), f" of {path.name}")
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise TableError(f"{path.name} has more than {MAX_TABLE_BYTES // 10**6} MB. Split it.")
        text = _decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path.name} cannot be read: it is no text in UTF-8. Save it as such.") from error
    return read_pasted(text, f" of {path.name}", suffix in (".csv", ".tsv"), suffix in (".json", ".jsonl"))


def read_pasted(text: str, of: str = "", has_names: bool = False, is_json: bool = False) -> list[Row]:
    """The rows of a text: JSON, JSON lines, cells with tabs, commas or semicolons between them, or lines.

    of: what follows "Row 3" where a row is named, as " of set.csv".
    has_names: whether the first row of cells names the columns whatever it says; otherwise it does where it
        holds a usual name, and columns without one are numbered.
    is_json: whether it is JSON or JSON lines whatever it looks like; otherwise it is where it begins as a list or an
        object of JSON does, which “[Scenario] how do i …” does not.
    Raises TableError where there is nothing, or too much.
    """
    text = text.removeprefix("\ufeff").strip("\r\n")
    if not text.strip():
        raise TableError(f"There is nothing to read{of}.")
    first = next(line for line in lines_of(text) if line.strip())
    if LIST.match(first) or (is_json and first.lstrip().startswith("[")):
        rows = _json(text)
    elif OBJECT.match(first) or is_json:
        rows = _json_lines(text)
    elif delimiter := _delimiter(first, has_names):
        rows = _cells(text, delimiter, has_names)
    else:
        lines = [line.strip() for line in lines_of(text) if line.strip()]
        rows = ({LINE: line} for line in (lines[1:] if has_names or plain(lines[0]) in NAMES["text"] else lines))
    return _whole(rows, of)


def _whole(found: Iterator[Mapping[str, Any] | str], of: str) -> list[Row]:
    """Numbered rows of cells, or of sentences that say why there are none. Raises TableError."""
    rows = []
    for number, cells in enumerate(found, start=1):
        if number > MAX_ROWS:
            raise TableError(f"There are more than {MAX_ROWS} rows{of}. Split them into several sets.")
        where = f"Row {number}{of}"
        if isinstance(cells, str):
            rows.append(Row(where, {}, f"{where} {cells}"))
        else:
            rows.append(Row(where, cells))
    if not rows:
        raise TableError(f"There are no rows{of}, only names of columns.")
    return rows


def _delimiter(first: str, has_names: bool) -> str | None:
    """What stands between cells, by the first line; commas and semicolons, of which prompts are full, need names."""
    if "\t" in first:
        return "\t"
    for delimiter in ",;":
        names = next(csv.reader([first], delimiter=delimiter), [])
        if len(names) > 1 and (has_names or any(map(is_usual, names))):
            return delimiter
    return None


def _cells(text: str, delimiter: str, has_names: bool) -> Iterator[Mapping[str, str] | str]:
    try:
        table = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if any(row)]
    except csv.Error:  # a quote that is not closed, or no quote of cells at all
        table = [[cell.strip() for cell in line.split(delimiter)] for line in lines_of(text) if line.strip()]
    names, rows = table[0], table[1:]
    if not (has_names or any(map(is_usual, names))):
        names, rows = _numbered(table), table
    elif "" in names or len(set(names)) < len(names):
        names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
        names = [f"{name} ({at})" if name in names[:at] else name for at, name in enumerate(names)]
    for row in rows:
        if any(cell.strip() for cell in row[len(names) :]):
            told = f"has {len(row)} cells, and there are {len(names)} columns"
            held = "a tab" if delimiter == "\t" else f"“{delimiter}”"
            yield f"{told}: put quotes around a cell that holds {held}."
        else:
            yield dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False))


def _numbered(table: Sequence[Sequence[str]]) -> list[str]:
    """Names for cells without names."""
    return [f"column {number}" for number in range(1, max(map(len, table)) + 1)]


def _json_lines(text: str) -> Iterator[Mapping[str, Any] | str]:
    """A first line with "source" and without a request describes the set and is skipped."""
    for number, line in enumerate(line for line in lines_of(text) if line.strip()):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError):
            yield "is not JSON: each line has to be one object."
            continue
        describes = number == 0 and isinstance(cells, dict) and "source" in cells
        if not describes or {plain(name) for name in cells} & {*NAMES["text"], *NAMES["media"]}:
            yield cells if isinstance(cells, dict) else _NO_OBJECT


def _json(text: str) -> Iterator[Mapping[str, Any] | str]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        if "\n" in text:
            yield from _json_lines(text)  # lines of which the first is a list, which says so itself
            return
        raise TableError("What begins with “[” has to be a JSON list of objects, and is not.") from None
    for cells in table:
        yield cells if isinstance(cells, dict) else _NO_OBJECT


_NO_OBJECT = "is not an object with columns and values."


def _decoded(content: bytes) -> str:
    """UTF-8, or UTF-16 where that says so, as spreadsheets write it. Raises UnicodeDecodeError."""
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    return content.decode("utf-16" if is_wide else "utf-8-sig")
