"""MARS Lens, the page: tabs over the engine. Only `workbench` imports mars; figures import neither."""
