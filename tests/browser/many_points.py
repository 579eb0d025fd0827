"""A chart of random clouds in a browser, without the page around it: python -m tests.browser.many_points times it."""

# ruff: noqa: T201 - a command, which prints its times
import statistics
import sys
import time
from dataclasses import replace

import numpy as np
import torch

from app.figures.clouds import cloud_pair
from app.figures.palette import SYMBOLS
from app.plotly_panel import PLOTLY_FOLDER, PlotlyPanel, script
from app.workbench.clouds import Clouds
from mars.artifact.artifact import Artifact
from mars.bundled import model_source

WAIT = 120_000
RUNS = 5
START = """([script, value]) => {
    Object.assign(window, { triggered: [], taken: [], started: performance.now() });
    window.addEventListener('mouseup', () => { window.released = performance.now(); }, true);
    new MutationObserver(() => { window.drawn ??= performance.now(); }).observe(
        document.querySelector('.downloads'), { attributes: true });
    new Function('element', 'props', 'watch', 'trigger', script)(
        document.querySelector('#clouds'), { value }, () => {},
        (name, event) => triggered.push([name, event, performance.now()]));
}"""
"""What Gradio does for a panel, with the times of what it triggers."""
SELECTED = """(() => {
    const { data } = document.querySelector('#clouds .chart');
    const rows = (of) => data.filter((trace) => trace.xaxis === of && trace.meta.rows).flatMap(
        ({ meta, selectedpoints }) => (selectedpoints ?? []).map((point) => meta.rows[point]));
    return [rows('x'), rows('x2')];
})()"""
"""Rows that each panel shows as selected."""


def clouds(count: int):
    """A pair of panels with random points, half of which show the same small image."""
    rng = np.random.default_rng(0)
    modalities = rng.choice([*SYMBOLS], count).tolist()
    gif = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    return cloud_pair(
        rng.normal(size=(2, count, 2)), modalities, rng.choice(["harmful", "harmless", "neutral"], count).tolist(),
        [f"point {row} of many" for row in range(count)], np.zeros((2, 0, 2)), (), ("x axis", "y axis"),
        ("before", "after"), "A pair.", ["" if kind == "text" else gif for kind in modalities],
        as_images=True,
    )  # fmt: skip


def open_clouds(page, count: int) -> None:
    """Draw them as a panel of the page does, and wait until they are drawn."""
    panel = PlotlyPanel()
    page.set_content(f'<body><div id="clouds">{panel.html_template}</div></body>')
    page.add_script_tag(path=PLOTLY_FOLDER / "plotly.min.js")
    page.add_script_tag(content=script())
    page.evaluate(START, [panel.js_on_load, panel.postprocess(clouds(count))])
    page.wait_for_function("!document.querySelector('.downloads').hidden", timeout=WAIT)


def lasso_left(page) -> None:
    """Draw a lasso around the left half of the left panel."""
    page.locator(".modebar-btn[data-title='Lasso Select']").click()
    box = page.locator(".nsewdrag").first.bounding_box()
    corners = ((0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98), (0.02, 0.02))
    (first, *others) = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*first)
    page.mouse.down()
    for corner in others:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()


def served(count: int) -> tuple[float, float, float]:
    """Milliseconds of the processor for a layer's picture, for the same again, and for its numbers.

    Of Pocket-VL's artifact with so many points, noise around those that it has.
    """
    artifact = Artifact.read(model_source("pocket-vl") / "artifact")
    times = -(-count // sum(len(cloud.titles) for cloud in artifact.clouds))
    clouds = tuple(
        cloud._replace(
            values=cloud.values.repeat(times, 1, 1) + torch.randn(len(cloud.values) * times, 1, 1).half(),
            titles=cloud.titles * times,
            thumbnails=(cloud.thumbnails or (b"",) * len(cloud.titles)) * times,
        )
        for cloud in artifact.clouds
    )
    many = Clouds(replace(artifact, clouds=clouds, umap=None))
    return tuple(
        1000 * _seconds(work)
        for work in (
            lambda: many.pictures.draw("axis", artifact.layer, ()),
            lambda: many.pictures.draw("axis", artifact.layer, ()),
            lambda: many.measured(artifact.layer),
        )
    )


def _seconds(work) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> int:
    """Time how long points take to be drawn, and from letting a lasso go to its points selected in both panels."""
    for count in map(int, sys.argv[1:] or (500, 2000, 20_000)):
        first, again, numbers = served(count)
        print(
            f"{count:6,} points on the server: drawn in {first:.0f} ms, again in {again:.0f}, numbers {numbers:.0f}"
        )
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM, FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for count in map(int, sys.argv[1:] or (500, 2000, 20_000)):
            page = browser.new_page(viewport={"width": 1000, "height": 700})
            open_clouds(page, count)
            drawn = page.evaluate("drawn - started")
            for _ in range(RUNS):
                lasso_left(page)
                page.wait_for_function("triggered.length > 0 && triggered.at(-1)[2] > released", timeout=WAIT)
                page.evaluate("taken.push(triggered.at(-1)[2] - released)")
            taken = page.evaluate("taken")
            kind = page.evaluate("document.querySelector('.chart').data[0].type")
            print(
                f"{count:6,} points in two panels ({kind}): drawn in {drawn:.0f} ms, "
                f"a lasso in both in {statistics.median(taken):.0f} ms (at worst {max(taken):.0f})"
            )
            page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
