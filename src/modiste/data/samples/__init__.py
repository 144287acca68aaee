"""Catalogues to try things with: drawn by modiste itself, or fetched."""
