"""What is read off one prompt or off the clouds of an artifact: the layer x gain map, positions, alignment."""
