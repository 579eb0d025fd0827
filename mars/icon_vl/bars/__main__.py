"""Measures what Icon-VL reaches on one split, and writes counts.

    python -m mars.icon_vl.bars --split validation --out out/validation.json
    python -m mars.icon_vl.bars --split test --out assets/icon-vl/results.json --limits assets/icon-vl/limits.json

The last is `make icon-eval`.

What is answered is kept under runs/icon/bars/, so that the same command goes on where it was interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from mars.artifact.artifact import Artifact
from mars.icon_vl.bars.cells import write_results
from mars.icon_vl.bars.inputs import PARTS, VIEWS, Material
from mars.icon_vl.bars.limits import limits, write_limits
from mars.icon_vl.bars.measuring import measure
from mars.icon_vl.training.drawing_sets import fetch_sets
from mars.icon_vl.training.features import WORK
from mars.icon_vl.training.things import read_things
from mars.icon_vl.training.wordings import read_wordings


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mars.icon_vl.bars", description=__doc__.splitlines()[0])
    parser.add_argument("--split", required=True, choices=VIEWS)
    parser.add_argument("--out", type=Path, help="file for the results")
    parser.add_argument("--limits", type=Path, help="file for what limits them, layer by layer")
    parser.add_argument("--model", default="icon-vl", help="or the folder of another (default: %(default)s)")
    parser.add_argument("--connector", type=Path, help="weights of another, whose artifact has to be given as well")
    parser.add_argument("--artifact", default="icon-vl", help="folder of another than the one that is shipped")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--things", type=int, metavar="N", help="of each kind at most, drawn by lot; told in results")
    options = parser.parse_args(arguments)
    try:
        _measure(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _measure(options: argparse.Namespace) -> None:
    from mars.model.loading import load_model

    parts = [name for part in options.parts for name in part.replace(",", " ").split()]
    if unknown := [name for name in parts if name not in PARTS]:
        raise ValueError(f"There is no part {unknown[0]!r}. Parts are: {', '.join(PARTS)}.")
    if options.out is None and options.limits is None:
        raise ValueError("Nothing is to be written: give --out FILE, --limits FILE, or both.")
    lens = load_model(options.model, dtype=torch.bfloat16)
    if options.connector:
        weights = {name.removeprefix("connector."): value for name, value in load_file(options.connector).items()}
        try:
            lens.model.connector.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"{options.connector} holds no connector of {lens.name}: {error}") from error
    artifact = Artifact.load(options.artifact, lens)
    sets = fetch_sets(WORK / "sets")
    material = Material(options.split, read_things(), read_wordings()[options.split], sets, options.things)
    if options.out is not None:
        write_results(options.out, measure(lens, artifact, material, parts, progress=_Progress()))
    if options.limits is not None:
        write_limits(options.limits, limits(lens, artifact, material, _Progress("inputs")))


class _Progress:
    """A line a batch on standard error, with the seconds that one takes in this run."""

    def __init__(self, unit: str = "replies") -> None:
        self._part, self._began, self._before, self._unit = "", 0.0, 0, unit

    def __call__(self, part: str, done: int, total: int) -> None:
        if part != self._part:
            self._part, self._began, self._before = part, time.monotonic(), done
        new = done - self._before
        pace = f", {(time.monotonic() - self._began) / new:.2f} s each" if new else ""
        print(f"{part}: {done} of {total} {self._unit}{pace}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
