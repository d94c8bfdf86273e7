"""The export of trained networks to programs without this package."""
