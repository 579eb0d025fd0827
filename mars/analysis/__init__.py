"""Analyses of one prompt or of an artifact's clouds: the layer x gain map, every position, alignment."""
