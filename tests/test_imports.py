"""Imports point one way, proved on the syntax trees and followed through other modules."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    ("types", "refusal", "atomic_file", "bundled", "intervals", "versions"),
    ("geometry", "verdict"),
    ("steering", "media"),
    ("model", "datasets"),
    ("distributed", "fitted"),
    ("effect",),
    ("fitting",),
    ("artifact",),
    ("evaluation", "analysis", "recording"),
    ("pocket_vl", "icon_vl", "printing", "options"),
    ("__main__",),
)
"""Rooms of mars/, from the ground up. A room imports lower ones and itself, and none beside it."""


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    """Every module named by an import statement in a file, wherever it stands; relative ones by their full name."""
    package = _name(path).split(".") if path.name == "__init__.py" else _name(path).split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def _graph(folder: str) -> dict[str, set[str]]:
    """Module -> modules of the same folder that it names, but for the packages it is in."""
    modules = {_name(path): path for path in _files(folder) if _name(path) != folder}
    return {
        name: {other for other in _imports(path) & modules.keys() if not f"{name}.".startswith(f"{other}.")}
        for name, path in modules.items()
    }


def _reached(folder: str, module: str) -> set[str]:
    """All that a module imports, directly or through others."""
    graph, reached, waiting = _graph(folder), set(), [module]
    while waiting:
        for name in graph[waiting.pop()] - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def _forbid(paths: list[Path], *modules: str) -> list[str]:
    """Imports of forbidden modules, also through other modules of the same folder."""
    found = []
    for path in paths:
        folder = path.relative_to(ROOT).parts[0]
        through = {} if _name(path) == folder else dict.fromkeys(_reached(folder, _name(path)))
        names = _imports(path).union(*(_imports(_path(name)) for name in through), through)
        found += [
            f"{path.relative_to(ROOT)} reaches {name}"
            for name in sorted(names)
            if any(name == module or name.startswith(module + ".") for module in modules)
        ]
    return found


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_every_room_has_a_floor():
    paths = (ROOT / "mars").iterdir()
    rooms = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} == {room for floor in FLOORS for room in floor}


def test_rooms_import_only_what_lies_below_them():
    floor_of = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    upward = [
        f"{name} imports {other}"
        for name, others in _graph("mars").items()
        for other in others
        if (room := name.split(".")[1]) != (theirs := other.split(".")[1]) and floor_of[theirs] >= floor_of[room]
    ]
    assert upward == []


@pytest.mark.parametrize("folder", ["mars", "app"])
def test_there_are_no_import_cycles(folder):
    circles = [name for name in _graph(folder) if name in _reached(folder, name)]
    assert circles == []


def test_the_test_follows_imports_through_other_modules():
    assert "mars.model.hooks" not in _graph("mars")["mars.evaluation.evaluate"]
    assert _forbid([_path("mars.evaluation.evaluate")], "mars.model.hooks") != []


def test_the_engine_knows_neither_the_page_nor_gradio_nor_plotly():
    assert _forbid(_files("mars"), "app", "gradio", "plotly") == []


def test_mathematics_knows_no_model():
    assert (
        _forbid(_files("mars/geometry") + _files("mars/steering"), "transformers", "mars.model", "mars.artifact")
        == []
    )


def test_the_pocket_world_and_its_splits_know_no_model():
    paths = [*_files("mars/pocket_vl/world"), _path("mars.pocket_vl.splits"), _path("mars.pocket_vl.gallery")]
    assert _forbid(paths, "transformers", "mars.model", "mars.artifact") == []


def test_figures_know_only_arrays():
    assert _forbid(_files("app/figures"), "mars", "gradio", "torch", "app.workbench", "app.tabs") == []


def test_the_workbench_is_the_only_door_to_the_engine():
    workbench = _files("app/workbench")
    others = [path for path in _files("app") if path not in workbench]
    assert (
        workbench and [path for path in others if any(name.split(".")[0] == "mars" for name in _imports(path))] == []
    )
    assert _forbid(workbench, "gradio") == []


def test_hooks_are_registered_in_one_file():
    calls = [p.name for p in _files("mars") if "register_forward" in p.read_text(encoding="utf-8")]
    assert calls == ["hooks.py"]


def test_one_file_knows_ray():
    knowing = [path.name for path in _files("mars") + _files("app") if {"ray", "ray.data"} & _imports(path)]
    assert knowing == ["ray_cluster.py"]


@pytest.mark.parametrize("heavy", ["transformers", "umap", "sklearn", "gradio", "ray", "pyarrow"])
def test_importing_the_engine_does_no_work(heavy):
    code = (
        "import sys, mars.artifact.artifact, mars.evaluation.evaluate, mars.model.loading; "
        f"sys.exit('{heavy}' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_front_door_opens_what_it_names():
    code = "import sys, mars; assert 'torch' not in sys.modules; [getattr(mars, name) for name in mars.__all__]"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
