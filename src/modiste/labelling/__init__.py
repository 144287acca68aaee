"""From photos of any number to a table with one row a photo: crash-safe, gone on with, in bounded memory, without torch."""
