"""What can be said of stored predictions, and how surely."""
