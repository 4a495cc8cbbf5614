"""A parameter is written once; parameter files are read and checked."""
