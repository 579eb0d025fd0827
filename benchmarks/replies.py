"""What both replies cost, and what steering at every token adds to one."""

from dataclasses import replace

import torch

from benchmarks import peers
from benchmarks.measured import Measured, Peer, check, described, spreads
from benchmarks.models import random_artifact
from benchmarks.timing import Spread, ratios, seconds_of, take_turns
from mars.artifact.artifact import Artifact
from mars.media.prompt import Prompt
from mars.model.generation import branch, prefill
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.steering import STRATEGIES, Unsteered


def side_by_side(model: LoadedModel, artifact: Artifact, prompt: Prompt, new: int, repetitions: int) -> Measured:
    """Both replies with layer curves and the intervention log, against one plain generate of a row, and of two.

    All sides write `new` tokens, on beyond the end of a reply.
    """
    model = _without_end(model)
    layer = model.n_layers // 2
    geometry = artifact.geometry(layer, prompt.modality).to(model.layer_device(layer))
    steering = STRATEGIES["addition"](geometry, 4.0)
    one_row, two_rows = encode(model, [prompt]), encode(model, [prompt, prompt])

    def ours() -> list[list[int]]:
        prefix = prefill(model, prompt)
        steps = list(branch(model, prefix, (Unsteered(), steering), layer, max_new_tokens=new))
        for recentered in (False, True):
            artifact.coordinates(steps[0].activations, prompt.modality, recentered=recentered)
        check(steps[0].strengths[1] > 0, "the log shows no step")
        return [[step.tokens[row] for step in steps] for row in (0, 1)]

    def twice() -> list[list[int]]:
        return peers.generated_twice(model, one_row, new, layer, steering)

    def both_rows() -> list[list[int]]:
        return peers.generated(model, two_rows, new)

    found, expected, of_two = ours(), twice(), both_rows()
    lengths = {len(reply) for reply in (*found, *expected, *of_two)}
    check(lengths == {new}, f"replies have {lengths} tokens")
    if model.dtype == torch.float32:
        check(found == expected, "tokens differ from those of generate")
        check(of_two == [expected[0]] * 2, "tokens of two rows differ from those of one")
    times = take_turns(
        {
            "side by side": ours,
            "generate": lambda: peers.generated(model, one_row, new),
            "generate two rows": both_rows,
            "generate twice": twice,
        },
        repetitions,
    )
    return Measured(
        {
            "side_by_side.ratio": ratios(times["side by side"], times["generate"]),
            "side_by_side.of_two_rows": ratios(times["side by side"], times["generate two rows"]),
        },
        spreads(times),
        [
            Peer.of("one generate of two such rows, unsteered", times["generate two rows"], times["side by side"]),
            Peer.of("generate twice with a hook", times["generate twice"], times["side by side"]),
        ],
        f"{described(model, prompt)}, {new} new; steered by addition at layer {layer}.",
    )


def _without_end(model: LoadedModel) -> LoadedModel:
    """The same model, which no token ends a reply of."""
    model = replace(model)
    vars(model)["end_tokens"] = frozenset()
    return model


def steering_a_step(model: LoadedModel, prompt: Prompt, steps: int, repetitions: int) -> Measured:
    """A decoding step with an edit at every token against one without, the two taking turns step by step."""
    artifact, layer = random_artifact(model), model.n_layers // 2
    geometry = artifact.geometry(layer, "text").to(model.layer_device(layer))
    rows = (Unsteered(), STRATEGIES["mars_no_gate"](geometry, 1.0))
    prefix = prefill(model, prompt)
    times: dict[str, list[float]] = {"steered": [], "plain": []}
    for _ in range(repetitions):
        steered = branch(model, prefix, rows, layer, site="every", max_new_tokens=steps + 1)
        plain = branch(model, prefix, rows, layer, site="first", max_new_tokens=steps + 1)
        next(steered), next(plain)
        total = {"steered": 0.0, "plain": 0.0}
        for step in range(steps):
            pair = [("steered", steered), ("plain", plain)]
            for name, steps_of in pair if step % 2 else pair[::-1]:
                total[name] += seconds_of(lambda steps_of=steps_of: next(steps_of))
        for name in times:
            times[name].append(total[name] / steps)
    ratio = ratios(times["steered"], times["plain"])
    return Measured(
        {"step.overhead": Spread(*(part - 1 for part in ratio))},
        spreads(times),
        [],
        f"{steps} steps of two rows after {described(model, prompt)}.",
    )
