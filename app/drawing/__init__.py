"""SVG and HTML that the server draws, for use without JavaScript."""
