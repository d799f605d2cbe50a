"""What happens to every request: bodies, limits, deadlines, errors, headers, log lines."""
