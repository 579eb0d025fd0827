"""What steering does to first tokens and replies: by layer and gain, on one prompt or a set."""
