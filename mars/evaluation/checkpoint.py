"""Finished cases on disk, so that an evaluation that was stopped or killed resumes where it was.

A JSON line holds the settings; then one line per finished case is appended at once. A line that a kill cut short is
dropped and its case is run again; no case is lost or counted twice.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mars.evaluation.outcomes import CaseResult, Outcome
from mars.evaluation.strategies import StrategyDraw

MEMORY_SETTINGS = ("max_rows", "window")
"""Settings that bound memory and change no outcome; older versions stored them too."""


class RunFileError(ValueError):
    """A run file that cannot be resumed; the message says why and what to do."""


def outcome_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that outcomes depend on, of those given or stored by any version."""
    return {name: value for name, value in settings.items() if name not in MEMORY_SETTINGS}


class Run:
    """The finished cases of one evaluation, stored as they come."""

    kind: str
    """What the run is stored in, as messages call it."""

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self.settings = outcome_settings(settings)
        """What a run must agree on to be resumed; JSON values."""
        self.finished: dict[str, dict[StrategyDraw, Outcome]] = {}
        """Outcomes by hash of the case, strategy and draw; without coordinates, which would fill the memory."""

    def outcomes(self, case_hash: str) -> dict[StrategyDraw, Outcome]:
        """What is finished of a case, by strategy and draw."""
        return dict(self.finished.get(case_hash, {}))

    def keep(self, results: Iterable[CaseResult]) -> None:
        """Store the results of some cases at once. What is finished already is not stored twice."""
        raise NotImplementedError

    def _remember(self, case_hash: str, outcomes: Iterable[Outcome]) -> None:
        known = self.finished.setdefault(case_hash, {})
        known.update(
            {StrategyDraw(outcome.strategy, outcome.draw): outcome._replace(coordinates=()) for outcome in outcomes}
        )

    def _new_outcomes(self, result: CaseResult) -> list[Outcome]:
        """Outcomes of a case that are not finished yet."""
        known = self.finished.get(result.info.hash, {}) if result.info else {}
        return [outcome for outcome in result.outcomes if StrategyDraw(outcome.strategy, outcome.draw) not in known]

    def _check_settings(self, stored: dict[str, Any]) -> None:
        """Raise RunFileError where stored settings differ from today's in what outcomes depend on."""
        stored = outcome_settings(stored)
        differences = [
            f"{name} was {stored.get(name)!r} and is {self.settings.get(name)!r}"
            for name in {**stored, **self.settings}
            if stored.get(name) != self.settings.get(name)
        ]
        if differences:
            raise RunFileError(
                f"{self.path} was begun with another setting: {', '.join(differences)}. "
                f"Delete it to begin anew, or name another {self.kind}."
            )

    def _read_outcome(self, stored: dict[str, Any]) -> Outcome:
        """Raise RunFileError where it is of a version that stored whether a reply refuses, and no verdict."""
        if stored.get("verdict") is None and "refused" in stored:
            raise RunFileError(
                f"{self.path} was begun by an older version, which stored no verdicts. Delete it to begin anew, or "
                f"name another {self.kind}."
            )
        return Outcome.read(stored)


class RunFile(Run):
    """The finished cases of one evaluation, in a file of lines. Cases that failed are not in it, and run again."""

    kind = "file"

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        """Resume the file, or begin it. Raises RunFileError where it was begun with other settings."""
        super().__init__(path, settings)
        header = _line({"settings": self.settings})
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole:
            self._read(whole.splitlines())
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        elif header.startswith(content):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(header)
        else:
            raise self._not_a_run()

    def keep(self, results: Iterable[CaseResult]) -> None:
        for result in results:
            if new := self._new_outcomes(result):
                self.add(result.info.hash, new)

    def add(self, case_hash: str, outcomes: Iterable[Outcome]) -> None:
        """Append the outcomes of a case as one line."""
        outcomes = list(outcomes)
        with self.path.open("ab") as file:
            file.write(_line({"case": case_hash, "outcomes": [_stored(outcome) for outcome in outcomes]}))
        self._remember(case_hash, outcomes)

    def _read(self, lines: list[bytes]) -> None:
        """Take in whole lines, if they are a run with these settings."""
        try:
            header, *entries = map(json.loads, lines)
            self._check_settings(header["settings"])
            for entry in entries:
                self._remember(entry["case"], map(self._read_outcome, entry["outcomes"]))
        except RunFileError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._not_a_run() from error

    def _not_a_run(self) -> RunFileError:
        return RunFileError(f"{self.path} is not the run of an evaluation. Delete it, or name another file.")


def _stored(outcome: Outcome) -> dict[str, Any]:
    return {name: value for name, value in outcome.stored.items() if name != "coordinates"}


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"
