"""Hostile input: seeded bad files and texts, and what must come of them. `make hostile` tries thousands."""
