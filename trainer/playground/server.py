"""The playground's server: its routes, and who may use them. It listens on the loopback interface alone.

::

    GET  /                the page, with style.css, app.js, model.js and icon.svg
    GET  /runs.js         the runs: those that can be asked, and those that cannot, with the reason
    POST /api/answer      {"run", "question", "epoch"}: an answer, as ``Models.answer``
    POST /api/length      {"run", "length", "epoch"}: how a model does at a length, as ``Models.at_length``
    POST /api/weights     {"run", "epoch"}: the weights of a network that the page computes, as ``page.weights``

A page of another site can neither read an answer (it has another origin), nor ask (a form cannot send JSON, and a
browser says in ``Sec-Fetch-Site`` who asks), nor pretend to be this one by a name that leads here (the header ``Host``
must be ours). A question whose browser has left is dropped, and few wait at once.
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
MOST_BYTES = 1 << 16  # of what a browser sends
MOST_WAITING = 32  # questions at once
HTTP_PORT = 80  # which no browser writes into an address
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
    """Serves the playground until Ctrl-C or SIGTERM; port 0 is free, ``fragment`` ends the address."""
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
        raise InputError(f"--port is {port}, where nobody can listen ({reason}); give another, or 0") from None
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
class Asked:
    """What a page asks of a run: of its best weights, or of those after an epoch."""

    run: str
    epoch: int | None = None
    question: str = ""  # as a person types it
    length: int = 0  # of operands, the most


class Playground:
    """The routes. All models are asked in one thread, one question after another."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._models = Models()
        self._thread = ThreadPoolExecutor(1)
        self._waiting = 0
        self.is_busy = False

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_guarded], client_max_size=MOST_BYTES)
        app.add_routes([web.get(path, self._page) for path in PAGES])
        for name, ask in (
            ("answer", lambda run, asked: self._models.answer(run, asked.question, asked.epoch)),
            ("length", lambda run, asked: self._models.at_length(run, asked.length, asked.epoch)),
            ("weights", lambda run, asked: page.weights(run, asked.epoch)),
        ):
            app.router.add_post(f"/api/{name}", functools.partial(self._asked, ask))
        app.on_cleanup.append(self._end)
        return app

    def runner(self) -> web.AppRunner:
        """Serves it, and drops the questions of browsers that have left."""
        return web.AppRunner(self.application(), access_log=None, handler_cancellation=True)

    async def _end(self, _: web.Application) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _page(self, request: web.Request) -> web.Response:
        name = PAGES[request.path]
        content = await self._in_thread(page.served, self._top) if name == page.RUNS else page.static(name)
        return web.Response(text=content, content_type=mimetypes.guess_type(name)[0])

    async def _asked(self, ask: Callable[[Run, Asked], Any], request: web.Request) -> web.Response:
        asked = await _read(request)
        return web.json_response(await self._in_thread(ask, self._open(asked.run), asked))

    def _open(self, name: str) -> Run:
        """A run by the name that the page has for it: no other folder can be named."""
        folder = listing.folders(self._top).get(name)
        if folder is None:
            raise InputError("there is no run of that name; load the page again")
        return catalog.opened(folder)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if self._waiting >= MOST_WAITING:
            raise web.HTTPServiceUnavailable(reason=f"{MOST_WAITING} questions wait already; ask again later")
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
    """Refuses requests that do not come from this page, and turns refusals into JSON."""
    try:
        _check_origin(request)
        response = await handler(request)
    except (InputError, RunError) as error:
        response = _refusal(400 if isinstance(error, InputError) else 500, str(error))
    except web.HTTPException as error:
        response = _refusal(error.status, error.reason)
    except Exception as error:  # of a model of one's own, or of TensorFlow: the next question may have an answer
        response = _refusal(500, f"the model failed: {type(error).__name__}: {error}")
    response.headers.update(HEADERS)
    return response


def _check_origin(request: web.Request) -> None:
    """Raises HTTPForbidden unless the request is for this address, and no page of another site sent it."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    ours = NAMES if port == HTTP_PORT else {f"{name}:{port}" for name in NAMES}
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    is_ours = request.host in ours and (origin is None or origin.removeprefix("http://") in ours)
    if not is_ours or site not in ("none", "same-origin"):
        raise web.HTTPForbidden(reason=f"this server is for its own page at {HOST}, and for no other site")


def _refusal(status: int, why: str) -> web.Response:
    return web.json_response({"why": why}, status=status)


async def _read(request: web.Request) -> Asked:
    """What a request asks."""
    if request.content_type != "application/json":
        raise InputError(f"the content type is {request.content_type}; send application/json")
    try:
        return decode(Asked, parse(await request.read()))
    except (MalformedError, web.RequestPayloadError) as error:
        raise InputError(f"the request cannot be read: {error}; load the page again") from None
