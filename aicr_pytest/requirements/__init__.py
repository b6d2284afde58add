"""What is proven: a folder per requirement id, and what they have in common."""
