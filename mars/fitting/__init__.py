"""From a model and a contrast set to what is fitted."""
