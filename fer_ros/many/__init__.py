"""Many recordings: which ones, what is done of them, and who does it, here or on a cluster."""
