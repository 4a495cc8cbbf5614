"""The live page and its server: what the page shows, who may see it, and what it may ask for. Knows no ROS."""
