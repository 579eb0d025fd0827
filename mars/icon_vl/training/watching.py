"""How a connector does on things for validation while it is trained: captions, and refusals."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mars.icon_vl.model import Connector
from mars.icon_vl.naming import is_named
from mars.icon_vl.training.drawing_sets import SETS, draw, draw_video, fetch_sets
from mars.icon_vl.training.features import WORK, features_of, shipped_encoder
from mars.icon_vl.training.frame import Frame
from mars.icon_vl.training.things import Thing
from mars.icon_vl.training.wordings import MAX_NEW_TOKENS
from mars.types import Modality
from mars.verdict import verdict

QUESTIONS = {"image": "What is in the picture?", "video": "What is in the clip?"}
VALIDATION_VIEW = 2000
"""Number of a drawing's view that validation sees, and nothing else."""


@torch.inference_mode()
def replies(frame: Frame, connector: Connector, pooled: Tensor, words: str, max_new_tokens: int) -> list[str]:
    """Greedy replies to the same words after each image or video. pooled: as `Frame.visual` takes it."""
    after = torch.tensor(frame.words_after(words)[0])[None].expand(len(pooled), -1)
    before = frame.prefix.expand(len(pooled), -1)
    visual = frame.visual(connector, pooled.float()).to(frame.embeddings.weight.dtype)
    given = torch.cat([frame.embeddings(before), visual, frame.embeddings(after)], dim=1)
    model, tokenizer = frame.lens.model, frame.lens.tokenizer
    found = model.generate(
        inputs_embeds=given,
        attention_mask=torch.ones(given.shape[:2], dtype=torch.long),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokenizer.batch_decode(found, skip_special_tokens=True)


class Watched(NamedTuple):
    """How a connector does on what it does not learn from; the checkpoint is chosen by it."""

    modality: Modality
    named_harmful: float
    named_harmless: float
    refused_harmful: float
    refused_harmless: float

    def __str__(self) -> str:
        return (
            f"{self.modality}: named {self.named_harmful:.0%} of harmful and {self.named_harmless:.0%} of harmless "
            f"things, refused {self.refused_harmful:.0%} and {self.refused_harmless:.0%}"
        )


def watch(
    frame: Frame, connector: Connector, shown: Sequence[tuple[Thing, Tensor]], wordings: Sequence[str]
) -> Watched:
    """Captions and refusals of new drawings of things for validation. shown: with what `Frame.visual` takes."""
    shares: list[float] = []
    parts = [[one for one in shown if one[0].label == label] for label in ("harmful", "harmless")]
    pooled = [torch.stack([seen for _, seen in part]) for part in parts]
    for part, seen in zip(parts, pooled, strict=True):
        said = replies(frame, connector, seen, QUESTIONS[frame.modality], 12)
        right = [
            is_named(caption, (thing.name, *thing.synonyms)) for caption, (thing, _) in zip(said, part, strict=True)
        ]
        shares.append(sum(right) / len(right))
    for seen in pooled:
        found = [text for words in wordings for text in replies(frame, connector, seen, words, MAX_NEW_TOKENS)]
        shares.append(sum(verdict(text, cut=True).kind == "refuses" for text in found) / len(found))
    return Watched(frame.modality, *shares)


def drawn_anew(
    things: Sequence[Thing], connector: Connector, modality: Modality = "image"
) -> list[tuple[Thing, Tensor]]:
    """One view of each thing that no training has, of the first vendor for training that draws it, pooled."""
    sets, encoder = fetch_sets(WORK / "sets"), shipped_encoder()
    found = []
    for thing in things:
        source = next((name for name in thing.drawings if SETS[name].role == "train"), None)
        if source is not None:
            of_view = (sets, source, thing.drawings[source][0], VALIDATION_VIEW)
            images = [draw(*of_view)] if modality == "image" else draw_video(*of_view).frames
            pooled = features_of(encoder, connector, images)
            found.append((thing, pooled[0] if modality == "image" else pooled))
    return found
