"""Requirement gang_scheduling."""
