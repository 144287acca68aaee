"""What people said of photos: kept, counted, and what to ask them next."""
