"""From labels that people gave to a better bundle: its last layer learnt anew on any laptop, and whether that helped. No torch."""
