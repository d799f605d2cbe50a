"""Commands that compute stored files for the pages in advance: ``python -m app.precompute
NAME``.
"""
