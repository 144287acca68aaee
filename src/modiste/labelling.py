"""From a source of photos and a bundle to one row a photo: a table, a list of what to review, a page."""
