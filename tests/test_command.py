"""The command `mars-lens`, as `python -m app` here: the page, and the engine's commands unchanged."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import COMMANDS, main, page

ROOT = Path(__file__).parent.parent


def _ran(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_lists_every_command_with_a_line():
    told = _ran("-m", "app", "--help").stdout
    assert set(COMMANDS) == {"page", "record", "compare", "fit", "eval", "sweep", "presets", "cache"}
    for name, line in COMMANDS.items():
        assert f"\n    {name} " in told and line.split()[0] in told.split(f"\n    {name} ")[1]


@pytest.mark.parametrize(("given", "told"), [([], "COMMAND"), (["nonsense"], "invalid choice"), (["-x"], "COMMAND")])
def test_what_is_no_command_is_refused(given, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2 and told in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"page", "record", "compare"}))
def test_a_command_of_the_engine_is_handed_on_as_it_is(name, monkeypatch):
    handed = []
    monkeypatch.setattr("mars.__main__.main", lambda given, prog: handed.append((given, prog)) or 7)
    arguments = [name, "--model", "some model", "--out", "x", "page", "--help"]
    assert main(arguments) == 7 and handed == [(arguments, "mars-lens")]


def test_a_command_of_the_engine_says_what_the_engine_says(capsys):
    assert main(["presets", "--memory", "8"]) == 0
    through = capsys.readouterr().out
    assert _ran("-m", "mars", "presets", "--memory", "8").stdout == through


@pytest.mark.parametrize(
    ("given", "heavy"),
    [("'--help'", ("torch", "gradio", "mars")), ("'page', '--help'", ("torch", "gradio")),
     ("'fit', '--help'", ("gradio", "plotly", "transformers")), ("'eval', '--help'", ("gradio", "plotly"))],
)  # fmt: skip
def test_a_command_imports_no_more_than_it_needs(given, heavy):
    code = (
        "import sys\nfrom app.__main__ import main\ntry: main([" + given + "])\n"
        f"except SystemExit as end: sys.exit(end.code or any(name in sys.modules for name in {heavy!r}))"
    )
    assert _ran("-c", code).returncode == 0


@pytest.mark.parametrize("given", [["--ray"], ["--ray", "10.0.0.1:6379"]])
def test_ray_is_begun_from_the_command_line_and_the_page_says_so_in_a_sentence(given, capsys):
    assert page(given) == 1
    told = capsys.readouterr().err
    assert "mars-lens eval --ray" in told and len(told.strip().splitlines()) == 1


def test_app_py_is_the_command_page():
    own, installed = _ran("app.py", "--help"), _ran("-m", "app", "page", "--help")
    assert own.returncode == installed.returncode == 0

    def options(told):
        return told.stdout.split("options:")[1]

    assert options(own) == options(installed) and own.stdout.startswith("usage: app.py")
    assert _ran("app.py", "--ray").stderr == _ran("-m", "app", "page", "--ray").stderr != ""


def test_nothing_in_the_package_relies_on_its_name_here():
    """Installed it has another name."""
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "from app" not in text and "import app" not in text and "python -m app" not in text, path
