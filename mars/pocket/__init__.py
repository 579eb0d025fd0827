"""Pocket-VL: the tiny world of the bundled model. Pure and seeded; knows no model."""
