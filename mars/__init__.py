"""MARS Lens, the engine: see and steer how refusal travels from text to images and video."""
