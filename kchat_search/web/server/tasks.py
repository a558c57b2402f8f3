"""The answer to one request: by the application, or a refusal by the server itself."""

from __future__ import annotations

from waitress.task import Task, WSGITask

from kchat_search.web.server import refusals


class ApplicationTask(WSGITask):  # type: ignore[misc]  # waitress has no types
    """The application answers. For HEAD, whatever it says, no byte of a body is sent: waitress
    would end the body that is not there with the mark of the last chunk."""

    def execute(self) -> None:
        """Have the application answer."""
        self.channel.begin_in_thread()
        super().execute()

    def write(self, data: bytes) -> None:
        """Send the headers before the first part of the body, and this part."""
        super().write(b"" if self.request.command == "HEAD" else data)

    def finish(self) -> None:
        """Send what ends the answer."""
        if not self.wrote_header:
            self.write(b"")
        if self.request.command == "HEAD":
            self.chunked_response = False
        super().finish()


class RefusalTask(Task):  # type: ignore[misc]  # waitress has no types
    """The server answers: the request was refused, or the application failed. Then the connection
    is closed, because what follows on it may be the rest of the refused request."""

    complete = True

    def execute(self) -> None:
        """Send the refusal."""
        # After a failure, waitress hands over a request that has nothing of the one that failed.
        queued = self.channel.requests
        request = queued[0] if queued else self.request
        error = self.request.error
        refusal = error if isinstance(error, refusals.Refusal) else refusals.INTERNAL
        headers, body = refusals.rendered(refusal, request.path, request.headers)
        self.status = f"{refusal.status.value} {refusal.status.phrase}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if request.command == "HEAD" else body)
