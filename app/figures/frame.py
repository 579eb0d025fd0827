"""What every chart shares: fonts, grid, margins, no decoration."""

from html import escape

import plotly.graph_objects as go

from .palette import LIGHT, SANS, TRANSPARENT


def plain(text: str) -> str:
    """Text that plotly does not take for markup; ends of lines made visible."""
    return escape(text.replace("\n", "↵"), quote=False)


def framed(figure: go.Figure, height: int, description: str, width: int | None = None) -> go.Figure:
    """Give a figure the page's look, an explicit height in pixels and a sentence for those who cannot see it.

    width: most pixels that it takes; None for all there are.
    """
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        autosize=True,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font={"family": SANS, "size": 13, "color": LIGHT["muted"]},
        margin={"l": 56, "r": 16, "t": 14, "b": 48},
        showlegend=False,
        dragmode=False,
        hoverlabel={
            "bgcolor": LIGHT["surface"],
            "bordercolor": LIGHT["rule"],
            "font": {"family": SANS, "size": 13, "color": LIGHT["ink"]},
        },
        meta={"description": description, "width": width},
    )
    axis = {
        "gridcolor": LIGHT["rule"],
        "gridwidth": 1,
        "zeroline": False,
        "linecolor": LIGHT["rule"],
        "ticks": "",
        "title": {"font": {"size": 13, "color": LIGHT["muted"]}, "standoff": 8},
        "fixedrange": True,
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def layer_axis(figure: go.Figure, n_layers: int, title: str = "layer (decoder block)", **where: int) -> None:
    """Number the layers on the horizontal axis, every one where there is room."""
    figure.update_xaxes(
        range=[-0.5, n_layers - 0.5],
        dtick=max(1, round(n_layers / 12)),
        tick0=0,
        title_text=title,
        showgrid=False,
        **where,
    )


def mark_layer(figure: go.Figure, layer: int, **where: int | str) -> None:
    """Shade the selected layer over the full height."""
    figure.add_vrect(
        x0=layer - 0.5, x1=layer + 0.5, fillcolor=LIGHT["selected"], line_width=0, layer="below", **where
    )
