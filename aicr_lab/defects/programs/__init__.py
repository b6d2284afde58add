"""What runs to break it."""
