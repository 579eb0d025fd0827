"""What the engine costs beside plain transformers."""

from typing import Any

from .cells import header

BESIDE_PEERS = (
    ("side_by_side", "ratio", "both replies with curves and receipt, against one plain `generate`", "<= 1.25", 1),
    ("side_by_side", "of_two_rows", "the same, against one plain `generate` of two rows", "<= 1.0", 1),
    ("map", "of_one_batch", "map of all layers and gains, against one batch of all cells", "<= 0.65", 1),
    ("map", "of_batch_per_layer", "the same map, against a batch per layer", "<= 0.35", 1),
)
"""What is measured on any model: question, part, what it says, the bar on two cores, and 100 where it is shown in
percent. The batches run the last token from a cached prefix, whose making counts on both sides."""
SPEED = (
    *BESIDE_PEERS,
    ("map", "speedup", "the same map, against a forward per cell: times faster", ">= 40", 1),
    ("map", "prefills", "the same map, in readings of its prompt", "<= 3", 1),
    ("capture", "throughput", "activations of all layers, as a share of the bare forward's throughput", ">= 0.97", 1),
    ("capture", "memory", "what capturing adds to the peak of memory, in sizes of its result", "<= 1.05", 1),
    ("step", "overhead", "what steering every token adds to a step", "<= 3 %", 100),
    ("fit", "effect", "what the effect of steering by layer and gain adds to a fit", "<= 50 %", 100),
)
"""What is measured on random weights, as BESIDE_PEERS."""
REAL_SPEED = (
    *BESIDE_PEERS,
    ("evaluation", "throughput", "evaluation, as a share of batched `generate`'s throughput", ">= 0.8", 1),
    ("fit", "seconds", "a whole fit, in minutes", "<= 6", 1 / 60),
    ("fit", "silence", "the longest wait for its progress, in seconds", "", 1),
    ("fit", "memory", "its peak of memory, in GB", "<= 4", 1),
    ("page", "memory", "the page's peak of memory, in GB", "<= 4", 1),
)
"""What is measured on a real model, as BESIDE_PEERS."""


def speed(results: dict[str, Any]) -> list[str]:
    """Each figure with its range over repetitions and its bar, then the peers."""
    command = "python -m benchmarks --quick --json FILE" if results["quick"] else "make bench"
    lines = [f"`{command}` {_where(results['machine'])}:", "", *header(["what", "figure", "bar"])]
    lines += [f"| {what} | {_figure(results, *key, scale)} | {bar} |" for *key, what, bar, scale in SPEED]
    return [*lines, "", *_peers(results)]


def real_speed(results: dict[str, Any]) -> list[str]:
    """Each figure of a real model by dtype, the one that it is loaded in first; then the peers of each."""
    command = f"python -m benchmarks --model {results['model']} {'--quick ' * results['quick']}--json FILE"
    by_dtype = results["dtypes"]
    lines = [f"`{command}` {_where(results['machine'])}:", "", *header(["what", *by_dtype, "bar"])]
    for *key, what, bar, scale in REAL_SPEED:
        cells = [_figure(answers, *key, scale) for answers in by_dtype.values()]
        lines.append(f"| {what} | {' | '.join(cells)} | {bar} |")
    for dtype, answers in by_dtype.items():
        lines += ["", f"In {dtype}:", "", *_peers(answers)]
    return lines


def _where(machine: dict[str, Any]) -> str:
    return (
        f"on {machine['cores']} cores ({machine['threads']} threads, load {machine['load']:.1f} from all that ran), "
        f"{machine['parameters'] / 1e6:.0f} million parameters, {machine['dtype'].removeprefix('torch.')}; median "
        "[smallest, largest] of the repetitions"
    )


def _figure(results: dict[str, Any], question: str, part: str, scale: float) -> str:
    """A figure with its range, where there is one; a dash where it was not measured."""
    figure = results.get(question, {}).get(part)
    if figure is None:
        return "–"
    value, low, high = (f"{scale * figure[name]:.2f}" for name in ("value", "low", "high"))
    return f"{value}{' %' * (scale == 100)}" + (f" [{low}, {high}]" if figure["low"] < figure["high"] else "")


def _peers(results: dict[str, Any]) -> list[str]:
    """The time of each peer in ours, and what was run."""
    lines = header(["the same work otherwise", "its time in ours"])
    for peer in results["peers"]:
        times = peer["times_ours"]
        ran = f"did not run: {peer['error']}"
        if times:
            ran = f"{times['value']:.2f} [{times['low']:.2f}, {times['high']:.2f}]"
        lines.append(f"| {peer['name']} | {ran} |")
    return [*lines, "", " ".join(dict.fromkeys(results["notes"].values()))]
