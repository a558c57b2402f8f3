"""`wsgi:app` in a clone of the repository; the program itself is `kchat_search.wsgi`."""

from kchat_search.wsgi import app, application

__all__ = ["app", "application"]
