"""Requests and responses of the API as pydantic models.

Requests are validated with these models, the OpenAPI document is built from them, and the tests
validate every response with them.
"""
