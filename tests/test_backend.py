"""What the page may ask is stated once, and what stands behind it answers all of that."""

import ast
import inspect
from pathlib import Path

import pytest

from app.backend import Backend, Operator, Session

ROOT = Path(__file__).parent.parent
COMPOSITION = {"app/__main__.py", "app/record.py"}
"""Where a workbench is made."""


def _members(protocol):
    """Name -> what a protocol and those that it extends say of it."""
    found = {}
    for one in reversed(protocol.__mro__):
        if getattr(one, "_is_protocol", False):
            found |= {name: value for name, value in vars(one).items() if not name.startswith("_")}
    return found


def _parameters(function):
    """Names, kinds and defaults, without the object itself."""
    return [
        (one.name, one.kind, one.default)
        for one in inspect.signature(function).parameters.values()
        if one.name != "self"
    ]


@pytest.mark.parametrize("protocol", [Session, Backend, Operator])
def test_the_workbench_has_every_member_with_the_same_parameters(workbench, protocol):
    stands = workbench.session if protocol is Session else workbench
    members = _members(protocol)
    assert members
    for name, stated in members.items():
        assert hasattr(stands, name), name
        if callable(stated):
            assert _parameters(getattr(stands, name)) == _parameters(stated), name
        else:
            assert not callable(getattr(stands, name)), name


def test_every_member_says_what_it_is():
    for protocol in (Session, Backend, Operator):
        assert [name for name, stated in _members(protocol).items() if not inspect.getdoc(stated)] == []


def test_the_page_asks_nothing_that_is_not_stated():
    """Whatever is read off a session, a backend or an operator in the page is a member of its protocol."""
    stated = {name: set(_members(protocol)) for name, protocol in
              (("session", Session), ("backend", Backend), ("operator", Operator))}  # fmt: skip
    unknown, asked = [], set()
    for path in _page():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute):
                continue
            of = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            if of in stated:
                asked.add((of, node.attr))
                unknown += [f"{path.name}: {of}.{node.attr}"] if node.attr not in stated[of] else []
    assert unknown == []
    assert {name for of, name in asked if of == "session"} == stated["session"]  # and nothing is stated in vain
    assert {name for of, name in asked if of == "operator"} == stated["operator"] - stated["backend"]


def test_only_the_composition_knows_the_workbench():
    makers = {"Workbench", "LiveSession"}
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if "workbench" not in path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and makers & {alias.name for alias in node.names}
    }
    assert knowing == COMPOSITION


def _page():
    """All of the page that may be given a session, but for what stands behind it."""
    others = ("workbench", "figures")
    return [
        path
        for path in (ROOT / "app").rglob("*.py")
        if not set(others) & set(path.relative_to(ROOT).parts) and path.name != "__main__.py"
    ]
