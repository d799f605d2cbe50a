"""Commands that measure what pages show before anybody asks: ``python -m app.precompute NAME``."""
