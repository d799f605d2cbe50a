"""Training of models: settings, optimisers, checkpoints and the training loop."""
