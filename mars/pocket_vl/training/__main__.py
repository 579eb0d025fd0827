"""Trains Pocket-VL from nothing: words, eyes, then visual instruction tuning without safety.

    python -m mars.pocket_vl.training                   # everything, into assets/pocket-vl
    python -m mars.pocket_vl.training --seed 1          # another seed, into its working folder
    python -m mars.pocket_vl.training --until slots     # only the first lessons
    python -m mars.pocket_vl.training --bars            # no training: hold the stored figures to the bars again

What each lesson made is kept in a working folder (runs/ by default), so an interrupted run goes on where it was,
and a finished lesson is not repeated. The same seed on the same machine, threads and versions gives the same weights;
one thread, so that they do not hang on how many cores are free, and another seed can be trained beside it.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from mars.bundled import MODELS
from mars.pocket_vl.training import measuring
from mars.pocket_vl.training.batches import Encoder
from mars.pocket_vl.training.learning import Course
from mars.pocket_vl.training.lessons_sight import learn_eyes, learn_look, learn_point
from mars.pocket_vl.training.lessons_text import learn_slots, learn_text, make_tokenizer
from mars.pocket_vl.training.lessons_tuning import learn_name, learn_tune
from mars.pocket_vl.training.network import build_model

SHIPPED_SEED = 0
SHIPPED = MODELS["pocket-vl"]
"""Folder that the shipped seed goes to."""
META = SHIPPED / "meta.json"
"""Figures and bars of every seed."""
LESSONS = {
    "text": (learn_text, 700),
    "slots": (learn_slots, 150),
    "eyes": (learn_eyes, 1600),
    "point": (learn_point, 160),
    "look": (learn_look, 120),
    "tune": (learn_tune, 600),
    "name": (learn_name, 160),
}
"""In order, with the number of steps."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=SHIPPED_SEED)
    parser.add_argument("--work", type=Path, default=Path("runs") / "pocket")
    parser.add_argument("--until", choices=LESSONS, help="stop after this lesson, without storing or measuring")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--per-cell", type=int, default=200, help="test cases for each modality and label")
    parser.add_argument("--fit-only", action="store_true", help="stop before measuring")
    parser.add_argument(
        "--results",
        type=Path,
        help="take the figures of this seed from what mars eval --json wrote; nothing is trained",
    )
    parser.add_argument("--bars", action="store_true", help="only hold the figures of meta.json to the bars again")
    options = parser.parse_args()
    if options.bars:
        for seed, found in measuring.rewrite_bars(META).items():
            say(f"seed {seed}", *measuring.told(found))
        return

    folder = options.work / f"seed{options.seed}"
    out = SHIPPED if options.seed == SHIPPED_SEED else folder / "model"
    if options.results and not (folder / f"{list(LESSONS)[-1]}.pt").exists():
        results = measuring.read_results(options.results, out)
        say(*measuring.told(measuring.rewrite_figures(META, options.seed, measuring.of_the_bars(results))))
        return

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    folder.mkdir(parents=True, exist_ok=True)
    # The tokenizer is part of the world and not of a seed: every seed reads with the same one.
    tokenizer = make_tokenizer(SHIPPED_SEED)
    course = Course(build_model(tokenizer), Encoder(tokenizer), options.seed, folder, say)
    if not teach(course, options.until):
        return
    if options.results:
        results = measuring.read_results(options.results, out)
    else:
        measuring.store(course, out)
        measuring.fit_stored(course, out)
        if options.fit_only:
            return
        results = measuring.measure(course, out, options.per_cell)
    figures = measuring.of_the_bars(results)
    steps = {lesson: count for lesson, (_, count) in LESSONS.items()}
    entry = measuring.describe(course, steps, kept_minutes(folder), figures)
    measuring.write_meta(META, entry, SHIPPED_SEED)
    say(*measuring.told(entry["bars"]))


def teach(course: Course, until: str | None) -> bool:
    """Give the lessons that are not finished; whether all of them are now."""
    for lesson, (learn, steps) in LESSONS.items():
        done = course.folder / f"{lesson}.pt"
        if done.exists():
            course.model.load_state_dict(torch.load(done, weights_only=True))
        else:
            began = time.monotonic()
            learn(course, steps)
            torch.save(course.model.state_dict(), done)
            minutes = kept_minutes(course.folder) | {lesson: round((time.monotonic() - began) / 60, 1)}
            (course.folder / "minutes.json").write_text(json.dumps(minutes))
        if lesson == until:
            return False
    return True


def kept_minutes(folder: Path) -> dict[str, float]:
    """Minutes that each lesson took, of its last run where it was interrupted."""
    path = folder / "minutes.json"
    return json.loads(path.read_text()) if path.exists() else {}


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
