"""From pictures to a catalogue, and from a catalogue to batches."""
