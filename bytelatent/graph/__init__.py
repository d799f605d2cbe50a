"""Text pipeline and graphs: what a text is about, and how BLT cuts it. Nothing here loads torch."""
