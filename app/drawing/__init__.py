"""SVG and HTML that the server draws itself, without JavaScript."""
