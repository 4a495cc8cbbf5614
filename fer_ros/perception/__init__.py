"""What a frame says: faces, who they are, and what they show."""
