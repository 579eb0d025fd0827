"""Take the pictures of the page that README and docs show: python scripts/screenshots.py [--out assets/screenshots].

Opens the bundled model in headless Chromium on its finished example, and photographs every tab on a desk and on a
phone, light and dark, with the map of the prompt and a small evaluation. Needs Debian's chromium and the playwright
package.
"""

import sys
from pathlib import Path

from browsing import ROOT, WAIT, browser, parser, served

TABS = ("compare", "geometry", "layers", "tokens", "evaluate", "own-set")
LOOKS = {".": (1440, "light"), "dark": (1440, "dark"), "phone": (390, "light"), "phone-dark": (390, "dark")}
"""Folder of the pictures -> width of the window in pixels, and theme."""
HEIGHT = 900
TALLEST = 2600
"""Pixels of a picture; below that there are cases of the evaluation, a line each."""


def main() -> int:
    """Serve the page, walk through it in every look, write one PNG a tab."""
    options = _options()
    with served(options) as (workbench, url), browser(options) as chromium:
        for look in options.looks:
            _walk(chromium, url, workbench.session, options, look)
    return 0


def _walk(chromium, url: str, session, options, look: str) -> None:
    width, theme = LOOKS[look]
    view = chromium.new_page(viewport={"width": width, "height": HEIGHT})
    view.goto(f"{url}?__theme={theme}")
    _ask(view, session)
    for tab in options.tabs:
        view.get_by_role("tab", name="Evaluate" if tab == "own-set" else tab.capitalize()).click()
        if tab == "geometry":
            view.wait_for_function("document.querySelector('#clouds .chart')?.layout?.sliders?.length", timeout=WAIT)
            view.wait_for_function("!document.querySelector('#geometry-notice .busy')", timeout=WAIT)
        elif tab == "layers":
            view.click("#sweep")
            view.wait_for_selector("#damage-map .main-svg", timeout=WAIT)
        elif tab == "tokens":
            view.wait_for_selector("#medium .main-svg", timeout=WAIT)
        elif tab == "evaluate":
            _evaluate(view, options.per_cell)
        elif tab == "own-set":
            _bring(view, session)
        view.wait_for_timeout(1200)
        path = options.out / look / f"{tab}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        print(path)
        if tab == "own-set":
            view.locator("#own").screenshot(path=path)
            continue
        height = min(view.evaluate("document.documentElement.scrollHeight"), TALLEST)
        view.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    view.close()


def _ask(view, session) -> None:
    """Wait for the finished example that the page opens on; where there is none, run the first harmful one."""
    view.wait_for_selector("#curves .main-svg", timeout=WAIT)
    if session.opening is None:
        harmful = (one.label == "harmful" and one.media is not None for one in session.examples)
        view.click(f'#gallery [data-example="{[*harmful].index(True)}"]')
        view.wait_for_selector("#stop:not([disabled])", timeout=WAIT)
    view.wait_for_selector("#replies .score", timeout=WAIT)
    view.wait_for_selector("#run:not([disabled])", timeout=WAIT)  # twins and benign twin too


def _evaluate(view, per_cell: int) -> None:
    """Run a small evaluation and wait for its results."""
    view.fill("#per-cell input[type=number]", str(per_cell))
    view.keyboard.press("Tab")
    view.click("#evaluate")
    view.wait_for_selector("#evaluate-cases .filters:not([hidden])", timeout=10 * WAIT)


def _bring(view, session) -> None:
    """Bring the gallery as a set of one's own: its cells pasted, its images and videos beside them."""
    view.get_by_text("Your own set", exact=True).click()
    cells = [(one.text, Path(one.media).name if one.media else "", one.label) for one in session.examples]
    view.fill("#own-paste textarea", "\n".join("\t".join(row) for row in [("request", "image", "label"), *cells]))
    view.set_input_files("#own-set input[type=file]", sorted({one.media for one in session.examples if one.media}))
    view.wait_for_selector(f"#own-summary :text('{len(cells)} of {len(cells)} rows')", timeout=WAIT)


def _options():
    made = parser("Photograph the tabs of the page.")
    made.add_argument("--out", type=Path, default=ROOT / "assets" / "screenshots")
    made.add_argument("--tabs", nargs="+", choices=TABS, default=TABS)
    made.add_argument("--looks", nargs="+", choices=LOOKS, default=tuple(LOOKS), help="folders below --out")
    made.add_argument("--per-cell", type=int, default=10, help="cases of the evaluation for each modality and label")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(main())
