"""What is wrong with a catalogue: what photos show, twins, doubtful labels, findings, and what mends them."""
