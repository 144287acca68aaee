"""Layouts that catalogues come in and go out in: a file a layout, READERS and WRITERS list them."""
