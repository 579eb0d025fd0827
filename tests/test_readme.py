"""What the README says runs as it says."""

import contextlib
import io
import re
from pathlib import Path

from mars.refusal import refused

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run_as_pasted_and_show_the_phenomenon(monkeypatch):
    monkeypatch.chdir(ROOT)
    (snippet,) = (code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "load_model(" in code)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    unsteered, steered = printed.getvalue().splitlines()
    assert not refused(unsteered)
    assert refused(steered)


def test_every_file_and_make_target_that_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in re.findall(r"make ([a-z-]+)", README):
        assert target in targets or f"`make {target}" not in README, target
    for path in re.findall(r"(?:assets|mars|app|tests|scripts)/[\w./-]+\.\w+", README):
        assert (ROOT / path).exists(), path
