# ruff: noqa: T201
"""Judge labelled replies, or fit the judge again: python -m mars.verdict judge | fit."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from time import process_time

import numpy as np

from mars.atomic_file import atomic_write
from mars.bundled import ASSETS
from mars.verdict.confusion import confusion_table
from mars.verdict.judge import verdict
from mars.verdict.replies import LabelledReply, ReplyError, read_replies
from mars.verdict.weights import ACTS, BUNDLED, weights_json

OURS = ASSETS / "verdicts"
"""Replies that we wrote, and Pocket-VL's, labelled by hand before any judge saw them."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 2 where its input cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m mars.verdict", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judge = commands.add_parser("judge", help="judge labelled replies and print the table of confusion")
    judge.add_argument("files", nargs="*", help="JSON lines of id, reply, label, and where known model, request, cut")
    judge.add_argument("--words", type=_length, help="judge the first WORDS words of each reply, as cut")
    judge.add_argument("--json", help="write the verdict on every row, with its reason, to this file")
    fit = commands.add_parser("fit", help="fit the weights again")
    fit.add_argument("files", nargs="+", help="JSON lines of labelled replies; ours are added")
    fit.add_argument("--out", default=str(BUNDLED), help="file of the weights")
    fit.add_argument(
        "--leave-out", action="store_true", help="only print what is found on models left out of the fit"
    )
    options = parser.parse_args(arguments)
    try:
        return _judge(options) if options.command == "judge" else _fit(options)
    except (ReplyError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _judge(options: argparse.Namespace) -> int:
    replies = read_replies(options.files or sorted(OURS.glob("*.jsonl")))
    if options.words is not None:
        replies = [reply.cut_to(options.words) for reply in replies]
    judged, seconds = [], []
    for reply in replies:
        start = process_time()
        judged.append((reply, verdict(reply.reply, cut=reply.cut, request=reply.request)))
        seconds.append(process_time() - start)
    print(confusion_table(judged))
    if seconds:
        median, most = np.percentile(seconds, [50, 95]) * 1000
        print(f"\n{len(seconds)} replies; processor time {median:.1f} ms a reply, {most:.1f} ms for the slowest 5 %.")
    if options.json:
        rows = [{"id": reply.id, "verdict": found.kind, "reason": found.reason} for reply, found in judged]
        Path(options.json).parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.json, json.dumps({"rows": rows}, indent=1).encode())
    return 0


def _fit(options: argparse.Namespace) -> int:
    from mars.verdict.fit import LENGTHS, REGULARIZATION, fit, leave_one_model_out

    replies = read_replies(options.files)
    ours = [reply for reply in read_replies(sorted(OURS.glob("*.jsonl"))) if reply.part == "fit"]
    if options.leave_out:
        for length, judged in leave_one_model_out(replies, ours, (None, 36, 18)).items():
            shown = "Whole replies" if length is None else f"Cut to {length} words"
            print(f"{shown}, each model left out of the fit\n\n{confusion_table(judged)}\n")
        return 0
    about = {
        "about": "Weights of mars.verdict: two logistic regressions over the features of mars/verdict/features.py.",
        "command": "make fit-judge FILES=" + '"' + " ".join(Path(file).name for file in options.files) + '"',
        "source": "The labelled replies of those files, of which none is kept here, and those of ours marked fit.",
        "regularization": REGULARIZATION,
        "cut to words": LENGTHS,
        "fitted on": _counts([*replies, *ours]),
    }
    atomic_write(options.out, weights_json(fit([*replies, *ours]), about).encode())
    print(f"Wrote {options.out}.")
    return 0


def _length(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of words; name 1 or more.")
    return int(text)


def _counts(replies: list[LabelledReply]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for reply in replies:
        if reply.label in ACTS:
            counts.setdefault(reply.model, Counter())[reply.label] += 1
    return {model: dict(labels) for model, labels in counts.items()}


if __name__ == "__main__":
    sys.exit(main())
