"""Pocket-VL, the bundled model: its world, its splits, and what trains it."""
