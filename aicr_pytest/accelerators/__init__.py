"""What accelerators a cluster has, how a pod asks for one, and what a container really sees."""
