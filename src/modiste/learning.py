"""From corrections to a better bundle: the last layers learnt anew from labelled photos, and whether that helped."""
