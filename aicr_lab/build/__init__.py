"""The lab's programs and images, built once."""
