"""Mathematics of the residual stream: tensors in, tensors out, no model."""
