"""How a run is asked for: options, settings, marks."""
