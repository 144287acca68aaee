"""Figures as matplotlib draws them: SVG that follows light and dark, and PNG."""
