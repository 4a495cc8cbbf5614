"""This process and this machine: files that are written, room on the disk, children, arguments."""
