"""Entity graphs and patch graphs of texts, and the text pipeline that builds them; no torch."""
