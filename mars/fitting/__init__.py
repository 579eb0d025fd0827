"""From a model and a contrast set to the quantities of an artifact."""
