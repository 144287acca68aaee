"""From a recipe and a catalogue to a run."""
