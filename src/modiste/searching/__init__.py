"""From the photos of a source to an index, and from a photo to those that look like it; no torch."""
