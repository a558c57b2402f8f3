"""Which addresses belong to the API and which to the pages."""

from __future__ import annotations

from flask import request

API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")


def is_api_request() -> bool:
    """Is the present request for the API, and not for a page?"""
    return request.path == "/api" or request.path.startswith(API_PATHS)
