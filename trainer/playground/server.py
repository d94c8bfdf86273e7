"""The playground's server: its routes, and their access control. It listens only on the loopback interface.

::

    GET  /                the page, with style.css, app.js, model.js and icon.svg
    GET  /runs.js         the runs: the usable ones, and the others, with the reason
    POST /api/answer      {"run", "question", "epoch"}: an answer, as ``Models.answer``
    POST /api/length      {"run", "length", "epoch"}: the scores of a model at a length, as ``Models.at_length``
    POST /api/weights     {"run", "epoch"}: the weights of a network that the page computes, as ``page.weights``

A page of another site can neither read an answer (it has another origin), nor send a request (a form cannot send JSON,
and a browser reports the requesting site in ``Sec-Fetch-Site``), nor pretend to be this page by a host name that
resolves to this address (the header ``Host`` is checked). A request whose browser has disconnected is dropped, and the
queue is short.
"""

import asyncio
import dataclasses
import functools
import mimetypes
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiohttp import web

from seq2seq_arith.base import events
from seq2seq_arith.base.decoding import MalformedError, decode, parse
from seq2seq_arith.base.errors import InputError, RunError
from seq2seq_arith.base.terminal import SUCCESS, say
from seq2seq_arith.trainer.playground import catalog, page
from seq2seq_arith.trainer.playground.answers import Models
from seq2seq_arith.trainer.runs import listing
from seq2seq_arith.trainer.runs.run import Run

HOST = "127.0.0.1"
NAMES = {HOST, "localhost"}  # of this machine, in a browser
MAX_BYTES = 1 << 16  # of a request
MAX_WAITING = 32  # requests in the queue
READ_SECONDS = 10.0  # for a request to arrive whole
HTTP_PORT = 80  # the default, which browsers omit from an address
PAGES = {"/": "index.html"} | {f"/{name}": name for name in (*page.FILES[1:], page.RUNS)}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(top: Path, port: int, fragment: str = "") -> None:
    """Serves the playground until Ctrl-C or SIGTERM; port 0 chooses a free one, ``fragment`` ends the address."""
    listing.folders(top)
    asyncio.run(_serve(top, port, fragment))


async def _serve(top: Path, port: int, fragment: str) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        listener = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--port is {port}, which cannot be opened ({reason}); give another, or 0") from None
    playground = Playground(top)
    runner = playground.runner()
    try:
        await runner.setup()
        await web.SockSite(runner, listener, shutdown_timeout=1).start()
        say(f"http://{HOST}:{listener.getsockname()[1]}/{fragment}  (Ctrl-C ends it)")
        await stop.wait()
    finally:
        await runner.cleanup()
        listener.close()
        if playground.is_busy:  # Python would wait for the answer
            events.finish(SUCCESS)
            os._exit(SUCCESS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """A request of the page to a run: to its best weights, or those after an epoch."""

    run: str
    epoch: int | None = None
    question: str = ""  # as people type it
    length: int = 0  # the maximum of operands


class Playground:
    """The routes. One thread evaluates all models, one request after another."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._models = Models()
        self._thread = ThreadPoolExecutor(1)
        self._waiting = 0
        self.is_busy = False

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_guarded], client_max_size=MAX_BYTES)
        app.add_routes([web.get(path, self._page) for path in PAGES])
        for name, evaluate in (
            ("answer", lambda run, query: self._models.answer(run, query.question, query.epoch)),
            ("length", lambda run, query: self._models.at_length(run, query.length, query.epoch)),
            ("weights", lambda run, query: page.weights(run, query.epoch)),
        ):
            app.router.add_post(f"/api/{name}", functools.partial(self._respond, evaluate))
        app.on_cleanup.append(self._end)
        return app

    def runner(self) -> web.AppRunner:
        """The runner of the application, which drops the requests of browsers that have disconnected.

        It closes a connection whose next request has not begun, or whose header is not complete, after READ_SECONDS.
        """
        return web.AppRunner(
            self.application(), access_log=None, handler_cancellation=True, keepalive_timeout=READ_SECONDS
        )

    async def _end(self, _: web.Application) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _page(self, request: web.Request) -> web.Response:
        name = PAGES[request.path]
        content = await self._in_thread(page.served, self._top) if name == page.RUNS else page.static(name)
        return web.Response(text=content, content_type=mimetypes.guess_type(name)[0])

    async def _respond(self, evaluate: Callable[[Run, Query], Any], request: web.Request) -> web.Response:
        query = await _read(request)
        return web.json_response(await self._in_thread(evaluate, self._open(query.run), query))

    def _open(self, name: str) -> Run:
        """A run by its name on the page, which cannot be any other folder."""
        folder = listing.folders(self._top).get(name)
        if folder is None:
            raise InputError("there is no run of that name; reload the page")
        return catalog.opened(folder)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._waiting >= MAX_WAITING:
            raise web.HTTPServiceUnavailable(reason=f"{MAX_WAITING} requests are waiting; try again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, function, arguments)
        finally:
            self._waiting -= 1

    def _work(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self.is_busy = True
        try:
            return function(*arguments)
        finally:
            self.is_busy = False


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Rejects requests that do not come from this page, and turns errors into JSON."""
    try:
        _check_origin(request)
        response = await handler(request)
    except (InputError, RunError) as error:
        response = _error_response(400 if isinstance(error, InputError) else 500, str(error))
    except web.HTTPException as error:
        response = _error_response(error.status, error.reason)
    except Exception as error:  # of a custom model, or of TensorFlow: the next request may succeed
        response = _error_response(500, f"the model failed: {type(error).__name__}: {error}")
    response.headers.update(HEADERS)
    return response


def _check_origin(request: web.Request) -> None:
    """Raises HTTPForbidden unless the request is for this address, and from no page of another site."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    ours = NAMES if port == HTTP_PORT else {f"{name}:{port}" for name in NAMES}
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    is_ours = request.host in ours and (origin is None or origin.removeprefix("http://") in ours)
    if not is_ours or site not in ("none", "same-origin"):
        raise web.HTTPForbidden(reason=f"this server is only for its own page at {HOST}")


def _error_response(status: int, why: str) -> web.Response:
    return web.json_response({"why": why}, status=status)


async def _read(request: web.Request) -> Query:
    """The query in a request."""
    if request.content_type != "application/json":
        raise InputError(f"the content type is {request.content_type}; send application/json")
    try:
        async with asyncio.timeout(READ_SECONDS):
            return decode(Query, parse(await request.read()))
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            reason=f"the request was not complete after {READ_SECONDS} s; send it again"
        ) from None
    except (MalformedError, web.RequestPayloadError) as error:
        raise InputError(f"the request cannot be read: {error}; reload the page") from None
