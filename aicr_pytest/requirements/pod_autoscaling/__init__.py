"""Requirement pod_autoscaling."""
