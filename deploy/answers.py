"""The web container's health check: 0 when the server answers at all."""

import sys
import urllib.error
import urllib.request

try:
    urllib.request.urlopen("http://localhost:8000/healthz", timeout=4)
except urllib.error.HTTPError:
    pass  # an answer too: another part is not ready, or this name is not served
except OSError as error:
    sys.exit(str(error))
