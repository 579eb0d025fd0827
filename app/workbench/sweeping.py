"""The layer x gain map of one prompt, by its first token or by verdicts, as the Layers tab needs it."""

from mars.artifact.artifact import Artifact
from mars.effect.sweep import sweep
from mars.effect.verdict_map import verdict_map as map_verdicts
from mars.media.prompt import Prompt
from mars.model.loaded_model import LoadedModel

from ..results import GainMap, Verdict, VerdictMap
from .replies import warning_of
from .watching import Report


def gain_map(model: LoadedModel, artifact: Artifact, prompt: Prompt, report: Report) -> GainMap:
    """All layers and gains of a prompt under MARS. Raises what `sweep` raises."""
    found = sweep(model, artifact, prompt, progress=report)
    decode = model.tokenizer.decode
    return GainMap(
        layers=found.layers,
        gains=tuple(float(gain) for gain in found.gains),
        refusal_scores=found.refusal_scores.numpy(),
        kl=found.kl.numpy(),
        saturated=found.saturated.numpy(),
        tokens=tuple(tuple(decode([token]) for token in row) for row in found.tokens.tolist()),
        unsteered_score=found.unsteered_score,
        unsteered_token=decode([found.unsteered_token]),
        warning=warning_of(model, artifact, prompt.modality),
    )


def verdict_map(
    model: LoadedModel, artifact: Artifact, prompt: Prompt, report: Report, length: int | None = None
) -> VerdictMap:
    """The verdicts on the replies to a prompt under MARS. Raises what `verdict_map` of the engine raises.

    length: of a reply, in tokens; by default the one measured at the fit.
    """
    length = length or artifact.reply_tokens
    found = map_verdicts(model, artifact, prompt, max_new_tokens=length, progress=report)
    return VerdictMap(
        layers=found.layers,
        gains=tuple(float(gain) for gain in found.gains),
        verdicts=tuple(tuple(Verdict(*one) for one in row) for row in found.verdicts),
        replies=found.replies,
        cuts=found.cuts,
        unsteered=Verdict(*found.unsteered),
        length=length,
    )
