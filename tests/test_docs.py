"""What the README and docs/ say holds: links lead somewhere, files and targets exist, commands parse, code runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import COMMANDS
from app.workbench.recording.command import parser as record_parser
from mars.__main__ import _parser
from tests.pages import (
    PAGES,
    ROOT,
    arguments,
    blocks,
    broken_links,
    commands,
    files,
    links,
    make_targets,
    names_in_files,
)

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
RUN_AS_IT_STANDS = {"README.md", "docs/api-and-mcp.md", "docs/ray.md", "docs/recording.md"}
"""Pages with one block of Python that a test runs: of the README in test_readme.py, of the others below."""


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(params=PAGES, ids=_named)
def page(request) -> Path:
    return request.param


@pytest.fixture
def text(page) -> str:
    return page.read_text(encoding="utf-8")


def test_links_lead_to_pages_headings_and_images(page, text):
    assert broken_links(page, text) == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), {ROOT / "README.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        paths = (link.partition("#")[0] for link in links(page.read_text(encoding="utf-8")))
        targets = {(page.parent / path).resolve() for path in paths}
        waiting |= {target for target in targets if target.suffix == ".md"} - reached
    assert reached == set(PAGES) and len(PAGES) > 8


def test_make_targets_exist(text):
    assert make_targets(text) - TARGETS == set()


def test_files_exist(text):
    assert [name for name in files(text) if not (ROOT / name).exists()] == []


def test_names_are_in_the_files_that_they_are_said_to_be_in(text):
    for name, path in names_in_files(text):
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), name


def test_commands_of_the_engine_parse(text):
    for given in arguments(text, "python -m mars"):
        _parses(_parser(), given)
    for command, *rest in arguments(text, "python -m app", "mars-lens"):
        assert command in COMMANDS
        if command == "record":
            _parses(record_parser(), rest)
        elif command not in ("page", "compare"):  # they are the page's, as below
            _parses(_parser(), [command, *rest])


@pytest.fixture(scope="module")
def page_options() -> set[str]:
    """All that the page's own command says it takes."""
    told = subprocess.run(
        [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"--[\w-]+", told))


def test_options_of_the_page_are_there(text, page_options):
    openings = ("python app.py", "python -m app page", "mars-lens page")
    given = {word for words in arguments(text, *openings) for word in words}
    assert {word for word in given if word.startswith("--")} - page_options == set()


def _parses(parser, given: list[str]) -> None:
    try:
        parser.parse_args(given)
    except SystemExit:
        pytest.fail(f"There is no such command: {shlex.join(given)}")


def test_modules_and_scripts_that_are_run_exist(text):
    for command in commands(text):
        words = command.split()
        if words[:2] == ["python", "-m"]:
            path = ROOT.joinpath(*words[2].split("."))
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), command
        elif words[:1] == ["python"] and len(words) > 1:
            assert (ROOT / words[1]).is_file(), command


def test_every_block_of_python_is_run_or_names_the_test_that_runs_it(page, text):
    python = blocks(text, "python")
    assert sum(not block.mark for block in python) == (_named(page) in RUN_AS_IT_STANDS)
    for path, name in (re.search(r"(tests/\w+\.py)::(\w+)", block.mark).groups() for block in python if block.mark):
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


MADE_UP = """
Make sure that the text is fine: nobody has to make nothing of it.

    make nowhere      # in an indented block
    make app && make nobody SEEDS=3

Then `make
never`, `python app.py --no-such-thing`, `python -m mars fot` and `python -m mars` alone, [a page](nowhere.md),
[a heading](#made-up), [one that is there](#made-up-heading) and `mars/nothing.py`, `TEN` in
`mars/types.py`.

```sh
python -m mars eval --set test \\
    --no-such-option
make nothing-fenced
```

<!-- a mark -->
```python
make = nothing
```

## Made-up heading
"""


def test_what_is_wrong_in_a_made_up_page_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(MADE_UP)
    assert make_targets(MADE_UP) - TARGETS == {"nowhere", "nobody", "never", "nothing-fenced"}
    assert make_targets(MADE_UP) & TARGETS == {"app"}
    assert arguments(MADE_UP, "python -m mars") == [["eval", "--set", "test", "--no-such-option"], ["fot"]]
    for given in arguments(MADE_UP, "python -m mars"):
        with pytest.raises(pytest.fail.Exception, match="no such command"):
            _parses(_parser(), given)
    assert arguments(MADE_UP, "python app.py") == [["--no-such-thing"]]
    assert broken_links(page, MADE_UP) == ["nowhere.md", "#made-up"]
    assert files(MADE_UP) == ["mars/nothing.py", "mars/types.py"]
    assert names_in_files(MADE_UP) == [("TEN", "mars/types.py")]
    assert [(block.mark, block.code) for block in blocks(MADE_UP, "python")] == [("a mark", "make = nothing\n")]


def _lines(page: str) -> str:
    """The one block of Python of a page that a test runs."""
    (block,) = (one for one in blocks((ROOT / page).read_text(encoding="utf-8"), "python") if not one.mark)
    return block.code


def test_the_lines_on_the_api_run_against_a_page(workbench, png, monkeypatch):
    from app.serving import serve
    from app.ui import create_app

    monkeypatch.chdir(Path(png).parent)
    Path(png).rename("photo.png")
    names: dict = {}
    served = create_app(workbench)
    try:
        exec(_lines("docs/api-and-mcp.md").replace("http://127.0.0.1:7860", serve(served, workbench)), names)
    finally:
        served.close()
    assert names["found"]["modality"] == "image"
    assert len(names["cells"]["gains"]) == 9


def test_the_lines_on_recordings_run(capsys):
    exec(_lines("docs/recording.md"), {})
    assert capsys.readouterr().out.startswith("pocket-vl 20")


def test_the_lines_on_the_table_of_results_run(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pyarrow", reason="pyarrow comes with requirements-ray.txt")
    from mars.evaluation.parquet import RunTable
    from tests.test_parquet import _result

    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    RunTable(Path("out/eval.parquet"), {}).keep([_result(0, "unsteered", "mars")])
    exec(_lines("docs/ray.md"), {})
    assert re.search(r"mars\s+harmless\s+refuses\s+1\.0", capsys.readouterr().out)
