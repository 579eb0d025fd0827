"""Icon-VL's vision encoder, connector, template and folder; that the engine takes it is in tests/families."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import conv2d

from mars.bundled import LANGUAGE_MODEL, MODELS
from mars.icon_vl import folder as icon_folder
from mars.icon_vl.model import Connector, IconVLConfig
from mars.icon_vl.processor import SYSTEM, build_processor
from mars.icon_vl.vision_encoder import EPSILON, IMAGE_SIZE, SamePadded, VisionEncoder, folded
from mars.media.prompt import Prompt
from mars.model.inputs import encode
from mars.model.load_checks import ModelError
from mars.model.loading import load_model
from tests.tiny import save_tiny

TINY = {"stages": [[1, 3, 1, 1, 8], [2, 5, 2, 6, 16]], "stem": 8, "head": 32, "classes": 10}


@pytest.fixture(scope="module")
def icon(tmp_path_factory):
    return load_model(save_tiny(tmp_path_factory.mktemp("icon"), "icon_vl"))


def _published(model: VisionEncoder) -> dict[str, torch.Tensor]:
    """A random checkpoint in the published layout, with a batch normalisation after each convolution."""
    found = {"_fc.weight": torch.randn(10, 32), "_fc.bias": torch.randn(10)}
    names = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for number, block in enumerate(model.blocks):
        for part, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if getattr(block, part) is not None:
                names[f"blocks.{number}.{part}"] = (f"_blocks.{number}._{part}_conv", f"_blocks.{number}.{norm}")
    for ours, (convolution, norm) in names.items():
        weight = model.get_submodule(ours).weight
        found[f"{convolution}.weight"] = torch.randn_like(weight) / weight[0].numel() ** 0.5
        for name, value in {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}.items():
            found[f"{norm}.{name}"] = value + 0.3 * torch.rand(len(weight))
    return found


def test_folding_changes_nothing_that_the_network_puts_out():
    """Against the same network with its batch normalisation in place."""
    model = VisionEncoder(**TINY).eval()
    published = _published(model)
    pixels = torch.randn(2, 3, 30, 30)

    def normed(x: torch.Tensor, convolution: str, norm: str, like: SamePadded) -> torch.Tensor:
        plain = SamePadded(like.in_channels, like.out_channels, like.kernel_size, like.stride, groups=like.groups)
        plain.weight.data, plain.bias.data = published[f"{convolution}.weight"], torch.zeros(like.out_channels)
        batch_norm = nn.BatchNorm2d(like.out_channels, eps=EPSILON).eval()
        values = {k.split(".")[-1]: v for k, v in published.items() if k.startswith(f"{norm}.")}
        batch_norm.load_state_dict(values, strict=False)
        return batch_norm(plain(x))

    model.load_state_dict(folded(published))
    with torch.no_grad():
        x = normed(pixels, "_conv_stem", "_bn0", model.stem).clamp(0, 6)
        for number, block in enumerate(model.blocks):
            name, came_in = f"_blocks.{number}", x
            if block.expand is not None:
                x = normed(x, f"{name}._expand_conv", f"{name}._bn0", block.expand).clamp(0, 6)
            x = normed(x, f"{name}._depthwise_conv", f"{name}._bn1", block.depthwise).clamp(0, 6)
            x = normed(x, f"{name}._project_conv", f"{name}._bn2", block.project)
            x = came_in + x if x.shape == came_in.shape else x
        features = normed(x, "_conv_head", "_bn1", model.head).clamp(0, 6)
        assert torch.allclose(model(pixels), features, atol=1e-5)
        logits = features.mean((2, 3)) @ published["_fc.weight"].T + published["_fc.bias"]
        assert torch.allclose(model.classify(pixels), logits, atol=1e-5)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (8, 5, 2), (9, 5, 1), (8, 1, 2)])
def test_padding_is_tensorflows(size, kernel, stride):
    """What cannot be halved is more on the right and below; a window that fits exactly starts at the first pixel."""
    layer = SamePadded(1, 1, kernel, stride)
    image = torch.randn(1, 1, size, size)
    out = layer(image)
    assert out.shape[-1] == -(-size // stride)
    missing = max((out.shape[-1] - 1) * stride + kernel - size, 0)
    padded = torch.zeros(1, 1, size + missing, size + missing)
    padded[..., missing // 2 : missing // 2 + size, missing // 2 : missing // 2 + size] = image
    assert torch.allclose(out, conv2d(padded, layer.weight, layer.bias, stride), atol=1e-6)


def test_the_shipped_vision_encoder_knows_photographs():
    """Of scikit-learn: a Chinese temple, by the names that torchvision has of ImageNet's classes."""
    from safetensors.torch import load_file
    from sklearn.datasets import load_sample_image
    from torchvision.models._meta import _IMAGENET_CATEGORIES as NAMES

    model = VisionEncoder().eval()
    weights = load_file(icon_folder.SHIPPED / "vision_encoder.safetensors")
    model.load_state_dict({name.removeprefix("vision_encoder."): value.float() for name, value in weights.items()})
    image = Image.fromarray(load_sample_image("china.jpg")).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    pixels = (torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.inference_mode():
        assert model(pixels).shape == (1, 1280, 7, 7)
        best = model.classify(pixels)[0].topk(3).indices.tolist()
    assert {"palace", "bell cote", "dome"} == {NAMES[number] for number in best}


def test_the_connector_gives_a_grid_and_the_mean_in_the_length_of_word_embeddings():
    config = IconVLConfig(vision_head=32, hidden_size=24, grid=4, connector_size=16, embedding_rms=0.03)
    connector = Connector(config)
    with torch.no_grad():
        connector.position.zero_()
        connector.scale.fill_(1.5)

    def read(features: torch.Tensor) -> torch.Tensor:
        return connector(connector.pooled(features))

    features = torch.rand(2, 32, 7, 7)
    visual = read(features)
    assert visual.shape == (2, 17, 24) and config.positions == 17
    assert torch.allclose(visual.pow(2).mean(2).sqrt(), torch.tensor(0.03 * 1.5), rtol=1e-2)
    alike = read(features.mean((2, 3), keepdim=True).expand(-1, -1, 7, 7))
    assert torch.allclose(visual[:, 16:], alike, atol=1e-6)
    moved = features.clone()
    moved[:, :9, 0, 0] += 1
    moved[:, :9, 6, 6] -= 1
    changed = (read(moved) - visual).abs().amax((0, 2)) > 1e-6
    assert changed.nonzero().flatten().tolist() == [0, 15], "the mean is as it was"
    moved[:, 9:, 3, 3] += 1
    assert ((read(moved) - visual).abs().amax((0, 2)) > 1e-6).all(), "every position sees the mean"


@torch.inference_mode()
def test_images_take_the_place_of_words_and_nothing_else_changes(icon, picture):
    inputs = encode(icon, [Prompt("what is it?", image=picture)])
    places = inputs["input_ids"][0] == icon.model.config.image_token_id
    assert places.sum() == icon.model.config.positions
    seen = []
    handle = icon.layers[0].register_forward_pre_hook(
        lambda _, given, named: seen.append(given[0] if given else named["hidden_states"]), with_kwargs=True
    )
    icon.model(**inputs)
    handle.remove()
    words = icon.model.get_input_embeddings()(inputs["input_ids"])[0]
    assert torch.equal(seen[0][0, ~places], words[~places])
    assert torch.equal(seen[0][0, places], icon.model.visual_embeddings(inputs["pixel_values"])[0])


@torch.inference_mode()
def test_a_clip_is_its_frames_one_after_the_other(icon, clip):
    inputs = encode(icon, [Prompt("what is it?", video=clip)])
    frames = inputs["pixel_values_videos"][0]
    assert len(frames) == len(clip.frames)
    together = icon.model.visual_embeddings(inputs["pixel_values_videos"])
    alone = torch.cat([icon.model.visual_embeddings(frame[None]) for frame in frames])
    assert torch.allclose(together, alone, atol=1e-5)
    one = encode(icon, [Prompt("what is it?", image=clip.frames[0])])["pixel_values"]
    assert torch.allclose(one[0], frames[0], atol=1e-5)


def test_visual_positions_and_images_have_to_agree(icon, picture):
    inputs = encode(icon, [Prompt("what is it?", image=picture)])
    with pytest.raises(ValueError, match=r"^The prompts hold 5 visual positions, and the images give 10\.$"):
        icon.model(**{**inputs, "pixel_values": inputs["pixel_values"].repeat(2, 1, 1, 1)})


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (Prompt("hi"), f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"),
        (Prompt("hi", system="no."), f"<|im_start|>system\n{SYSTEM} no.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"),
    ],
)
def test_the_system_message_stands_in_every_prompt_and_what_is_asked_for_is_appended(icon, prompt, told):
    text = icon.tokenizer.decode(encode(icon, [prompt])["input_ids"][0])
    assert text == told + "<|im_start|>assistant\n"


def test_an_image_stands_after_picture_and_a_clip_after_clip(icon, picture, clip):
    def told(prompt: Prompt) -> str:
        return icon.tokenizer.decode(encode(icon, [prompt])["input_ids"][0]).split("user\n")[1].split("<|im_end|>")[0]

    assert told(Prompt("hi", image=picture)) == "Picture:" + "<|image_pad|>" * 5 + "\nhi"
    assert told(Prompt(image=picture)) == "Picture:" + "<|image_pad|>" * 5 + "\n"
    assert told(Prompt("hi", video=clip)) == "Clip:" + "<|video_pad|>" * (5 * len(clip.frames)) + "\nhi"


@torch.inference_mode()
def test_the_folder_in_the_cache_is_put_together_once_and_loads_by_name(icon_in_cache, monkeypatch):
    lens = load_model("icon-vl")
    assert lens.folder == MODELS["icon-vl"] and lens.modalities == ("text", "image", "video")
    for name, value in icon_in_cache.model.state_dict().items():
        assert torch.equal(lens.model.state_dict()[name], value), name
    assert set(json.loads((lens.folder / icon_folder.INDEX).read_text())["weight_map"].values()) == {
        f"{LANGUAGE_MODEL}/model.safetensors", "vision_encoder.safetensors", "connector.safetensors",
    }  # fmt: skip
    rms = icon_in_cache.model.get_input_embeddings().weight.pow(2).mean().sqrt()
    assert lens.model.config.embedding_rms == pytest.approx(float(rms))
    assert not list(lens.folder.glob(".unfinished-*"))
    monkeypatch.setattr(icon_folder, "_put_together", lambda *_: pytest.fail("it is put together already"))
    again = load_model("icon-vl")
    text = Prompt("how do i make a cake?")
    assert again.generate(text, max_new_tokens=4).text == lens.generate(text, max_new_tokens=4).text


@pytest.mark.usefixtures("icon_in_cache")
def test_another_version_of_what_is_shipped_takes_the_place_of_the_old(tmp_path):
    load_model("icon-vl")
    (tmp_path / "shipped" / "artifact").mkdir()
    (tmp_path / "shipped" / "artifact" / "artifact.json").write_text("{}")
    load_model("icon-vl")
    assert (MODELS["icon-vl"] / "artifact" / "artifact.json").read_text() == "{}"
    (tmp_path / "shipped" / "artifact" / "artifact.json").write_text("{1}")
    load_model("icon-vl")
    assert (MODELS["icon-vl"] / "artifact" / "artifact.json").read_text() == "{1}"


@pytest.mark.usefixtures("icon_in_cache")
def test_while_its_connector_is_not_trained_that_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load_model("icon-vl")
    (icon_folder.SHIPPED / icon_folder.CONNECTOR).unlink()
    with pytest.warns(UserWarning, match="connector is not trained yet"):
        load_model("icon-vl")


def test_its_folder_may_be_named_by_a_link_before_it_is_put_together(tmp_path):
    """As where the cache folder lies on another disk."""
    (tmp_path / "link").symlink_to(MODELS["icon-vl"])
    assert load_model(str(tmp_path / "link")).modalities == ("text", "image", "video")


@pytest.mark.usefixtures("icon_in_cache")
def test_without_its_language_model_it_says_how_to_fetch_it():
    shutil.rmtree(MODELS["icon-vl"] / LANGUAGE_MODEL)
    with pytest.raises(
        ModelError, match=r"^Icon-VL is not on this machine yet\. Fetch it: python -m mars cache --get"
    ):
        load_model("icon-vl")


def test_a_processor_comes_back_as_it_was_written(icon, tmp_path):
    from transformers import AutoProcessor

    written = build_processor(icon.tokenizer, positions=5, size=32)
    written.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(icon.model.config.to_json_string())
    read = AutoProcessor.from_pretrained(tmp_path)
    assert type(read) is type(written) and read.to_dict() == written.to_dict() and read.positions == 5
