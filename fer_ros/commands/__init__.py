"""One module per command of `fer-ros`: `add_to` describes its command line, the rest does it."""
