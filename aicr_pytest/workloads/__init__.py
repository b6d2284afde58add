"""What a check deploys."""
