"""A fitted model that can be stored, checked and applied."""
