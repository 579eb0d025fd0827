import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_after_the_repair_processors_and_transforms_work_in_a_fresh_process():
    code = (
        "from mars.model.compat import repair_torchvision; repair_torchvision(); repair_torchvision()\n"
        "import torch, torchvision.transforms.v2.functional as F\n"
        "from transformers import Qwen3VLVideoProcessor\n"
        "assert F.resize(torch.zeros(3, 8, 8, dtype=torch.uint8), [4, 4]).shape == (3, 4, 4)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
