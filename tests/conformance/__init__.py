"""The suite: one module per requirement."""
