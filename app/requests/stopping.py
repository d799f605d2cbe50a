"""That the server has been told to stop, for whoever wants to know."""

import threading

stopping = threading.Event()
"""Streams end, and ``/readyz`` says so."""
