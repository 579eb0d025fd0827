"""Analyses of one prompt, position by position, and of an artifact's clouds."""
