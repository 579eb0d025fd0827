"""What every strategy replies to a case, window by window, and what is done where one cannot be answered.

All strategies of a case that act in the same place share one prefill, and cases of one length share a batch.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from mars.artifact.artifact import Artifact
from mars.datasets.case import Case, CaseInfo
from mars.evaluation.outcomes import CaseResult, Outcome, StrategyReply
from mars.evaluation.self_check import check_itself
from mars.evaluation.strategies import STRATEGY_SPECS, InterventionSite, StrategyDraw, site_of, steering_of
from mars.media.prompt import Prompt
from mars.model.generation import Prefix, Site, branch, prefill, side_by_side
from mars.model.load_checks import first_line, is_out_of_memory
from mars.model.loaded_model import LoadedModel
from mars.refusal import Judge, refusal_score, refused
from mars.steering import Steering, Unsteered
from mars.steering.base import check_gain

UNSTEERED = StrategyDraw("unsteered")


@dataclass(frozen=True)
class Settings:
    """What outcomes depend on, besides model, artifact and cases."""

    layer: int | None = None
    """None is the layer that the artifact chose from text alone."""
    gain: float = 1.0
    seed: int = 0
    """Of the random directions; replies are greedy."""
    max_new_tokens: int = 24
    """Enough of a reply to see how it opens and what it names."""
    max_rows: int = 32
    """Rows of one batch at most; fewer need less memory."""
    window: int = 16
    """Cases that are read ahead, so that those of one length share batches; fewer need less memory."""
    judge: Judge = refused
    """Says whether a reply is a refusal."""

    def __post_init__(self) -> None:
        check_gain(self.gain)
        if self.max_new_tokens < 1:
            raise ValueError(f"A reply of {self.max_new_tokens} tokens cannot be judged; allow at least 1.")
        if self.max_rows < 1:
            raise ValueError(f"A batch of {self.max_rows} rows holds nothing; allow at least 1.")
        if self.window < 1:
            raise ValueError(f"A window of {self.window} cases holds nothing; allow at least 1.")

    def at(self, model: LoadedModel, artifact: Artifact) -> "Settings":
        """The same with the layer told. Raises ModelError on a layer that does not exist."""
        return replace(self, layer=artifact.layer if self.layer is None else model.check_layer(self.layer))


DEFAULT = Settings()


class Window(NamedTuple):
    """Cases that are read and answered together."""

    start: int
    """Number of the first one in its set."""
    cases: Sequence[Case]
    """Decoded when they are indexed."""


class PendingCase(NamedTuple):
    """A case, decoded, with what is still wanted of it."""

    number: int
    case: Case
    rows: tuple[StrategyDraw, ...]


def windows_of(cases: Sequence[Case], size: int) -> list[Window]:
    """A set cut into windows, of which nothing is decoded yet."""
    return [Window(start, cases[start : start + size]) for start in range(0, len(cases), size)]


def read_window(
    window: Window, rows: Sequence[StrategyDraw], finished: Mapping[str, Collection[StrategyDraw]]
) -> list[PendingCase | CaseResult]:
    """Decode the cases of a window; what is finished, by hash, or cannot be decoded, is answered already."""
    read: list[PendingCase | CaseResult] = []
    for place in range(len(window.cases)):
        number = window.start + place
        try:
            case = window.cases[place]
        except Exception as error:
            read.append(CaseResult(number, None, error=_sentence(error)))
            continue
        known = finished.get(case.hash, ())
        missing = tuple(row for row in rows if row not in known)
        read.append(PendingCase(number, case, missing) if missing else CaseResult(number, case.info))
    return read


class CaseRunner:
    """A model with its artifact that answers windows of cases, in batches that memory holds.

    Where memory runs out, cases are asked in parts half as large from then on, at last one by one, and then in
    batches of half the rows. A case that fails alone is answered with its error.
    """

    def __init__(self, model: LoadedModel, artifact: Artifact, settings: Settings) -> None:
        self._model = model
        self._artifact = artifact
        self._settings = settings.at(model, artifact)
        self._most = self._settings.window

    def __call__(self, read: Sequence[PendingCase | CaseResult]) -> list[CaseResult]:
        """What became of every case of a window, in order."""
        asked = [entry for entry in read if isinstance(entry, PendingCase)]
        found: dict[int, CaseResult] = {}
        while asked:
            part, asked = asked[: self._most], asked[self._most :]
            found.update({answered.case: answered for answered in self._part(part)})
        return [found[entry.number] if isinstance(entry, PendingCase) else entry for entry in read]

    def _part(self, asked: Sequence[PendingCase]) -> list[CaseResult]:
        error = None
        try:
            return self._outcomes(asked)
        except Exception as raised:
            error, out_of_memory = _sentence(raised), is_out_of_memory(raised)
        # Out of the handler, whose traceback holds what the failed batch took.
        if out_of_memory and torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(asked) // 2
        if half:
            if out_of_memory:
                self._most = min(self._most, half)
            return [*self._part(asked[:half]), *self._part(asked[half:])]
        if out_of_memory and self._settings.max_rows > 1:
            self._settings = replace(self._settings, max_rows=self._settings.max_rows // 2)
            return self._part(asked)
        return [CaseResult(asked[0].number, asked[0].case.info, error=error)]

    def _outcomes(self, asked: Sequence[PendingCase]) -> list[CaseResult]:
        prompts = [entry.case.prompt for entry in asked]
        replies = answer(self._model, self._artifact, prompts, [entry.rows for entry in asked], self._settings)
        return [self._answered(entry, found) for entry, found in zip(asked, replies, strict=True)]

    def _answered(self, asked: PendingCase, replies: Mapping[StrategyDraw, StrategyReply]) -> CaseResult:
        info, unsteered = asked.case.info, replies[UNSTEERED].logits
        outcomes = (
            _outcome(asked.number, info, row, replies[row], unsteered, self._artifact, self._settings)
            for row in asked.rows
        )
        return CaseResult(asked.number, info, tuple(outcomes))


def answer(
    model: LoadedModel,
    artifact: Artifact,
    prompts: Sequence[Prompt],
    rows: Sequence[Sequence[StrategyDraw]],
    settings: Settings,
) -> list[dict[StrategyDraw, StrategyReply]]:
    """Replies to each prompt by the rows asked of it, and by the unsteered model whether asked for or not."""
    settings = settings.at(model, artifact)
    asked: dict[InterventionSite, list[tuple[int, StrategyDraw]]] = defaultdict(list)
    for number, wanted in enumerate(rows):
        for row in dict.fromkeys((UNSTEERED, *wanted)):
            if not STRATEGY_SPECS[row.strategy].checks_itself:
                asked[site_of(row, settings.layer, model.n_layers)].append((number, row))
    prefixes: dict[tuple[str | None, int], Prefix] = {}
    replies: list[dict[StrategyDraw, StrategyReply]] = [{} for _ in prompts]
    for place, questions in asked.items():
        alike: dict[int, list[tuple[int, StrategyDraw]]] = defaultdict(list)
        for number, row in questions:
            key = place.system, number
            if key not in prefixes:
                prefixes[key] = prefill(model, _with_system(prompts[number], place.system))
            alike[prefixes[key].length].append((number, row))
        for group in alike.values():
            numbers = list(dict.fromkeys(number for number, _ in group))
            prefix = side_by_side([prefixes[place.system, number] for number in numbers])
            edits = [
                (numbers.index(number), _steering(model, artifact, prompts[number], row, place.layer, settings))
                for number, row in group
            ]

            def coordinates(of: int, values: Tensor, numbers: Sequence[int] = numbers) -> tuple[float, ...]:
                modality = prompts[numbers[of]].modality
                return tuple(artifact.coordinates(values[None].cpu(), modality, recentered=True)[0].tolist())

            found = _replies(model, prefix, edits, place.layer, place.site, settings, coordinates)
            for (number, row), reply in zip(group, found, strict=True):
                replies[number][row] = reply
    for number, wanted in enumerate(rows):
        for row in wanted:
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
    prefix: Prefix,
    edits: Sequence[tuple[int, Steering]],
    layer: int,
    site: Site,
    settings: Settings,
    coordinates: Callable[[int, Tensor], tuple[float, ...]],
) -> list[StrategyReply]:
    """A reply to each edit of a prompt of the prefix, named by its number.

    `coordinates` are taken of a prompt by its number and of the outputs of its layers, (layer, d_model). Edits that
    make the same of a prompt, as shut gates do, share a row.
    """
    shared = list(range(len(edits)))
    prompts = len(prefix.last_token)
    if site == "first" and len(edits) > prompts:
        plain = (Unsteered(),) * prompts
        step = next(branch(model, prefix, plain, layer, of=range(prompts), max_new_tokens=1))
        hidden = step.activations[:, layer].to(model.layer_device(layer), model.dtype)
        made = [(of, edit(hidden[of : of + 1]).hidden.float().cpu().numpy().tobytes()) for of, edit in edits]
        firsts = {state: number for number, state in reversed(list(enumerate(made)))}
        shared = [firsts[state] for state in made]
    distinct = sorted(set(shared))
    found: dict[int, StrategyReply] = {}
    for start in range(0, len(distinct), settings.max_rows):
        rows = distinct[start : start + settings.max_rows]
        of, batch = zip(*(edits[row] for row in rows), strict=True)
        steps = list(branch(model, prefix, batch, layer, of=of, site=site, max_new_tokens=settings.max_new_tokens))
        first = steps[0]
        placed = map(coordinates, of, first.activations)
        parts = zip(steps[-1].texts, first.logits, first.strengths, placed, strict=True)
        found.update(zip(rows, map(StrategyReply._make, parts), strict=True))
    return [found[row] for row in shared]


def kl_divergence(reference: Tensor, logits: Tensor) -> float:
    """KL(reference || other) of two next-token distributions, in nats. Both (vocabulary,) logits."""
    p, q = torch.log_softmax(reference.double(), -1), torch.log_softmax(logits.double(), -1)
    return float((p.exp() * (p - q)).sum().clamp_min(0))


def _with_system(prompt: Prompt, system: str | None) -> Prompt:
    """The prompt with a system prompt before its own."""
    if system is None:
        return prompt
    return replace(prompt, system="\n\n".join(part for part in (system, prompt.system) if part))


def _outcome(
    number: int,
    info: CaseInfo,
    row: StrategyDraw,
    reply: StrategyReply,
    unsteered: Tensor,
    artifact: Artifact,
    settings: Settings,
) -> Outcome:
    return Outcome(
        case=number,
        strategy=row.strategy,
        draw=row.draw,
        modality=info.modality,
        label=info.label,
        group=info.group,
        reply=reply.text,
        refused=bool(settings.judge(reply.text)),
        refusal_score=float(refusal_score(reply.logits[None], artifact.refusal_ids)),
        strength=reply.strength,
        kl=kl_divergence(unsteered, reply.logits),
        exact=None if info.expected is None else reply.text.strip() == info.expected.strip(),
        coordinates=reply.coordinates,
    )


def _sentence(error: Exception) -> str:
    """One line; what is no message of our own begins with what it is."""
    line = first_line(error)
    return (
        line if isinstance(error, ValueError) or line == type(error).__name__ else f"{type(error).__name__}: {line}"
    )
