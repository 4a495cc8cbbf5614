"""Measurements: `fer-ros bench`. They print figures and are no tests."""
