"""What scripts do to the pages, in a browser."""
