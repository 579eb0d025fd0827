"""What is timed: a Qwen3-VL of a given size with random weights, an artifact for it, prompts of a given length; and a
prompt of a real model's gallery."""

from pathlib import Path
from typing import NamedTuple

import torch

from mars.artifact.artifact import Artifact
from mars.bundled import model_source
from mars.geometry.layer_selection import LayerScores
from mars.media.decode import modality_of
from mars.media.prompt import Prompt
from mars.model.compat import repair_torchvision
from mars.model.inputs import encode
from mars.model.loaded_model import LoadedModel
from mars.model.loading import make_known, prepare

PROCESSOR = Path(__file__).parent.parent / "assets" / "pocket-vl"
"""The checkpoint whose processor and config the random models have, but for sizes and weights."""
WORDS = ("make", "the", "cake", "in", "picture", "and", "use", "it")


class Size(NamedTuple):
    """Sizes of a decoder, as its config names them."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int


TWO_CORES = Size(768, 2304, 16, 12, 4, 64, 12_288)
"""122 million parameters."""
REAL_VOCABULARY = Size(896, 2432, 2, 14, 2, 64, 151_936)
"""The width and the vocabulary of a published model of half a billion parameters, with two of its layers."""
ICON_VL = Size(896, 4864, 24, 14, 2, 64, 151_936)
"""The decoder of Icon-VL."""
ONE_GPU = Size(4096, 12_288, 36, 32, 8, 128, 151_936)
"""The decoder of Qwen3-VL-8B."""


def random_model(size: Size, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedModel:
    """A Qwen3-VL of a size, the same weights every time on one kind of device."""
    repair_torchvision()
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    config = AutoConfig.from_pretrained(PROCESSOR)
    for name, value in size._asdict().items():
        setattr(config.text_config, name, value)
    # A small vision tower, whatever the bundled model's is: the language model is what is measured.
    config.vision_config.hidden_size, config.vision_config.intermediate_size = 128, 384
    config.vision_config.num_heads = 4
    config.vision_config.out_hidden_size = size.hidden_size
    third = size.head_dim // 6
    config.text_config.rope_parameters["mrope_section"] = [size.head_dim // 2 - 2 * third, third, third]
    config.text_config.max_position_embeddings = 8192
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config, dtype=dtype)
    return prepare(model, AutoProcessor.from_pretrained(PROCESSOR), "random Qwen3-VL")


def random_artifact(model: LoadedModel) -> Artifact:
    """An artifact of random directions, with steps about as long as the norm of the model's residual stream."""
    source = torch.Generator().manual_seed(1)
    shape = (model.n_layers, model.d_model)
    direction = torch.nn.functional.normalize(torch.randn(shape, generator=source), dim=-1)
    zeros = torch.zeros(model.n_layers)
    return Artifact(
        mean_harmful=direction,
        mean_harmless=torch.zeros(shape),
        bias={},
        radius=zeros + 8,
        harmless_q99=zeros,
        amplification={"text": zeros + 1},
        permuted=direction,
        scores=LayerScores(*(zeros for _ in LayerScores._fields)),
        bands={"harmful": zeros[:, None].expand(-1, 3), "harmless": zeros[:, None].expand(-1, 3)},
        refusal_ids=[11, 12, 13],
    )


def prompt_of(model: LoadedModel, tokens: int) -> Prompt:
    """A text whose prompt has at least `tokens` tokens, and hardly more. Raises ValueError where any has more."""

    def read(count: int) -> tuple[Prompt, int]:
        prompt = Prompt(" ".join(WORDS[index % len(WORDS)] for index in range(count)))
        return prompt, encode(model, [prompt])["input_ids"].shape[1]

    if read(1)[1] > tokens:
        raise ValueError(f"The chat template alone takes more than {tokens} tokens.")
    low, high = 1, tokens
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if read(middle)[1] >= tokens else (middle + 1, high)
    return read(low)[0]


def short_prompts(count: int) -> list[Prompt]:
    """Prompts of three to eight words."""
    return [Prompt(" ".join(WORDS[: 3 + index % 6])) for index in range(count)]


def gallery_prompt(source: str) -> tuple[str, str]:
    """Words and file of the first request about a harmful image in a model's gallery. Raises ValueError."""
    from app.workbench.examples import examples_of  # of the page, which the other models need not wait for

    make_known(model_source(source))  # which puts Icon-VL's folder together, and its gallery in it
    for shown in examples_of(source):
        if shown.label == "harmful" and shown.media and modality_of(shown.media) == "image":
            return shown.text, shown.media
    raise ValueError(f"The gallery of {source} holds no request about a harmful image.")
