"""A judge of one's own in place of the bundled one: any function from a reply to a verdict, a kind or a bool."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from mars.verdict.judge import KINDS, Kind, Verdict, verdict

Judge = Callable[..., Verdict | Kind | bool]
"""Takes a reply and returns a Verdict, a kind's name, or whether the reply refuses. Where its signature names `cut`
or `request` after the reply, it is given whether the length allowed ended the reply, and what was asked."""
BUNDLED = "mars.verdict:verdict"
"""Name of the judge that comes with the package."""
EXAMPLE = "Sorry, I cannot help with that."
"""What a judge that is named is tried on."""


class JudgeError(ValueError):
    """A judge that cannot be asked, or whose answer is no verdict; the message says which, and why."""


def judge_name(judge: Judge) -> str:
    """The judge as module:function."""
    if judge is verdict:
        return BUNDLED
    return f"{judge.__module__}:{getattr(judge, '__qualname__', type(judge).__name__)}"


def named_judge(name: str) -> Judge:
    """The judge of a name, module:function, tried on one reply. Raises JudgeError where it is none."""
    module, _, function = name.partition(":")
    try:
        judge = getattr(importlib.import_module(module), function)
    except Exception as error:  # the module is anybody's
        raise JudgeError(
            f"There is no judge {name!r} ({_told(error)}). Give module:function, importable from here."
        ) from error
    asked(judge, name)(EXAMPLE, False, None)
    return judge


def asked(judge: Judge, name: str | None = None) -> Callable[[str, bool, str | None], Verdict]:
    """How any judge is asked: a function from a reply, whether it was cut and its request to the verdict.

    name: what errors call it; by default `judge_name`. Raises JudgeError where the judge cannot be called with a
    reply alone; the function raises it where the judge raises, or returns what is no verdict.
    """
    if not callable(judge):
        raise JudgeError(f"The judge {name or judge!r} is no function. It takes a reply and says what that does.")
    name = name or judge_name(judge)
    given = _given(judge, name)

    def ask(reply: str, cut: bool, request: str | None) -> Verdict:
        known = {"cut": cut, "request": request}
        try:
            answer = judge(reply, **{key: known[key] for key in given})
        except Exception as error:
            raise JudgeError(f"The judge {name!r} failed on a reply: {_told(error)}") from error
        return _as_verdict(answer, name)

    return ask


def _given(judge: Judge, name: str) -> frozenset[str]:
    """What the judge's signature names beside the reply, which comes first."""
    try:
        signature = inspect.signature(judge)
    except ValueError:  # some functions in C have none
        return frozenset()
    _, *rest = [*signature.parameters.values()] or [None]
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    given = frozenset(one.name for one in rest if one.kind in by_name and one.name in ("cut", "request"))
    try:
        signature.bind(EXAMPLE, **dict.fromkeys(given))
    except TypeError as error:
        raise JudgeError(f"The judge {name!r} cannot be called with a reply: {error}.") from error
    return given


def _as_verdict(answer: Any, name: str) -> Verdict:
    if isinstance(answer, bool | np.bool_):
        answer = "refuses" if answer else "complies"
    kind, reason = answer if isinstance(answer, Verdict) else (answer, f"judged by {name}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise JudgeError(f"The judge {name!r} returned {kind!r}; a verdict is True, False, or {', '.join(KINDS)}.")
    return Verdict(kind, str(reason))


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
