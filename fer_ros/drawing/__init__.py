"""What was recognised, drawn onto the image."""
