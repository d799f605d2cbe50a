"""Cutting byte sequences into patches: rules, the patcher, thresholds and entropies."""
