"""The world of the bundled model: things, words and renders. Pure and seeded; knows no model."""
