"""The executables: one short file and one class each."""
