"""The pages' words for fields and their values, in the language of the present request."""

from __future__ import annotations

from kchat_search.fields import BY_NAME, PARAMETERS, SPEAKER_LABELS
from kchat_search.web.http.language import current


class Labels:
    """Made once a page, so that the language is looked up once and not once a message."""

    def __init__(self) -> None:
        self._language = current()
        self.titles = {
            name: field.title.in_language(self._language) for name, field in PARAMETERS.items()
        }
        """By name of a filter: what it is called."""
        self.speakers = {
            speaker: label.in_language(self._language) for speaker, label in SPEAKER_LABELS.items()
        }
        """Who spoke."""

    def value(self, name: str, value: str | None, given: str | None = None) -> str:
        """A field's value for a person: in the page's words, as `given`, or as it is."""
        return BY_NAME[name].label(value, self._language) or given or value or ""
