"""What trains Pocket-VL: `python -m mars.pocket_vl.training`."""
