"""Curves of training runs: runs of the shipped models, and local runs while they are written."""
