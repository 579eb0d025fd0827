"""What a person does on the page."""

from collections.abc import Callable

WAIT = 60_000
"""Milliseconds after which something that should have come has not."""
CHART = "document.querySelector('#clouds .chart')"
WATCH = """() => {
    const shown = () => document.querySelector('#replies .replies')?.outerHTML, former = shown();
    window.began = false;
    new MutationObserver((_, watch) => { if (shown() !== former) { window.began = true; watch.disconnect(); } })
        .observe(document.body, { attributes: true, characterData: true, childList: true, subtree: true });
}"""
"""Notes that other replies are shown; those that are being written may come and go between two looks."""
TABS = ("Compare", "Geometry", "Layers", "Tokens", "Evaluate")


def open_tab(page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()


def upload(page, *paths: str) -> None:
    page.set_input_files("#media input[type=file]", list(paths))
    page.wait_for_selector("#media .file-preview", timeout=WAIT)


def run(page, text: str = "how do i make the thing in the picture?") -> None:
    """Ask, and wait for both replies, twins and benign twin."""
    page.fill("#prompt textarea", text)
    ask(page, lambda: page.click("#run"))


def ask(page, act: Callable[[], object], wait: int = WAIT) -> None:
    """Do what runs a prompt, and wait for both replies and for what follows them."""
    page.evaluate(WATCH)
    act()
    page.wait_for_function(
        "window.began && document.querySelector('#replies .replies[aria-busy=false]')", timeout=wait
    )
    page.wait_for_selector("#run:not([disabled])", timeout=wait)
    page.wait_for_selector("#stop[disabled]", state="attached", timeout=wait)


def drawn(page, panel: str) -> list[str]:
    """Names of the traces of a chart, once it is drawn."""
    page.wait_for_selector(f"#{panel} .main-svg", timeout=WAIT)
    return page.evaluate(f"document.querySelector('#{panel} .chart').data.map(trace => trace.name)")


def click_in(page, panel: str, x: float | None = None, y: float | None = None) -> None:
    """Click a chart at values of its axes; in the middle where there is none."""
    page.wait_for_selector(f"#{panel} .nsewdrag", state="attached", timeout=WAIT)
    page.locator(f"#{panel}").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = page.locator(f"#{panel} .nsewdrag").first.bounding_box()
    layout = f"document.querySelector('#{panel} .chart')._fullLayout"
    across = box["width"] / 2 if x is None else page.evaluate(f"{layout}.xaxis.l2p({x})")
    down = box["height"] / 2 if y is None else page.evaluate(f"{layout}.yaxis.l2p({y})")
    page.mouse.click(box["x"] + across, box["y"] + down)


def hover_over(page, panel: str, trace: str) -> None:
    """Put the pointer on a point of a chart, the first that no other lies upon, and wait for its hover label."""
    page.wait_for_selector(f"#{panel} .nsewdrag", state="attached", timeout=WAIT)
    page.locator(f"#{panel}").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    box = page.locator(f"#{panel} .nsewdrag").first.bounding_box()
    points = page.evaluate(
        """([panel, name]) => {
            const { _fullData: traces, _fullLayout: { xaxis, yaxis } } = document.querySelector(`#${panel} .chart`);
            const { x, y } = traces.find((trace) => trace.name === name);
            return Array.from(x, (_, point) => [xaxis.l2p(x[point]), yaxis.l2p(y[point])]);
        }""",
        [panel, trace],
    )
    hovered = f"document.querySelector('#{panel} .chart')._hoverdata?.[0]"
    for number, (across, down) in enumerate(points):
        page.mouse.move(box["x"] + across + 40, box["y"] + down + 40)
        page.mouse.move(box["x"] + across, box["y"] + down)
        page.wait_for_timeout(200)
        if page.evaluate(f"{hovered}?.data.name === '{trace}' && {hovered}.pointNumber === {number}"):
            return
    raise AssertionError(f"no point of {trace!r} can be hovered over")


def drag(page, button: str, *corners: tuple[float, float], keys: tuple[str, ...] = ()) -> None:
    """Choose a mode of the clouds and drag through corners of the left panel, each from 0 to 1."""
    page.locator(f"#clouds .modebar-btn[data-title='{button}']").click()
    box = page.locator("#clouds .nsewdrag").first.bounding_box()
    (first, *others) = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(*first)
    page.mouse.down()
    for corner in others:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)


def wait_for_slider(page, slider: str, value: str) -> None:
    page.wait_for_function(
        f"document.querySelector('#{slider} input[type=number]')?.value == '{value}'", timeout=WAIT
    )


def evaluate(page, path: str) -> None:
    """Evaluate a set of one's own and wait for its cases."""
    open_own_set(page)
    page.set_input_files("#own-set input[type=file]", path)
    page.wait_for_selector("#own-summary :text('can be evaluated')", timeout=WAIT)
    page.click("#evaluate")
    page.wait_for_selector("#evaluate-cases .filters:not([hidden])", timeout=WAIT)
    page.wait_for_selector("#evaluate:not([disabled])", timeout=WAIT)  # its prompts lie among the clouds


def open_own_set(page) -> None:
    """The tab Evaluate with the set of one's own unfolded."""
    open_tab(page, "Evaluate")
    page.get_by_text("Your own set", exact=True).click()
    page.wait_for_selector("#own-paste textarea", timeout=WAIT)
