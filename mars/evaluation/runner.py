"""What every strategy replies to a case, window by window, and what happens where a case cannot be answered.

All strategies of a case that act at the same site share one prefill, and the cases of a window share batches.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.datasets.case import Case, CaseInfo
from mars.evaluation.outcomes import CaseResult, Outcome, StrategyReply, cut_rows
from mars.evaluation.self_check import check_itself
from mars.evaluation.strategies import STRATEGY_SPECS, InterventionSite, StrategyDraw, site_of, steering_of
from mars.fitted.fitted import ChosenBy
from mars.geometry.divergence import kl_divergence
from mars.media.prompt import Prompt
from mars.model.generation import Prefix, Site, branch, prefill_each, side_by_side
from mars.model.load_checks import first_line, is_out_of_memory
from mars.model.loaded_model import LoadedModel
from mars.refusal import refusal_score
from mars.steering import Steering, Unsteered
from mars.steering.base import check_gain
from mars.types import TokenStep
from mars.verdict import Judge, JudgeError, Verdict, verdict
from mars.verdict.custom_judge import asked

UNSTEERED = StrategyDraw("unsteered")


@dataclass(frozen=True)
class Settings:
    """How cases are run. Outcomes depend on all of it but `max_rows` and `window`, which bound memory."""

    layer: int | None = None
    """None is the one that `by` chooses."""
    gain: float | None = None
    """None is the one that `by` chooses."""
    by: ChosenBy = "scores"
    """What chooses the layer and the gain that are not given."""
    seed: int = 0
    """Seed of the random directions; replies are greedy."""
    max_new_tokens: int | None = None
    """Length of a reply at most, in tokens; None is the length at which the fit found few replies undecided."""
    max_rows: int = 32
    """Rows of one batch at most; fewer need less memory."""
    window: int = 16
    """Cases decoded and answered together, so that they share batches; fewer need less memory."""
    judge: Judge = verdict
    """Says what a reply does."""

    def __post_init__(self) -> None:
        if self.gain is not None:
            check_gain(self.gain)
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise ValueError(f"A reply of {self.max_new_tokens} tokens cannot be judged; allow at least 1.")
        if self.max_rows < 1:
            raise ValueError(f"A batch of {self.max_rows} rows holds nothing; allow at least 1.")
        if self.window < 1:
            raise ValueError(f"A window of {self.window} cases holds nothing; allow at least 1.")
        asked(self.judge)

    def at(self, model: LoadedModel, artifact: Artifact) -> "Settings":
        """The same with layer, gain and length resolved.

        Raises ModelError on a layer that does not exist, ArtifactError where nothing is recommended by effect.
        """
        layer, gain = (self.layer, self.gain) if None not in (self.layer, self.gain) else artifact.choice(self.by)
        return replace(
            self,
            layer=layer if self.layer is None else model.check_layer(self.layer),
            gain=gain if self.gain is None else self.gain,
            max_new_tokens=artifact.reply_tokens if self.max_new_tokens is None else self.max_new_tokens,
        )


DEFAULT = Settings()


class Window(NamedTuple):
    """Cases that are decoded and run together."""

    start: int
    """Number of the first one in its set."""
    cases: Sequence[Case]
    """Decoded when they are indexed."""


class PendingCase(NamedTuple):
    """A decoded case that is not finished."""

    number: int
    """Number of the case in its set, from 0."""
    case: Case
    rows: tuple[StrategyDraw, ...]
    """Strategies and draws that are still to be run."""


def windows_of(cases: Sequence[Case], size: int) -> list[Window]:
    """A set cut into windows of `size` cases, of which none is decoded yet."""
    return [Window(start, cases[start : start + size]) for start in range(0, len(cases), size)]


def read_window(
    window: Window, rows: Sequence[StrategyDraw], finished: Mapping[str, Collection[StrategyDraw]]
) -> list[PendingCase | CaseResult]:
    """Decode the cases of a window; one that is finished, by hash, or cannot be decoded has its result already."""
    entries: list[PendingCase | CaseResult] = []
    for index in range(len(window.cases)):
        number = window.start + index
        try:
            case = window.cases[index]
        except Exception as error:
            entries.append(CaseResult(number, None, error=_sentence(error)))
            continue
        done = finished.get(case.hash, ())
        missing = tuple(row for row in rows if row not in done)
        entries.append(PendingCase(number, case, missing) if missing else CaseResult(number, case.info))
    return entries


class CaseRunner:
    """Runs windows of cases on a model with its artifact, in batches that fit into memory.

    Where memory runs out, cases are run in parts half as large from then on, at last one by one, and then in batches
    of half the rows. A case that fails alone has its error as its result.
    """

    def __init__(self, model: LoadedModel, artifact: Artifact, settings: Settings) -> None:
        self._model = model
        self._artifact = artifact
        self._settings = settings.at(model, artifact)
        self._judge = asked(self._settings.judge)
        self._max_cases = self._settings.window

    def __call__(self, entries: Sequence[PendingCase | CaseResult]) -> list[CaseResult]:
        """The result of every case of a window, in order."""
        pending = [entry for entry in entries if isinstance(entry, PendingCase)]
        results: dict[int, CaseResult] = {}
        while pending:
            part, pending = pending[: self._max_cases], pending[self._max_cases :]
            results.update({result.case: result for result in self._part(part)})
        return [results[entry.number] if isinstance(entry, PendingCase) else entry for entry in entries]

    def _part(self, pending: Sequence[PendingCase]) -> list[CaseResult]:
        try:
            return self._results(pending)
        except Exception as raised:
            error, out_of_memory = _sentence(raised), is_out_of_memory(raised)
        # Outside the handler, whose traceback holds the tensors of the failed batch.
        if out_of_memory and torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(pending) // 2
        if half:
            if out_of_memory:
                self._max_cases = min(self._max_cases, half)
            return [*self._part(pending[:half]), *self._part(pending[half:])]
        if out_of_memory and self._settings.max_rows > 1:
            self._settings = replace(self._settings, max_rows=self._settings.max_rows // 2)
            return self._part(pending)
        return [CaseResult(pending[0].number, pending[0].case.info, error=error)]

    def _results(self, pending: Sequence[PendingCase]) -> list[CaseResult]:
        prompts = [entry.case.prompt for entry in pending]
        replies = answer(self._model, self._artifact, prompts, [entry.rows for entry in pending], self._settings)
        return [self._result(entry, found) for entry, found in zip(pending, replies, strict=True)]

    def _result(self, pending: PendingCase, replies: Mapping[StrategyDraw, StrategyReply]) -> CaseResult:
        info, unsteered = pending.case.info, replies[UNSTEERED].logits
        judge = cache(partial(self._judge, request=info.text or None))  # strategies often share a reply
        try:
            outcomes = tuple(
                self._outcome(pending.number, info, row, reply, judge(reply.text, reply.cut), unsteered)
                for row, reply in ((row, replies[row]) for row in pending.rows)
            )
        except JudgeError as error:  # no smaller batch would help
            return CaseResult(pending.number, info, error=_sentence(error))
        return CaseResult(pending.number, info, outcomes)

    def _outcome(
        self,
        number: int,
        info: CaseInfo,
        row: StrategyDraw,
        reply: StrategyReply,
        judged: Verdict,
        unsteered: Tensor,
    ) -> Outcome:
        return Outcome(
            case=number,
            strategy=row.strategy,
            draw=row.draw,
            modality=info.modality,
            label=info.label,
            group=info.group,
            reply=reply.text,
            verdict=judged.kind,
            reason=judged.reason,
            cut=reply.cut,
            refusal_score=float(refusal_score(reply.logits[None], self._artifact.refusal_ids)),
            strength=reply.strength,
            kl=float(kl_divergence(unsteered, reply.logits[None])),
            exact=None if info.expected is None else reply.text.strip() == info.expected.strip(),
            coordinates=reply.coordinates,
        )


def answer(
    model: LoadedModel,
    artifact: Artifact,
    prompts: Sequence[Prompt],
    rows: Sequence[Sequence[StrategyDraw]],
    settings: Settings,
) -> list[dict[StrategyDraw, StrategyReply]]:
    """Replies to each prompt: one for each of its `rows`, and the unsteered one whether named or not.

    Raises PromptError on a prompt that the model cannot read, ModelError on a layer that does not exist and on
    activations or logits that are not finite, ArtifactError on a modality that was not fitted.
    """
    settings = settings.at(model, artifact)
    by_site: dict[InterventionSite, list[tuple[int, StrategyDraw]]] = defaultdict(list)
    for number, of_prompt in enumerate(rows):
        for row in dict.fromkeys((UNSTEERED, *of_prompt)):
            if not STRATEGY_SPECS[row.strategy].checks_itself:
                by_site[site_of(row, settings.layer, model.n_layers)].append((number, row))
    prefixes: dict[tuple[str | None, int], Prefix] = {}
    replies: list[dict[StrategyDraw, StrategyReply]] = [{} for _ in prompts]
    for site, at_site in by_site.items():
        missing = [number for number in dict(at_site) if (site.system, number) not in prefixes]
        with_system = [_with_system(prompts[number], site.system) for number in missing]
        for index, prefix in prefill_each(model, with_system, settings.max_rows):
            prefixes[site.system, missing[index]] = prefix
        numbers = list(dict(at_site))
        edits = [
            (numbers.index(number), _steering(model, artifact, prompts[number], row, site.layer, settings))
            for number, row in at_site
        ]

        def coordinates(of: int, values: Tensor, numbers: Sequence[int] = numbers) -> tuple[float, ...]:
            modality = prompts[numbers[of]].modality
            return tuple(artifact.coordinates(values[None].cpu(), modality, recentered=True)[0].tolist())

        at = [prefixes[site.system, number] for number in numbers]
        found = _replies(model, at, edits, site.layer, site.site, settings, coordinates)
        for (number, row), reply in zip(at_site, found, strict=True):
            replies[number][row] = reply
    for number, of_prompt in enumerate(rows):
        for row in of_prompt:
            if STRATEGY_SPECS[row.strategy].checks_itself:
                first = replies[number][UNSTEERED]
                replies[number][row] = check_itself(model, prompts[number], first, settings.max_new_tokens)
    return replies


def _steering(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, row: StrategyDraw, layer: int, settings: Settings
) -> Steering:
    geometry = artifact.geometry(layer, prompt.modality).to(model.layer_device(layer))
    return steering_of(row, geometry, artifact.permuted[layer], settings.gain, settings.seed)


def _replies(
    model: LoadedModel,
    prefixes: Sequence[Prefix],
    edits: Sequence[tuple[int, Steering]],
    layer: int,
    site: Site,
    settings: Settings,
    coordinates: Callable[[int, Tensor], tuple[float, ...]],
) -> list[StrategyReply]:
    """A reply to each edit, (number of its prefix, steering), in order.

    `coordinates` is given the number of a prefix and the outputs of its layers, (layer, d_model). Edits that lead to
    the same hidden state, as closed gates do, share a row.
    """
    shared = list(range(len(edits)))
    if site == "first" and len(edits) > len(prefixes):
        hidden = _unsteered_outputs(model, prefixes, layer, settings.max_rows)
        states = [(of, edit(hidden[of : of + 1]).hidden.float().cpu().numpy().tobytes()) for of, edit in edits]
        first_with = {state: number for number, state in reversed(list(enumerate(states)))}
        shared = [first_with[state] for state in states]
    found: dict[int, StrategyReply] = {}
    for rows in _batches(sorted(set(shared), key=lambda row: prefixes[edits[row][0]].length), settings.max_rows):
        numbers, batch = zip(*(edits[row] for row in rows), strict=True)
        steps = _branch(model, prefixes, numbers, batch, layer, site=site, max_new_tokens=settings.max_new_tokens)
        first = next(steps)
        ending = deque([first], maxlen=2)  # all steps would hold the logits of every token
        ending.extend(steps)
        parts = zip(
            ending[-1].texts,
            first.logits,
            first.strengths,
            map(coordinates, numbers, first.activations),
            cut_rows(ending, model.end_tokens),
            strict=True,
        )
        found.update(zip(rows, map(StrategyReply._make, parts), strict=True))
    return [found[row] for row in shared]


def _unsteered_outputs(model: LoadedModel, prefixes: Sequence[Prefix], layer: int, max_rows: int) -> Tensor:
    """Of a layer at the last position of each prompt, as they are before an edit: (prefix, d_model)."""
    found = []
    for numbers in _batches(range(len(prefixes)), max_rows):
        plain = (Unsteered(),) * len(numbers)
        (step,) = _branch(model, prefixes, numbers, plain, layer, max_new_tokens=1)
        found.append(step.activations[:, layer])
    return torch.cat(found).to(model.layer_device(layer), model.dtype)


def _branch(
    model: LoadedModel,
    prefixes: Sequence[Prefix],
    numbers: Sequence[int],
    edits: Sequence[Steering],
    layer: int,
    **options: Any,
) -> Iterator[TokenStep]:
    """A row for each edit, which answers the prefix of its number."""
    used = list(dict.fromkeys(numbers))
    prefix = side_by_side([prefixes[number] for number in used])
    return branch(model, prefix, edits, layer, of=[used.index(number) for number in numbers], **options)


def _batches(rows: Sequence[int], size: int) -> list[Sequence[int]]:
    """Rows in their order, in as few batches of at most `size` as there can be, all about as large."""
    count = -(-len(rows) // size)
    return [rows[len(rows) * part // count : len(rows) * (part + 1) // count] for part in range(count)]


def _with_system(prompt: Prompt, system: str | None) -> Prompt:
    """The prompt with a system prompt before its own."""
    if system is None:
        return prompt
    return replace(prompt, system="\n\n".join(part for part in (system, prompt.system) if part))


def _sentence(error: Exception) -> str:
    """One line; one that is no message of ours opens with the name of its exception."""
    line, name = first_line(error), type(error).__name__
    return line if isinstance(error, ValueError) or line == name else f"{name}: {line}"
