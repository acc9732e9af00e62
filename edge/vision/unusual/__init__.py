"""What is unusual here, learned on the spot."""
