"""Networks: the Byte Latent Transformer and the layers that it shares with the entropy model."""
