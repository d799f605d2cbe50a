"""Cutting byte sequences into patches."""
