"""Draws how the cost of the map grows, from the results of `make bench`, into one page that opens offline.

python -m benchmarks.plot out/bench.json out/bench.html
"""

import json
import sys
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

AXES = {"tokens": "prompt length (tokens)", "layers": "layers", "cells": "cells (layers x gains)"}


def growth(results: dict) -> go.Figure:
    """The map's cost, in readings of its prompt, over prompt length, layers and cells: three panels, one scale."""
    figure = make_subplots(cols=len(AXES), shared_yaxes=True, horizontal_spacing=0.04)
    for column, (axis, title) in enumerate(AXES.items(), start=1):
        points = sorted(results["growth"][axis], key=lambda point: point[axis])
        figure.add_scatter(
            x=[point[axis] for point in points],
            y=[point["prefills"] for point in points],
            customdata=[point["map_seconds"] for point in points],
            hovertemplate=f"%{{x}} {axis}: %{{y:.2f}} prefills, %{{customdata:.2f}} s<extra></extra>",
            mode="lines+markers",
            line={"color": "#4f46e5"},
            showlegend=False,
            row=1,
            col=column,
        )
        figure.update_xaxes(title=title, row=1, col=column)
    figure.update_yaxes(title="map (prefills of its prompt)", rangemode="tozero", col=1)
    return figure.update_layout(height=420, template="plotly_white", title="What the layer x gain map costs")


def main() -> None:
    source, page = map(Path, sys.argv[1:3])
    results = json.loads(source.read_text(encoding="utf-8"))
    if "growth" not in results:
        sys.exit(f"{source} has no growth in it: it is of a quick run. Run make bench.")
    growth(results).write_html(page, include_plotlyjs=True)
    print(f"Wrote {page}.")


if __name__ == "__main__":
    main()
