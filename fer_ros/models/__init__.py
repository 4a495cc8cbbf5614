"""Which models there are, whether they are the right ones, and how they run."""
