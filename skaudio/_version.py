"""The version, alone in a file so that the build needs no import."""

__version__ = "0.1.0.dev0"
