"""The words every room shares: labels, catalogue, recipe, run, predictions, table. NumPy and the standard library only."""
