"""What must not be published is taken out of texts and objects."""
