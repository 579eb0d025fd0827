"""A multimodal model of transformers: loaded and checked, read, captured, steered."""
