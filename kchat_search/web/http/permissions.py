"""Which permission a route needs, declared beside it: `@needs("search")` or `@public`.

Invariant: what nobody has declared is open to nobody. `create_app` raises for a route without a
declaration, and a request for one that was added later is answered with an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, TypeVar

from flask import Flask

from kchat_search.models.people import Permission

Need: TypeAlias = tuple[Permission | Literal["signed_in"], ...]
"""Any one of these will do. «signed_in»: whoever is known, whatever they may do. Empty: anybody,
known or not."""
View = TypeVar("View", bound=Callable[..., object])

_NEED = "__need__"
PUBLIC: Need = ()
SIGNED_IN: Need = ("signed_in",)


def needs(*any_of: Permission | Literal["signed_in"]) -> Callable[[View], View]:
    """Whoever asks for this route needs one of these permissions. Stands between the route and the
    view."""
    if not any_of:
        raise TypeError("name a permission, or declare the route @public")

    def declared(view: View) -> View:
        setattr(view, _NEED, any_of)
        return view

    return declared


def public(view: View) -> View:
    """This route answers whoever asks, also nobody."""
    setattr(view, _NEED, PUBLIC)
    return view


def need_of(app: Flask, endpoint: str) -> Need:
    """What this endpoint needs. Raises `LookupError` where nobody has declared it."""
    need: Need | None = getattr(app.view_functions[endpoint], _NEED, None)
    if need is None:
        raise LookupError(f"the route «{endpoint}» declares no permission: see {__name__}")
    return need


def check_declared(app: Flask) -> None:
    """Raises `LookupError` for a route that declares no permission. The files of `static` are
    public: Flask has made that route."""
    public(app.view_functions["static"])
    for rule in app.url_map.iter_rules():
        need_of(app, rule.endpoint)
