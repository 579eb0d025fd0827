"""What the engine costs beside plain transformers, as ratios: `python -m benchmarks --json FILE [--quick]`."""
