"""Images and videos: decoded within bounds, neutral ones, thumbnails, and prompts that carry them."""
