"""How a dataset becomes visible: complete, or not at all."""
