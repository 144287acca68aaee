"""From a variant to a network. Knows no data and no training."""
