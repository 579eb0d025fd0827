"""Time the real page in headless Chromium against its budgets: python scripts/latency.py [--repeats 5].

Budgets hold for the bundled model on two idle cores; the load of the machine is printed beside them, and what does
not depend on it: the server's processor time at the start, requests and bytes of a change. Nothing fails where a
budget is missed.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from browsing import WAIT, browser, parser, served

BUDGETS = {
    "page usable after the imports": 2.0,
    "first curve after the click": 0.5,
    "first tokens after the click": 1.0,
    "another layer drawn": 0.2,
}
"""What is timed -> seconds that it may take."""
SINCE = """async ([act, readys]) => {
  const start = performance.now();
  const came = readys.map(() => null);
  new Function(act)();
  while (came.includes(null)) {
    await new Promise(requestAnimationFrame);
    readys.forEach((ready, i) => {
      if (came[i] === null && new Function('return ' + ready)()) came[i] = performance.now();
    });
  }
  return came.map((end) => (end - start) / 1000);
}"""
PAUSE = 1000
"""Milliseconds that a person takes between two actions."""
CURVE = "document.querySelector('#curves .chart').data.some((one) => one.name.startsWith('this prompt'))"
TOKENS = "[...document.querySelectorAll('#replies .reply')].every((one) => one.innerText.trim())"
CLEAR = """() => {
  document.querySelector('#curves .chart').data = [];
  document.querySelectorAll('#replies .reply').forEach((one) => { one.innerText = ''; });
}"""
SHADED = "document.querySelector('#curves .chart').layout.shapes.some((one) => one.x0 === {layer} - 0.5)"
SELECT = """const slider = document.querySelector('#layer input[type=range]');
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(slider, {layer});
slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
slider.dispatchEvent(new Event('pointerup', {{ bubbles: true }}));"""


def main() -> int:
    """Serve, drive, print the table."""
    made = parser("Time the page against its budgets.")
    made.add_argument("--repeats", type=int, default=5, help="times that a prompt is run in each modality")
    made.add_argument(
        "--load-first", action="store_true", help="load the model before the page is served, which app.py does not"
    )
    options = made.parse_args()

    import gradio  # noqa: F401 - the budget begins after the imports
    import plotly  # noqa: F401
    import sklearn  # noqa: F401
    import transformers  # noqa: F401

    import app.ui  # noqa: F401

    times: dict[str, list[float]] = {name: [] for name in BUDGETS}
    sent: list[list[int]] = []
    with browser(options) as chromium:
        began, spent = time.perf_counter(), time.process_time()
        with served(options, options.load_first) as (workbench, url):
            spent_serving = time.process_time() - spent
            view = chromium.new_page(viewport={"width": 1440, "height": 900})
            network, came = view.context.new_cdp_session(view), []
            network.send("Network.enable")
            network.on("Network.loadingFinished", lambda event: came.append(int(event["encodedDataLength"])))
            view.goto(url)
            view.wait_for_selector("#curves .main-svg", timeout=WAIT)
            view.wait_for_selector("#run:not([disabled])", timeout=WAIT)
            _ = workbench.session.card  # waits for the model, without which a click would
            times["page usable after the imports"].append(time.perf_counter() - began)
            spent, first = time.process_time() - spent, list(came)
            for example in _one_of_each(workbench.session.examples):
                _choose(view, example, workbench.session.examples[example].text)
                for _ in range(options.repeats):
                    view.evaluate(CLEAR)
                    curve, tokens = view.evaluate(SINCE, ["document.querySelector('#run').click()", [CURVE, TOKENS]])
                    times["first curve after the click"].append(curve)
                    times["first tokens after the click"].append(tokens)
                    view.wait_for_selector("#run:not([disabled])", timeout=WAIT)
            for layer in [number % workbench.session.n_layers for number in range(2 * workbench.session.n_layers)]:
                if view.evaluate(f"() => {SHADED.format(layer=layer)}"):
                    continue
                view.wait_for_timeout(PAUSE)
                came.clear()
                took = view.evaluate(SINCE, [SELECT.format(layer=layer), [SHADED.format(layer=layer)]])
                times["another layer drawn"] += took
                view.wait_for_timeout(PAUSE)
                sent.append([len(came), sum(came)])
    print(f"{workbench.session.card.name} on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(_table(times))
    requests, size = (statistics.median(column) for column in zip(*sent, strict=True))
    print(
        f"The page takes {len(first)} requests, {sum(first) / 1e6:.1f} MB and {spent:.1f} s of server time,"
        f" {spent_serving:.1f} s before the first; another layer {requests:.0f} requests and {size / 1e3:.0f} kB."
    )
    return 0


def _one_of_each(examples: Sequence) -> list[int]:
    """Numbers of the first example in words, with a picture and with a clip."""
    from app.neighbours import medium_of

    first: dict[str | None, int] = {}
    for number, example in enumerate(examples):
        first.setdefault(medium_of(example.media), number)
    return list(first.values())


def _choose(view, example: int, text: str) -> None:
    view.click(f'#gallery [data-example="{example}"]')
    view.wait_for_function(
        "text => document.querySelector('#prompt textarea').value === text", arg=text, timeout=WAIT
    )
    view.wait_for_timeout(500)
    view.wait_for_selector("#run:not([disabled])", timeout=WAIT)


def _table(times: dict[str, list[float]], of: Callable = statistics.median) -> str:
    rows = [f"{'seconds':34}{'budget':>8}{'median':>8}{'worst':>8}{'runs':>6}"]
    for name, budget in BUDGETS.items():
        missed = "" if of(times[name]) <= budget else "  missed"
        rows.append(
            f"{name:34}{budget:8.2f}{of(times[name]):8.2f}{max(times[name]):8.2f}{len(times[name]):6}{missed}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
