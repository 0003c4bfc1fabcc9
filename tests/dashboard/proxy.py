"""A reverse proxy of the plainest kind: it cuts off a prefix, says for whom it speaks, and passes on as it comes."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

HOPS = {"connection", "transfer-encoding", "content-length"}


@contextmanager
def stripping(url: str, prefix: str) -> Iterator[str]:
    """Serve what is at ``url`` below ``prefix`` of another address until the block ends; gives that address."""
    place = urlsplit(url).netloc

    class Passing(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if not self.path.startswith(prefix + "/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fields = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
            there = http.client.HTTPConnection(place, timeout=60)
            there.request(
                self.command,
                self.path.removeprefix(prefix),
                body,
                {**fields, "X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "http"},
            )
            with closing(there), there.getresponse() as answer:
                self.give(answer)

        def give(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOPS:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            with suppress(OSError):  # the browser has left
                while piece := answer.read1(65536):
                    self.wfile.write(piece)
                    self.wfile.flush()

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = pass_on  # noqa: N815 - the names that it is called by

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}{prefix}/"
        server.shutdown()
        thread.join()
