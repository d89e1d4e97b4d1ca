"""The ESC system over HTTP.

    GET  {ESC_URL}/batches/{id}           200  {"status": "pending" | "approved" | "rejected",
                                                "reason": text, where rejected; optional}
                                          404  no such batch
    POST {ESC_URL}/batches/{id}/approve   200  the batch is now approved
         Idempotency-Key: {task id}       404  no such batch
                                          409  the batch is already decided

The id is percent-encoded. A POST repeated with the same Idempotency-Key gets the
first one's answer, so that a task which is delivered twice isn't told 409 for
what it has itself approved. Credentials in ESC_URL are sent as basic auth.
"""

from urllib.parse import quote

import httpx

from worker.esc import ALREADY_DECIDED, APPROVED, PENDING, UNKNOWN_BATCH, Decision


class HttpEsc:
    """An ESC system behind a client whose base URL is ESC_URL.

    Both methods raise TimeoutError when the system can't be reached or doesn't
    answer in the client's timeout, and RuntimeError when its answer isn't one
    of the protocol's. They are built-in exceptions for the sake of whoever
    reads the task's result without this package.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def decision(self, batch_id: str) -> Decision:
        """Look up where the batch stands."""
        response = self._request("GET", f"batches/{quote(batch_id, safe='')}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return UNKNOWN_BATCH
        match _body(response):
            case {"status": "pending"}:
                return PENDING
            case {"status": "approved"}:
                return APPROVED
            case {"status": "rejected", "reason": str(reason)}:
                return Decision("rejected", reason)
            case {"status": "rejected"}:
                return Decision("rejected", "rejected in the ESC system")
        raise _unexpected(response)

    def approve(self, batch_id: str, task_id: str) -> Decision:
        """Approve the batch in the task's name."""
        response = self._request(
            "POST",
            f"batches/{quote(batch_id, safe='')}/approve",
            headers={"Idempotency-Key": task_id},
        )
        match response.status_code:
            case httpx.codes.OK:
                return APPROVED
            case httpx.codes.NOT_FOUND:
                return UNKNOWN_BATCH
            case httpx.codes.CONFLICT:
                return ALREADY_DECIDED
        raise _unexpected(response)

    def _request(
        self, method: str, path: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, headers=headers)
        except (httpx.TimeoutException, httpx.ConnectError) as error:
            raise TimeoutError("Connection timeout to ESC system") from error
        except httpx.HTTPError as error:
            raise RuntimeError(f"The ESC system's answer broke off: {error}") from error


def _body(response: httpx.Response) -> object:
    """Return what the answer's JSON holds, or None if it isn't a 200 with JSON."""
    if response.status_code != httpx.codes.OK:
        return None
    try:
        body: object = response.json()
    except ValueError:
        return None
    return body


def _unexpected(response: httpx.Response) -> RuntimeError:
    request = response.request
    return RuntimeError(
        f"The ESC system gave an unexpected answer to {request.method} {request.url.path}: "
        f"{response.status_code} {response.text[:200]!r}"
    )
