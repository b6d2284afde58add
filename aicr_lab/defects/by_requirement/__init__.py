"""What is broken, and which check must see it."""
