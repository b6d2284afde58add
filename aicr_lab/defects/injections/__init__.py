"""How it is broken."""
