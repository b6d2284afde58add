"""This Linux host."""
