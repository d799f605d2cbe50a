"""The steps that apply to every request: bodies, limits, deadlines, errors, headers, log lines."""
