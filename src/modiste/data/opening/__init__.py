"""From a catalogue's root and a photo's path to pixels: what holds files, what a file is, workers that decode it."""
