"""What a command's exit status says, beside 0 (done), 1 (failed), 2 (wrong arguments) and 130 (interrupted)."""

SKIPPED = 3
"""Done, but images that could not be read were left out."""
