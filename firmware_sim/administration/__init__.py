"""A cluster of several nodes in a directory, and what its administrators do to it."""
