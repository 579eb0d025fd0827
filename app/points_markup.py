"""Points of the clouds as tables and as CSV: what was selected, and what is nearest to a prompt. Pure and escaped."""

import csv
import io
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from .markup import signed
from .results import CloudPoints, NearestPoints

MOST_ROWS = 100
"""Of a table; the file has all."""
COLUMNS = ("prompt", "modality", "label", "set", "layer", "s before", "s after")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With which a spreadsheet takes words for a formula."""

WORDS_ALONE = '<span class="letter" aria-hidden="true">Aa</span>'


def selection(points: CloudPoints, rows: Sequence[int], layer: int, is_selected: bool) -> str:
    """Points from the largest refusal coordinate after re-centering down, folded away unless they are selected.

    rows: of those that are selected or, where none is, of those that the legend shows.
    """
    rows = sorted(rows, key=lambda row: -points.after[row])
    count = f"{len(rows):,} of {len(points.titles):,} points"
    cut = f" The first {MOST_ROWS} are listed." if len(rows) > MOST_ROWS else ""
    listed = "".join(
        _row(points, row, f"<td>{signed(points.before[row])}</td><td>{signed(points.after[row])}</td>")
        for row in rows[:MOST_ROWS]
    )
    caption = f"By s at layer {layer} after re-centering, the largest first.{cut}"
    box = (
        '<div class="points-box" tabindex="0" role="region" aria-label="Points">'
        f"{_table(('s before', 's after'), listed, caption)}</div>"
    )
    if not is_selected:
        return (
            f'<details class="all-points"><summary>{count}: select some by box or lasso, further ones with shift'
            f"</summary>{box}</details>"
        )
    return (
        f'<p class="selection"><b>{count} selected</b> <a download="selection-layer-{layer}.csv" '
        f'href="data:text/csv;charset=utf-8,{quote(as_csv(points, rows, layer))}">Download as CSV</a> '
        f'<button type="button">Clear selection</button></p>{box}'
    )


def nearest(points: CloudPoints, found: NearestPoints, layer: int) -> str:
    """The points nearest to a prompt, with their cosine."""
    listed = "".join(
        _row(points, row, f"<td>{signed(cosine)}</td><td>{signed(points.after[row])}</td>")
        for row, cosine in zip(found.rows, found.cosines, strict=True)
    )
    return _table(("cosine", "s after"), listed, f"Nearest at layer {layer} to: {found.title}")


def as_csv(points: CloudPoints, rows: Sequence[int], layer: int) -> str:
    """One line a point, with the refusal coordinate at a layer before and after re-centering."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        title = points.titles[row]
        words = f"'{title}" if title.startswith(FORMULA) else title
        s = (f"{coordinates[row]:.5f}" for coordinates in (points.before, points.after))
        writer.writerow([words, points.modalities[row], points.labels[row], _set(points, row), layer, *s])
    return file.getvalue()


def _set(points: CloudPoints, row: int) -> str:
    return "own" if points.is_own(row) else "clouds"


def _row(points: CloudPoints, row: int, numbers: str) -> str:
    thumbnail, label = points.thumbnails[row], points.labels[row]
    shown = f'<img src="{escape(thumbnail)}" alt="">' if thumbnail else WORDS_ALONE
    own = "<small>your set</small>" if points.is_own(row) else ""
    return (
        f'<tr><th scope="row"><span class="what">{shown}<span>{escape(points.titles[row])}{own}</span></span></th>'
        f'<td>{escape(points.modalities[row])}</td><td class="{escape(label)}">{escape(label)}</td>{numbers}</tr>'
    )


def _table(numbers: Sequence[str], rows: str, caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("prompt", "modality", "label", *numbers))
    return (
        f'<table class="points"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
