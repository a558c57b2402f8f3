"""The exit codes. docs/operations.md says what they mean."""

from __future__ import annotations

from kchat_search.errors import BadRequest, KchatSearchError, SettingsError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_DIFFERENCE = 3
EXIT_NOT_NOW = 75  # EX_TEMPFAIL of sysexits.h


def exit_code(error: KchatSearchError) -> int:
    """The code of a command that an error ended."""
    if isinstance(error, SettingsError | BadRequest):
        return EXIT_USAGE
    return EXIT_NOT_NOW if error.retry else EXIT_FAILED
