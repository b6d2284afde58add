"""Requirement dra_support."""
