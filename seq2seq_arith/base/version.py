"""The version of the program. A module of the lowest room, as every room may say it; the package's root has it, too."""

__version__ = "0.2.0.dev0"
