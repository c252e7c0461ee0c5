"""The one error tree. Every failure that leaves ocrgate is one of these leaves.

    OcrgateError
    ├── RequestError                what the caller sent cannot be served
    │   ├── InvalidRequest          invalid_request
    │   ├── UnsupportedMedia        unsupported_media
    │   ├── UnreadableDocument      unreadable_document
    │   ├── PayloadTooLarge         payload_too_large
    │   ├── DocumentLimit           document_limit
    │   ├── NotFound                not_found
    │   ├── Conflict                conflict
    │   └── Gone                    gone
    ├── AccessError                 who sent it may not
    │   ├── Unauthenticated         unauthenticated
    │   └── Forbidden               forbidden
    ├── RefusedError                nothing was done; come back later
    │   ├── RateLimited             rate_limited (the caller's own quota)
    │   ├── Overloaded              overloaded (we are full)
    │   └── Draining                draining (we are going away)
    ├── EngineError                 the engine's fault
    │   ├── EngineUnavailable       engine_unavailable
    │   ├── BreakerOpen             breaker_open
    │   ├── EngineFailed            engine_failed
    │   └── BadEngineOutput         bad_engine_output
    ├── DeadlineExceeded            deadline_exceeded (``where`` says queue or engine)
    └── InternalError               internal

``code`` is stable: it is the wire's ``code``, the metric label and the name of the page under
``docs/problems/``. Status numbers and exit codes live at the edges, never here.
"""

from typing import ClassVar, Literal


class OcrgateError(Exception):
    """Something went wrong in a way that ocrgate can name.

    Args:
        detail: one sentence for the caller; without it, the class's docstring.
        field: the name of the offending input (``image``, ``pages``, ``X-Request-Timeout``).
        limit: the bound that was passed, with its unit, as text ("50 MB").
        retry_after: seconds after which a retry is worth it.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        field: str | None = None,
        limit: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail or (type(self).__doc__ or self.code).split("\n", maxsplit=1)[0]
        self.field = field
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(self.detail)

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders whole (keyword arguments included)."""
        return (_rebuild, (type(self), self.detail, dict(self.__dict__)))


def _rebuild(kind: type[OcrgateError], detail: str, state: dict[str, object]) -> OcrgateError:
    error = kind.__new__(kind)
    Exception.__init__(error, detail)
    error.__dict__.update(state)
    return error


class RequestError(OcrgateError):
    """What was sent cannot be served."""


class InvalidRequest(RequestError):
    """A field of the request is missing or has a value that is not allowed."""

    code = "invalid_request"


class UnsupportedMedia(RequestError):
    """The bytes are not of a format that is read here."""

    code = "unsupported_media"


class UnreadableDocument(RequestError):
    """The format is known but the file is damaged, empty or locked."""

    code = "unreadable_document"


class PayloadTooLarge(RequestError):
    """The body has more bytes than are accepted."""

    code = "payload_too_large"


class DocumentLimit(RequestError):
    """The document has more pages or pixels than are accepted."""

    code = "document_limit"


class NotFound(RequestError):
    """There is no such thing here."""

    code = "not_found"


class Conflict(RequestError):
    """The request contradicts one already taken."""

    code = "conflict"


class Gone(RequestError):
    """It was here and has expired."""

    code = "gone"


class AccessError(OcrgateError):
    """The caller may not do this."""


class Unauthenticated(AccessError):
    """A valid API key is needed."""

    code = "unauthenticated"


class Forbidden(AccessError):
    """The API key does not allow this."""

    code = "forbidden"


class RefusedError(OcrgateError):
    """Nothing was done; a later retry may be served."""

    retryable = True


class RateLimited(RefusedError):
    """The caller's own quota is used up."""

    code = "rate_limited"


class Overloaded(RefusedError):
    """The server is full; nothing was done.

    ``reason`` is a bounded set, it labels ``ocrgate_refusals_total``.
    """

    code = "overloaded"

    def __init__(
        self,
        detail: str | None = None,
        *,
        reason: Literal["backlog", "bytes", "wait", "infeasible", "connections"] = "backlog",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.reason = reason


class Draining(RefusedError):
    """The server is shutting down and takes no new work."""

    code = "draining"


class EngineError(OcrgateError):
    """The engine could not do its part."""

    retryable = True


class EngineUnavailable(EngineError):
    """No engine is ready to serve."""

    code = "engine_unavailable"


class BreakerOpen(EngineError):
    """The engine failed too often lately and is left alone for a while."""

    code = "breaker_open"


class EngineFailed(EngineError):
    """The engine broke off while it worked on this page."""

    code = "engine_failed"


class BadEngineOutput(EngineError):
    """The engine answered with something that is not a reading of the page."""

    code = "bad_engine_output"


class DeadlineExceeded(OcrgateError):
    """The time given ran out."""

    code = "deadline_exceeded"
    retryable = True

    def __init__(
        self,
        detail: str | None = None,
        *,
        where: Literal["queue", "engine"] = "queue",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.where = where


class InternalError(OcrgateError):
    """An error inside ocrgate; the request id finds it in the log."""

    code = "internal"


def leaves(root: type[OcrgateError] = OcrgateError) -> tuple[type[OcrgateError], ...]:
    """The concrete errors: every class of the tree that declares its own ``code``."""
    own = (root,) if "code" in vars(root) and root is not OcrgateError else ()
    return own + tuple(leaf for child in root.__subclasses__() for leaf in leaves(child))
