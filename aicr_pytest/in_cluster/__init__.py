"""A run as a Job of the cluster that it looks at; what runs in its pod is ``cli.in_pod``."""
