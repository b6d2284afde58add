"""The vendors whose accelerators are described."""
