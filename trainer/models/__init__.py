"""The networks, one file each; ``trainer/registry.py`` lists them. Each reads ids and writes logits."""
