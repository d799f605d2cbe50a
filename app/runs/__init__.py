"""Curves of training runs: those of the shipped models, and local ones as they are written."""
