"""Imports point one way, proved on the syntax trees."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MATHEMATICS = ("directions", "centering", "selection", "projection")


def _imports(path: Path) -> set[str]:
    """Every module named by an import statement in a file, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _forbid(paths: list[Path], *modules: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in sorted(_imports(path))
        if any(name == module or name.startswith(module + ".") for module in modules)
    ]


def test_the_engine_knows_neither_the_page_nor_gradio_nor_plotly():
    assert _forbid(_files("mars"), "app", "gradio", "plotly") == []


def test_mathematics_knows_no_model():
    paths = [ROOT / "mars" / f"{name}.py" for name in MATHEMATICS] + _files("mars/steering")
    assert _forbid(paths, "transformers", "mars.models", "mars.hooks", "mars.artifacts", "mars.capture") == []


def test_the_pocket_world_knows_no_model():
    assert _forbid(_files("mars/pocket"), "transformers", "mars.models", "mars.capture", "mars.generation") == []


def test_figures_know_only_arrays():
    assert _forbid(_files("app/figures"), "mars", "gradio", "torch", "app.workbench", "app.tabs") == []


def test_the_workbench_is_the_only_door_to_the_engine():
    workbench = _files("app/workbench")
    others = [path for path in _files("app") if path not in workbench]
    assert workbench and _forbid(others, "mars") == []
    assert _forbid(workbench, "gradio") == []


def test_hooks_are_registered_in_one_file():
    calls = [p.name for p in _files("mars") if "register_forward" in p.read_text(encoding="utf-8")]
    assert calls == ["hooks.py"]


def test_one_file_knows_ray():
    others = [path for path in _files("mars") + _files("app") if path.name != "on_ray.py"]
    assert _forbid(others, "ray") == []


def test_there_are_no_import_cycles():
    modules = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in _files("mars")
    }
    graph = {name: {m for m in _imports(path) if m in modules} - {name} for name, path in modules.items()}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        for other in sorted(graph[name]):
            if not name.startswith(other + ".") and not other.startswith(name + "."):
                visit(other, (*trail, name))

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("heavy", ["transformers", "umap", "sklearn", "gradio", "ray", "pyarrow"])
def test_importing_the_engine_does_no_work(heavy):
    code = f"import sys, mars.pipeline, mars.evaluation; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
