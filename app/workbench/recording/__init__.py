"""Sessions that are kept in a folder, and shown again without their model."""
