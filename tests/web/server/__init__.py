"""The HTTP server: how it reads requests, whom it waits for, and what it answers itself."""
