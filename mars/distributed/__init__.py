"""Work on many items, in this process or on a Ray cluster."""
