"""Charts: arrays and labels in, plotly figures out. Nothing here shows, saves, or knows the engine."""
