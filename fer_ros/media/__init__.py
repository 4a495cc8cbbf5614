"""Frames in and out: sources, their times, and recordings."""
