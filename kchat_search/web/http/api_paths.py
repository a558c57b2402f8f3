"""Which addresses belong to the API and which to the pages."""

from __future__ import annotations

from flask import request

API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")


def is_api_request() -> bool:
    """Is the present request for the API, and not for a page?"""
    return is_api_path(request.path)


def is_api_path(path: str) -> bool:
    """Does this path belong to the API, and not to the pages?"""
    return path == "/api" or path.startswith(API_PATHS)
