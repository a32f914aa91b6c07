"""What a client sees go wrong."""

from __future__ import annotations


class Refused(Exception):
    """The service answered with a problem (RFC 9457), or closed the WebSocket with a reason."""

    def __init__(self, status: int, title: str, detail: str, retry_after: float | None = None) -> None:
        """Say it as the service said it; `retry_after` in seconds where it named a time."""
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail, self.retry_after = status, title, detail, retry_after
