"""The event that is set when the server has been told to stop."""

import threading

stopping = threading.Event()
"""Streams end, and ``/readyz`` says so."""
