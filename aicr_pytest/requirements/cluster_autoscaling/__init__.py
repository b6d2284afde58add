"""Requirement cluster_autoscaling."""
