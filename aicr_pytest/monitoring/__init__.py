"""How metrics are read."""
