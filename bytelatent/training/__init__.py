"""Training: settings, optimisers, checkpoints and the loop."""
