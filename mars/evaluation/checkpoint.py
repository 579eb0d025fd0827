"""Finished cases on disk, so that an evaluation that was stopped or killed goes on where it was.

A JSON line tells the settings, then one line a finished case is appended at once. A line that a kill tore off
is dropped, and its case is asked again; no case is lost or counted twice.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mars.evaluation.outcomes import CaseResult, Outcome
from mars.evaluation.strategies import StrategyDraw


class RunFileError(ValueError):
    """A run file that cannot be gone on with; the message says why and what to do."""


class Run:
    """The finished cases of one evaluation, kept somewhere as they come."""

    def __init__(self) -> None:
        self.finished: dict[str, dict[StrategyDraw, Outcome]] = {}
        """Outcomes by hash of the case, strategy and draw; without coordinates, which would fill the memory."""

    def outcomes(self, case_hash: str) -> dict[StrategyDraw, Outcome]:
        """What is finished of a case, by strategy and draw."""
        return dict(self.finished.get(case_hash, {}))

    def keep(self, answers: Iterable[CaseResult]) -> None:
        """Keep what became of some cases, at once. What is finished already is not kept twice."""
        raise NotImplementedError

    def _remember(self, case_hash: str, outcomes: Iterable[Outcome]) -> None:
        known = self.finished.setdefault(case_hash, {})
        known.update(
            {StrategyDraw(outcome.strategy, outcome.draw): outcome._replace(coordinates=()) for outcome in outcomes}
        )

    def _news(self, answered: CaseResult) -> list[Outcome]:
        """Outcomes of a case that are not finished yet."""
        known = self.finished.get(answered.info.hash, {}) if answered.info else {}
        return [outcome for outcome in answered.outcomes if StrategyDraw(outcome.strategy, outcome.draw) not in known]


class RunFile(Run):
    """The finished cases of one evaluation, in a file of lines. Cases that failed are not in it, and asked again."""

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        """Go on with the file, or begin it. Raises RunFileError where it was made with other settings."""
        super().__init__()
        self.path = Path(path)
        header = _line({"settings": settings})
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole:
            self._read(whole.splitlines(), json.loads(header)["settings"])
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        elif header.startswith(content):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(header)
        else:
            raise self._foreign()

    def keep(self, answers: Iterable[CaseResult]) -> None:
        for answered in answers:
            if news := self._news(answered):
                self.add(answered.info.hash, news)

    def add(self, case_hash: str, outcomes: Iterable[Outcome]) -> None:
        """Append what was found out about a case, as one line."""
        outcomes = list(outcomes)
        with self.path.open("ab") as file:
            file.write(_line({"case": case_hash, "outcomes": [_stored(outcome) for outcome in outcomes]}))
        self._remember(case_hash, outcomes)

    def _read(self, lines: list[bytes], settings: dict[str, Any]) -> None:
        """Take in whole lines, if they are a run with these settings."""
        try:
            stored, *entries = map(json.loads, lines)
            differences = differences_of(stored["settings"], settings)
            for entry in entries:
                self._remember(entry["case"], [Outcome(**outcome) for outcome in entry["outcomes"]])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._foreign() from error
        if differences:
            raise RunFileError(
                f"{self.path} was begun with another setting: {', '.join(differences)}. "
                "Delete it to begin anew, or name another file."
            )

    def _foreign(self) -> RunFileError:
        return RunFileError(f"{self.path} is not the run of an evaluation. Delete it, or name another file.")


def _stored(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in outcome._asdict().items() if name != "coordinates"}


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def differences_of(stored: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    """Settings that are not the same, with what they were and are."""
    return [
        f"{name} was {stored.get(name)!r} and is {settings.get(name)!r}"
        for name in {**stored, **settings}
        if stored.get(name) != settings.get(name)
    ]
