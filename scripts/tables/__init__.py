"""Tables of README and docs, as lines of Markdown, from what was measured."""
