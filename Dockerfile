# Portcullis as an image: the program, its two libraries and the certificate authorities, without a shell.
#
#   docker build --tag portcullis .
#   docker build --tag portcullis-demo --build-arg FEATURES=sandbox .    # with the stand-in for Clerk, for trials
#
# docs/deploying.md has what to mount. To build the same image again, name both images by their digests.
ARG BUILD_IMAGE=docker.io/library/rust:1.89-bookworm
# glibc 2.36 as in the build image, libgcc_s, the certificate authorities, and the user `nonroot`
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
# without the stand-in: a mistyped option must not make the gateway answer in Clerk's place
ARG FEATURES=""
WORKDIR /build
COPY . .
# two cores take seven minutes; the caches make that one minute after a change of this crate
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --locked --release --no-default-features --features "${FEATURES}" \
    && install -D --mode=0755 target/release/portcullis /image/usr/local/bin/portcullis \
    && mkdir -p /image/etc/portcullis/config /image/etc/portcullis/policies

FROM ${BASE_IMAGE}
COPY --from=build /image/ /
USER 65532:65532
ENV PORTCULLIS_CONFIG=/etc/portcullis/config/gateway.yaml
# requests, and the admin listener
EXPOSE 8787 9465
# for Docker and Compose; Kubernetes has probes of its own
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/portcullis", "health", "--ready"]
ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["run"]
