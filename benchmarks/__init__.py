"""What is measured runs as the product does (hybridapp/settings.py): numpy reads this at import."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
