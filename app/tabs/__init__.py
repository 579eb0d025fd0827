"""The tabs of the page, one build each."""
