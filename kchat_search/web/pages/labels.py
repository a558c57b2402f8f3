"""The pages' words for fields and their values, in the language of the present request."""

from __future__ import annotations

from kchat_search.fields import BY_NAME, PARAMETERS, SPEAKER_LABELS
from kchat_search.web.http.language import current


class Code(str):
    """A value that the pages have no word for: it is shown as a code."""

    __slots__ = ()


class Labels:
    """Made once for each page, so that the language is not looked up for each message."""

    def __init__(self) -> None:
        self._language = current()
        self.titles = {
            name: field.title.in_language(self._language) for name, field in PARAMETERS.items()
        }
        """The title of each filter, by its name."""
        self.speakers = {
            speaker: label.in_language(self._language) for speaker, label in SPEAKER_LABELS.items()
        }
        """The word for each kind of speaker."""

    def value(self, name: str, value: str | None, given: str | None = None) -> str:
        """The words for a value of a field: the page's own, else `given`; else the value itself, as
        a code where it is no person's."""
        words = BY_NAME[name].label(value, self._language) or given
        if words or not value:
            return words or ""
        return value if BY_NAME[name].person else Code(value)
