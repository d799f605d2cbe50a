"""What goes over the wire, as pydantic models: requests are checked by them, the OpenAPI document
is built from them, and tests hold every response against them.
"""
