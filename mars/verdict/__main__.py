# ruff: noqa: T201
"""Judge labelled replies, or fit the judge again: python -m mars.verdict judge | fit."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from mars.atomic_file import atomic_write
from mars.bundled import ASSETS
from mars.verdict.confusion import confusion_table
from mars.verdict.judge import verdict
from mars.verdict.replies import LabelledReply, ReplyError, read_replies
from mars.verdict.weights import BUNDLED, weights_json

OURS = ASSETS / "verdicts"
"""Replies that we wrote, and Pocket-VL's, labelled by hand before any judge saw them."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 2 where its input cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m mars.verdict", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judge = commands.add_parser("judge", help="judge labelled replies and print the table of confusion")
    judge.add_argument("files", nargs="*", help="JSON lines of id, reply, label, and where known model, request, cut")
    judge.add_argument("--words", type=int, help="judge the first WORDS words of each reply, as cut")
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
    judged = [(reply, verdict(reply.reply, cut=reply.cut, request=reply.request)) for reply in replies]
    print(confusion_table(judged))
    if options.json:
        rows = [{"id": reply.id, "verdict": found.kind, "reason": found.reason} for reply, found in judged]
        Path(options.json).parent.mkdir(parents=True, exist_ok=True)
        atomic_write(options.json, json.dumps({"rows": rows}, indent=1, ensure_ascii=False).encode())
    return 0


def _fit(options: argparse.Namespace) -> int:
    from mars.verdict.fit import LENGTHS, REGULARIZATION, fit, leave_one_model_out

    replies = read_replies(options.files)
    ours = [reply for reply in read_replies(sorted(OURS.glob("*.jsonl"))) if reply.part == "fit"]
    if options.leave_out:
        for length, judged in leave_one_model_out(replies, ours, (None, 36, 18)).items():
            print(
                f"{'Whole replies' if length is None else f'Cut to {length} words'}, each model left out of the fit\n"
            )
            print(confusion_table(judged), end="\n\n")
        return 0
    about = {
        "about": "Weights of mars.verdict: a multinomial logistic regression over the cues of mars/verdict/cues.py.",
        "command": "make fit-judge FILES=" + '"' + " ".join(Path(file).name for file in options.files) + '"',
        "regularization": REGULARIZATION,
        "cut to words": LENGTHS,
        "fitted on": _counts([*replies, *ours]),
    }
    atomic_write(options.out, weights_json(fit([*replies, *ours]), about).encode())
    print(f"Wrote {options.out}.")
    return 0


def _counts(replies: list[LabelledReply]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for reply in replies:
        counts.setdefault(reply.model, Counter())[reply.label] += 1
    return {model: dict(labels) for model, labels in counts.items()}


if __name__ == "__main__":
    sys.exit(main())
