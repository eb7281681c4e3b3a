# A static binary and a CA bundle, nothing else. `make image` builds it.
FROM docker.io/library/rust:1.95.0-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY rust-toolchain.toml ./
RUN rustup target add "$(uname -m)-unknown-linux-musl"

# Where a static binary that may stand anywhere has its addresses takes half a megabyte, unless it is packed.
ENV RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs"

# The dependencies are a layer of their own: an empty package with the same Cargo.toml brings them in,
# and only a change to that file or to Cargo.lock builds them again.
COPY Cargo.toml Cargo.lock ./
RUN sed -n 's/^path = "\(.*\)"/\1/p' Cargo.toml | while read -r path; do \
        mkdir -p "$(dirname "$path")" && echo 'fn main() {}' >"$path"; \
    done \
    && touch src/lib.rs \
    && cargo build --locked --release --target "$(uname -m)-unknown-linux-musl"

COPY src src
ARG REVISION=unknown
ARG BRANCH=unknown
# Cargo goes by modification times, and a checkout may be older than the empty package above.
RUN find src -name '*.rs' -exec touch {} + \
    && MODELARTS_EXPORTER_REVISION="$REVISION" \
        MODELARTS_EXPORTER_BRANCH="$BRANCH" \
        MODELARTS_EXPORTER_RUSTC="$(rustc --version | cut -d " " -f 2)" \
        cargo build --locked --release --target "$(uname -m)-unknown-linux-musl" \
    && install -s "target/$(uname -m)-unknown-linux-musl/release/modelarts-exporter" /modelarts-exporter \
    && mkdir /state

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /modelarts-exporter /modelarts-exporter
# A volume mounted here is the exporter's own.
COPY --from=build --chown=65532:65532 /state /var/lib/modelarts-exporter
USER 65532:65532
ENV MODELARTS_EXPORTER_WEB__LISTEN_ADDRESSES=:10977
EXPOSE 10977
HEALTHCHECK CMD ["/modelarts-exporter", "healthcheck"]
ENTRYPOINT ["/modelarts-exporter"]
CMD ["--config.file=/etc/modelarts-exporter/modelarts-exporter.toml"]
