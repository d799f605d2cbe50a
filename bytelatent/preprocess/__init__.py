"""What is done to text once, before training."""
