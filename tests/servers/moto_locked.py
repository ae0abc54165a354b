"""moto's S3 server, made atomic: what changes something shares one lock.

    python moto_locked.py PORT

Needs moto[server].  Without the lock, conditional writes that race can both succeed.
"""

import io
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

_LARGEST_BUFFERED = 1 << 26

_application = DomainDispatcherApplication(create_backend_app)
_lock = threading.Lock()


def locked(environment, start_response):
    if environment["REQUEST_METHOD"] not in ("PUT", "DELETE", "POST"):
        return _application(environment, start_response)
    # A slow upload must not hold the lock.
    size = int(environment.get("CONTENT_LENGTH") or 0)
    if 0 < size < _LARGEST_BUFFERED and "chunked" not in environment.get("HTTP_TRANSFER_ENCODING", ""):
        environment["wsgi.input"] = io.BytesIO(environment["wsgi.input"].read(size))
    with _lock:
        return _application(environment, start_response)


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), locked, threaded=True)
