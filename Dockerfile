# The web app alone: Python, what requirements.txt names, the code, the shipped models. No torch.
#
#   docker build -t blt-web .
#   docker run --rm -p 5000:5000 --memory 512m blt-web

FROM python:3.11-slim AS build
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home blt
COPY --from=build /venv /venv
WORKDIR /srv
COPY LICENSE render_server.py gunicorn.conf.py ./
COPY app ./app
COPY bytelatent ./bytelatent
COPY templates ./templates
COPY static ./static
COPY demo_output ./demo_output
COPY plot_data ./plot_data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PORT=5000 BLT_LOG=json
RUN python -m compileall -q app bytelatent render_server.py
USER blt
EXPOSE 5000
# Asks the port that the platform may have changed.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
# The server stops gracefully on it; docker waits 10 seconds unless told: docker stop --time 30.
STOPSIGNAL SIGTERM
CMD ["python", "render_server.py"]
