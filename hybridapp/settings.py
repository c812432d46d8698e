"""All settings, from the environment; the README's table lists every variable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF

from assistants import conf

# numpy's products are small here (the tagger of names): sharing one between threads takes several
# times as long as doing it. Read when numpy is first imported, which is after the settings.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BASE_DIR = Path(__file__).resolve().parent.parent
CONF = conf.load()


def flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


DEBUG = flag("DEBUG")
TESTING = "pytest" in sys.modules
SECRET_KEY = conf.secret_key()
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")  # earlier keys, newest first
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "hybridapp.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "channels",
    "assistants",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "hybridapp.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "hybridapp.urls"
ASGI_APPLICATION = "hybridapp.asgi.application"
WSGI_APPLICATION = "hybridapp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.i18n", "assistants.templatetags.languages"],
        },
    },
]

DATABASES = {"default": dj_database_url.parse(CONF.database_url)}
# Migrations alone run as the role that owns the tables (docs/adr/0010).
APP_DATABASE = dict(DATABASES["default"])
OWNER_DATABASE = dj_database_url.parse(CONF.migration_database_url)
DATABASES["default"].setdefault("OPTIONS", {})
# Threads share a small pool; a connection is given back while an answer streams.
# A statement is prepared only where it asks for it (assistants/models/rows.py), however often it
# ran: the retrieval query must be planned with its values, or PostgreSQL falls back to a plan that
# ignores the vector index. Without a pool of our own none is: a pooler outside may not keep them.
# DATABASE_POOL=0 makes a connection a request, for a pooler outside such as PgBouncer.
if POOL_SIZE := int(os.environ.get("DATABASE_POOL", "12")):
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": POOL_SIZE,
        "timeout": 20,  # of a person's patience; a worker's is another (hybridapp/celery.py)
    }
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 2**31
# A connection that died with a restarted database is replaced before anyone is given it.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = 0

REDIS_URL = CONF.redis_url
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # redis-py's own default of five seconds would drop an idle socket.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
    }
}

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

CELERY_BROKER_URL = conf.celery_broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "trusted"
CELERY_TASK_ROUTES = {
    "assistants.tasks.ingest": {"queue": "ingest"},
    "assistants.tasks.measure_guardrails": {"queue": "ingest"},
    "assistants.tasks.transcribe": {"queue": "speech"},
    "assistants.tasks.dictate": {"queue": "dictation"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # What a worker has taken is kept in its memory, and put back when it is told to stop. A list in
    # the broker of all that is being done would cost each answer two transactions and save nothing:
    # every task is a wake-up, and what it wakes for stands in a table where the sweeper finds it.
    "ack_emulation": False,
    "socket_timeout": None,
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "assistants.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "resume ingestion": {
        "task": "assistants.tasks.resume_ingestion",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "sweep reviews": {
        "task": "assistants.tasks.sweep_reviews",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "resume transcription": {
        "task": "assistants.tasks.resume_transcription",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "build graph": {
        "task": "assistants.tasks.build_graph",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "delete expired": {
        "task": "assistants.tasks.delete_expired",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "sync sources": {
        "task": "assistants.tasks.sync_sources",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(CONF.state_dir / "beat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for the cast
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/chat/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

LANGUAGE_CODE = "en"  # of what is stored, and for whoever reads none of the others
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
    ("ar", "العربية"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "hybridapp.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = CONF.state_dir / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "hybridapp.staticfiles.HashedStaticFiles"
    },
}

# One policy for every page: nothing inline, nothing from elsewhere. Sockets are same-origin.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-src": [SELF],  # a diagram: the chat, in a sandbox (assistants/views/diagrams.py)
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["server-html"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
# Behind a proxy that speaks TLS: HTTPS=1 makes cookies secure and trusts its header.
HTTPS = flag("HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Notifications go by e-mail as well where a server is named; they hold no content.
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM") or "hybridapp@localhost"
NOTIFY_BY_EMAIL = bool(EMAIL_HOST)

# Limits, each with the message that names it.
MESSAGES_PER_MINUTE = int(os.environ.get("MESSAGES_PER_MINUTE", "120"))
PREVIEWS_PER_MINUTE = int(os.environ.get("PREVIEWS_PER_MINUTE", "120"))
MAX_MESSAGE_CHARACTERS = int(os.environ.get("MAX_MESSAGE_CHARACTERS", "32000"))
MAX_UPLOAD_BYTES = int(os.environ.get("MAX_UPLOAD_BYTES", str(25 * 1024 * 1024)))
MAX_RECORDING_BYTES = int(os.environ.get("MAX_RECORDING_BYTES", str(2 * 1024**3)))
# Files that wait to be read; what comes on top is refused with a message, and kept by its sender.
MAX_WAITING_PER_ZONE = int(os.environ.get("MAX_WAITING_PER_ZONE", "20000"))
MAX_WAITING_PER_USER = int(os.environ.get("MAX_WAITING_PER_USER", "10000"))
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
# Folders below which sources may read on this machine, separated by colons as in PATH.
SOURCE_ROOTS = [
    CONF.state_dir / "watched",
    *(Path(root) for root in os.environ.get("SOURCE_ROOTS", "").split(os.pathsep) if root),
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname).1s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"level": "INFO"},
        "celery.worker.strategy": {"level": "WARNING"},  # a line a task, with its arguments
        "celery.worker.request": {"level": "WARNING"},  # a late sweep is dropped, rightly
        "celery.app.trace": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        # A traceback a second while the broker is away, which /healthz tells anyway.
        "channels_redis.pubsub": {"level": "CRITICAL"},
    },
}
