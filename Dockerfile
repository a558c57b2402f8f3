# syntax=docker/dockerfile:1
# The image of compose.yaml and compose.cluster.yaml: web server, worker and every command of the
# program. Nothing in it is written while it runs, but /tmp and the working folder.

FROM python:3.13.16-slim-trixie AS base

FROM base AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY kchat_search kchat_search
# Wheels of everything first (jieba comes as source), then an environment of them alone, without pip.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --constraint constraints.txt --wheel-dir /wheels '.[fast,postgres,opensearch]' gunicorn
RUN python -m venv --without-pip /opt/kchat-search \
    && pip --python /opt/kchat-search/bin/python install --no-index --find-links /wheels \
        'kchat-search[fast,postgres,opensearch]' gunicorn

FROM base
LABEL org.opencontainers.image.title="kchat-search" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.source="https://github.com/kchat-search/kchat-search"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/kchat-search \
        --shell /usr/sbin/nologin kchat \
    && install --directory --owner kchat --group kchat --mode 0700 /var/lib/kchat-search
COPY --from=build /opt/kchat-search /opt/kchat-search
ENV PATH=/opt/kchat-search/bin:$PATH
# Archive and index are below it, where the settings say nothing else.
WORKDIR /var/lib/kchat-search
USER 10001:10001
EXPOSE 5080
# Python, since the image has no curl; without the modules of the working folder.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=2s CMD \
    ["python", "-I", "-S", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 5080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# The worker is another command: kchat-search worker.
CMD ["gunicorn", "--bind", "0.0.0.0:5080", "--workers", "2", "--worker-class", "gthread", \
    "--threads", "8", "--preload", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", \
    "--limit-request-line", "8190", "kchat_search.wsgi:app"]
