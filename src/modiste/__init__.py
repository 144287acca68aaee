"""Classify photos of fashion products."""

__version__ = "0.1.0"
