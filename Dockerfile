# nnspec with PyTorch, TensorFlow and ONNX Runtime, for the processor alone:
#
#     docker build -t nnspec --build-arg PIP_EXTRA_INDEX_URL=ADDRESS .
#     docker run --rm -v "$PWD:/work" nnspec verify spec.yaml
#
# ADDRESS: of PyTorch's wheels for CPUs, as its page "Get started" names it. Add
# `--user "$(id -u):$(id -g)"` where nnspec is to write into the folder, as `train -o runs/net` does.
FROM python:3.11-slim AS built

ARG PIP_EXTRA_INDEX_URL=
ARG PIP_FIND_LINKS=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/nnspec
ENV PATH=/opt/nnspec/bin:$PATH

WORKDIR /source
COPY requirements.lock ./
# Told before some gigabytes of CUDA are downloaded.
RUN grep '^torch==' requirements.lock > torch.txt \
    && pip install --quiet --dry-run --no-deps --report torch.json -r torch.txt \
    && if ! grep -q '+cpu' torch.json; then \
        echo "no build of PyTorch for CPUs: give PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS" >&2; exit 1; \
    fi
RUN pip install -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY nnspec nnspec
COPY backends backends
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim

COPY --from=built /opt/nnspec /opt/nnspec
# Whoever runs it, frameworks find a home to write their settings into. TensorFlow greets with several lines.
ENV PATH=/opt/nnspec/bin:$PATH HOME=/tmp TF_CPP_MIN_LOG_LEVEL=3
RUN useradd --uid 1000 --no-create-home --home-dir /tmp nnspec
USER 1000
WORKDIR /work
ENTRYPOINT ["nnspec"]
CMD ["--help"]
