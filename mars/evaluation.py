"""Every strategy on the same cases: what each replies, and what became of it.

All strategies of a case that act in the same place share one prefill, and cases of one length share a batch.
"""

import hashlib
import platform
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mars.artifacts import Artifact, weights_mark
from mars.cases import Case, Outcome, Reply
from mars.generation import Prefix, Site, branch, prefill, side_by_side
from mars.judges import Judge, refusal_score, refused
from mars.lineup import LINEUP, Place, Row, place_of, rows_of, steering_of
from mars.models import LoadedModel
from mars.rates import summarize
from mars.records import Prompt
from mars.run_file import RunFile
from mars.self_check import cannot_check, check_itself
from mars.steering import Steering, Unsteered
from mars.steering.base import check_gain

UNSTEERED = Row("unsteered")
EXAMPLES = 20
"""Cases of each kind that results hold with all replies, to be read."""

Progress = Callable[[int, int], None]
"""Called with how many cases are done, and of how many."""


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


def evaluate(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str] = ("unsteered", "addition", "mars"),
    settings: Settings = DEFAULT,
    *,
    run_file: RunFile | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> Iterator[Outcome]:
    """Answer every case by every strategy of `LINEUP` asked for; yields as it goes, in order of cases.

    With a run file, what is finished there is not asked again. Raises ValueError on an unknown strategy,
    ModelError on a layer that does not exist.
    """
    for _, found in _each(model, artifact, cases, strategies, settings, run_file, progress):
        yield from found


def measure(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str],
    settings: Settings = DEFAULT,
    *,
    run_path: str | Path | None = None,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
) -> dict[str, Any]:
    """Evaluate and sum up, ready for JSON: rows, utility, bias, not_applicable, cases, settings, versions, hashes.

    A strategy that the model cannot carry out has no rows but a reason in `not_applicable`; `cases` holds the
    first EXAMPLES of each kind with what every strategy replied. With `run_path`, a run that was stopped goes on
    from that file. Raises RunFileError where the file was made with other settings, and otherwise as `evaluate`.
    """
    rows_of(strategies)
    settings = settings.at(model, artifact)
    told = {
        "model": model.name,
        "dtype": str(model.dtype),
        **vars(settings),
        "judge": _name(settings.judge),
    }
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("torch", "transformers")}}
    hashes = {
        "weights": weights_mark(model),
        "template": model.template_hash,
        "contrast": artifact.provenance.get("contrast_hash"),
        "artifact": artifact.hash,
    }
    run_file = RunFile(run_path, {**told, **versions, **hashes}) if run_path else None
    reasons = {name: cannot_check(model) for name in strategies if LINEUP[name].checks_itself}
    applicable = [name for name in strategies if not reasons.get(name)]

    asked = hashlib.sha256()
    examples: dict[tuple, list[dict]] = defaultdict(list)
    outcomes: list[Outcome] = []
    for case, found in _each(model, artifact, cases, applicable, settings, run_file, progress):
        asked.update(case.hash.encode())
        outcomes += found
        alike = examples[case.group, case.prompt.modality, case.label, case.expected is None]
        if found and len(alike) < EXAMPLES:
            alike.append(_example(case, found))
    return {
        **summarize(outcomes),
        "bias": _bias(artifact, settings.layer),
        "not_applicable": [{"strategy": name, "reason": why} for name, why in reasons.items() if why],
        "cases": [example for alike in examples.values() for example in alike],
        "settings": {**told, "strategies": list(strategies)},
        "versions": versions,
        "hashes": {**hashes, "cases": asked.hexdigest()},
    }


def _each(
    model: LoadedModel,
    artifact: Artifact,
    cases: Sequence[Case],
    strategies: Sequence[str],
    settings: Settings,
    run_file: RunFile | None,
    progress: Progress,
) -> Iterator[tuple[Case, list[Outcome]]]:
    """Every case with what became of it, from the run file where it is finished there."""
    rows, settings = rows_of(strategies), settings.at(model, artifact)
    for start in range(0, len(cases), settings.window):
        window = cases[start : start + settings.window]
        known = [run_file.outcomes(case.hash) if run_file else {} for case in window]
        missing = [[row for row in rows if row not in finished] for finished in known]
        unfinished = [number for number, asked in enumerate(missing) if asked]
        answers = answer(
            model,
            artifact,
            [window[number].prompt for number in unfinished],
            [missing[number] for number in unfinished],
            settings,
        )
        replies = dict(zip(unfinished, answers, strict=True))
        for number, case in enumerate(window):
            if number in replies:
                made, unsteered = replies[number], replies[number][UNSTEERED].logits
                asked = missing[number]
                found = {row: _outcome(case, row, made[row], unsteered, artifact, settings) for row in asked}
                if run_file:
                    run_file.add(case.hash, found.values())
                known[number].update(found)
            yield case, [known[number][row]._replace(case=start + number) for row in rows]
            progress(start + number + 1, len(cases))


def answer(
    model: LoadedModel,
    artifact: Artifact,
    prompts: Sequence[Prompt],
    rows: Sequence[Sequence[Row]],
    settings: Settings,
) -> list[dict[Row, Reply]]:
    """Replies to each prompt by the rows asked of it, and by the unsteered model whether asked for or not."""
    settings = settings.at(model, artifact)
    asked: dict[Place, list[tuple[int, Row]]] = defaultdict(list)
    for number, wanted in enumerate(rows):
        for row in dict.fromkeys((UNSTEERED, *wanted)):
            if not LINEUP[row.strategy].checks_itself:
                asked[place_of(row, settings.layer, model.n_layers)].append((number, row))
    prefixes: dict[tuple[str | None, int], Prefix] = {}
    replies: list[dict[Row, Reply]] = [{} for _ in prompts]
    for place, questions in asked.items():
        alike: dict[int, list[tuple[int, Row]]] = defaultdict(list)
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
            found = _replies(model, prefix, edits, place.layer, place.site, settings)
            for (number, row), reply in zip(group, found, strict=True):
                replies[number][row] = reply
    for number, wanted in enumerate(rows):
        for row in wanted:
            if LINEUP[row.strategy].checks_itself:
                first = replies[number][UNSTEERED]
                replies[number][row] = check_itself(model, prompts[number], first, settings.max_new_tokens)
    return replies


def _steering(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, row: Row, layer: int, settings: Settings
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
) -> list[Reply]:
    """A reply to each edit of a prompt of the prefix, named by its number.

    Edits that make the same of a prompt, as shut gates do, share a row.
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
    found: dict[int, Reply] = {}
    for start in range(0, len(distinct), settings.max_rows):
        rows = distinct[start : start + settings.max_rows]
        of, batch = zip(*(edits[row] for row in rows), strict=True)
        steps = list(branch(model, prefix, batch, layer, of=of, site=site, max_new_tokens=settings.max_new_tokens))
        parts = zip(steps[-1].texts, steps[0].logits, steps[0].strengths, strict=True)
        found.update(zip(rows, map(Reply._make, parts), strict=True))
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
    case: Case, row: Row, reply: Reply, unsteered: Tensor, artifact: Artifact, settings: Settings
) -> Outcome:
    return Outcome(
        case=0,
        strategy=row.strategy,
        draw=row.draw,
        modality=case.prompt.modality,
        label=case.label,
        group=case.group,
        reply=reply.text,
        refused=bool(settings.judge(reply.text)),
        refusal_score=float(refusal_score(reply.logits[None], artifact.refusal_ids)),
        strength=reply.strength,
        kl=kl_divergence(unsteered, reply.logits),
        exact=None if case.expected is None else reply.text.strip() == case.expected.strip(),
    )


def _name(judge: Judge) -> str:
    return f"{judge.__module__}:{getattr(judge, '__qualname__', type(judge).__name__)}"


def _bias(artifact: Artifact, layer: int) -> list[dict[str, Any]]:
    """Where the neutral media lie along the direction, in units of s, with a bootstrap interval."""
    return [
        {
            "modality": modality,
            "layer": layer,
            **dict(zip(("along", "low", "high"), along[layer].tolist(), strict=True)),
        }
        for modality, along in artifact.bias_along.items()
    ]


def _example(case: Case, found: Sequence[Outcome]) -> dict[str, Any]:
    """A case with what every strategy replied, of several draws the first; `case` is its number in the set."""
    kept = ("reply", "refused", "refusal_score", "strength")
    return {
        "case": found[0].case,
        "text": case.prompt.text,
        "modality": case.prompt.modality,
        "label": case.label,
        "group": case.group,
        "expected": case.expected,
        "replies": {o.strategy: {name: getattr(o, name) for name in kept} for o in found if o.draw == 0},
    }
