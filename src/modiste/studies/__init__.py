"""A question, the variants that answer it, and what came out: from a catalogue to tables, figures and a report."""
