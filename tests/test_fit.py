import json

import pytest
import torch

from mars.__main__ import main
from mars.artifact.artifact import Artifact
from mars.datasets.contrast import write_contrast
from mars.fitted.fitted import Fitted
from mars.fitting.prompts import HELD_OUT_SEED, NEUTRAL_SEED
from mars.media.neutral import neutral_prompts
from mars.media.prompt import Prompt
from mars.model.capture import capture


def test_the_fit_is_what_its_parts_say(tiny, contrast, tiny_artifact):
    harmless = capture(tiny, [Prompt(text) for text in contrast.texts("harmless", "train")]).values
    assert torch.allclose(tiny_artifact.mean_harmless, harmless.mean(dim=0), atol=1e-5)
    neutral = capture(tiny, neutral_prompts(contrast.texts("harmless", "train"), "image", NEUTRAL_SEED)).values
    bias = neutral.mean(dim=0) - tiny_artifact.mean_harmless
    assert torch.allclose(tiny_artifact.bias["image"], bias, atol=1e-5)
    assert not tiny_artifact.bias_of("text").any()
    half = (tiny_artifact.mean_harmful - tiny_artifact.mean_harmless) / 2
    along = (bias * half).sum(dim=1) / (half * half).sum(dim=1)
    assert torch.allclose(tiny_artifact.bias_along["image"][:, 0], along, atol=1e-4)
    assert (tiny_artifact.amplification["text"] == 1).all()


def test_an_artifact_is_shown_in_one_line(tiny, tiny_artifact):
    chosen = f"layer {tiny_artifact.layer} of 0 to {tiny_artifact.n_layers - 1}"
    assert repr(tiny_artifact) == f"<Artifact of {tiny.name!r}: {chosen}, for text, image, video>"
    assert repr(Fitted(**vars(tiny_artifact))).startswith("<Fitted of ")


def test_a_fit_is_the_same_each_time(tiny, contrast, tiny_artifact):
    again = Artifact.fit(tiny, contrast, with_umap=False)
    assert torch.allclose(again.mean_harmful, tiny_artifact.mean_harmful, atol=1e-6)
    assert torch.allclose(again.bias["video"], tiny_artifact.bias["video"], atol=1e-6)
    assert again.layer == tiny_artifact.layer


def test_the_clouds_are_held_out_from_the_neutral_mean(tiny, contrast, tiny_artifact):
    assert HELD_OUT_SEED != NEUTRAL_SEED
    (neutral,) = [c for c in tiny_artifact.clouds if c.name == "image.neutral"]
    held_out = neutral_prompts(contrast.texts("harmless", "validation"), "image", HELD_OUT_SEED)
    assert torch.allclose(neutral.values.float(), capture(tiny, held_out).values, atol=0.05)


def test_the_bands_are_those_of_validation_text(tiny, contrast, tiny_artifact):
    values = capture(tiny, [Prompt(text) for text in contrast.texts("harmful", "validation")]).values
    s = tiny_artifact.coordinates(values, "text", recentered=False)
    assert torch.allclose(tiny_artifact.bands["harmful"][:, 1], torch.quantile(s, 0.5, dim=0), atol=1e-4)


def test_the_command_line_fits_a_folder_on_sets_of_ones_own_and_writes_an_artifact_that_loads(
    tiny, tiny_folder, contrast, tmp_path, capsys, picture
):
    write_contrast(contrast, tmp_path / "set.jsonl", "made here", "Apache-2.0")
    (tmp_path / "neutral").mkdir()
    for angle in (0, 90):
        picture.rotate(angle).save(tmp_path / "neutral" / f"{angle}.png")
    arguments = ["fit", "--model", str(tiny_folder), "--contrast", str(tmp_path / "set.jsonl"), "--no-umap"]
    arguments += ["--neutral", str(tmp_path / "neutral"), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    assert main([*arguments, "--out", str(tmp_path / "artifact")]) == 0
    artifact = Artifact.load(tmp_path / "artifact", tiny)
    assert f"Layer {artifact.layer} has the highest" in capsys.readouterr().out
    assert artifact.provenance["counts"]["harmful.train"] == 6
    assert len(artifact.provenance["neutral"]) == 64
    assert json.loads((tmp_path / "artifact" / "artifact.json").read_text())["layer"] == artifact.layer
    kept = list((tmp_path / "cache").rglob("*.activations"))
    assert len(kept) > 50
    for path in kept:
        path.unlink()
    assert main([*arguments, "--no-cache", "--out", str(tmp_path / "again")]) == 0
    assert not list((tmp_path / "cache").rglob("*.activations"))
    again = Artifact.load(tmp_path / "again", tiny)
    assert again.hash == artifact.hash and again.provenance["neutral"] == artifact.provenance["neutral"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "--model", "./nowhere", "--out", "x"], "no model folder at ./nowhere"),
        (["fit", "--neutral", "./nowhere", "--out", "x"], "no folder nowhere of meaningless"),
        (["fit", "--quantization", "4bit", "--device-map", "auto", "--device", "cpu", "--out", "x"], "not both"),
        (["eval", "--model", "./nowhere"], "no model folder"),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_no_trace(arguments, sentence, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr().err
    assert sentence in captured
    assert "Traceback" not in captured
