"""Requirement ai_service_metrics."""
