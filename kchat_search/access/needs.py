"""Which permission a method of the service needs: one mark above each.

A public method without a mark turns tests/access/test_needs.py red, so none is open by oversight.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from kchat_search.errors import Forbidden
from kchat_search.models.people import Permission


class Permitted(Protocol):
    """Whoever has permissions."""

    @property
    def permissions(self) -> frozenset[Permission]: ...  # noqa: D102


Self = TypeVar("Self", bound=Permitted)
Given = ParamSpec("Given")
Result = TypeVar("Result")
Method = Callable[Concatenate[Self, Given], Result]

NEEDED = "__needed__"
"""The attribute of a method that has its permissions, any of which will do; `OPEN` for none."""
OPEN: tuple[Permission, ...] = ()


def needs(
    first: Permission, *others: Permission
) -> Callable[[Method[Self, Given, Result]], Method[Self, Given, Result]]:
    """The method raises `Forbidden` for whoever has none of these permissions."""
    any_of = (first, *others)

    def marked(method: Method[Self, Given, Result]) -> Method[Self, Given, Result]:
        @wraps(method)
        def checked(self: Self, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
            if self.permissions.isdisjoint(any_of):
                raise Forbidden(first)
            return method(self, *args, **kwargs)

        setattr(checked, NEEDED, any_of)
        return checked

    return marked


def open_to_all(method: Method[Self, Given, Result]) -> Method[Self, Given, Result]:
    """Whoever asks may call it. It says nothing of chats, and no figure."""
    setattr(method, NEEDED, OPEN)
    return method
