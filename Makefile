# The only place where command lines are written; people and CI call these targets.

CARGO ?= cargo
EXPORTER = $(or $(CARGO_TARGET_DIR),target)/debug/modelarts-exporter
PEERS = target/peers
TOOLS = target/tools

# What `--version` and `modelarts_exporter_build_info` say.
export MODELARTS_EXPORTER_REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
export MODELARTS_EXPORTER_BRANCH := $(shell git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
export MODELARTS_EXPORTER_RUSTC := $(shell rustc --version 2>/dev/null | cut -d' ' -f2)

# What the chart asks for.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

# What test-long installs where it is missing; the version is the one deny.toml was written for.
CARGO_DENY_VERSION = 0.20.2
# What makes the Debian package.
CARGO_DEB_VERSION = 3.8.0

.DELETE_ON_ERROR:
.DEFAULT_GOAL = help

.PHONY: help
help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

# --- see it, use it

.PHONY: demo
demo: ## Build and run the exporter against a simulated cloud; prints the URLs to open
	$(CARGO) run --locked -- demo

.PHONY: build
build: ## Build what is shipped: target/release/modelarts-exporter
	$(CARGO) build --locked --release

# --- daily work

.PHONY: check
check: ## What takes seconds: format, lints, documentation, import rules
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	$(CARGO) test --locked --test behaviour import_rules

.PHONY: test
test: peers ## Bring the peers, run every test
# They wait for most of their time: on two cores, four at once take half as long as two.
	$(CARGO) test --locked -- --test-threads=4

.PHONY: test-long
test-long: $(TOOLS)/bin/cargo-deny $(TOOLS)/bin/cargo-deb
test-long: $(PEERS)/prometheus.ready $(PEERS)/debian.ready $(PEERS)/images.ready ## What is slow: dependencies' licences and sources, the tests that take minutes, with what is shipped
	$(TOOLS)/bin/cargo-deny --locked check licenses bans sources
	$(CARGO) test --release --locked --test long -- --test-threads=1 --nocapture

.PHONY: soak
soak: ## A day of jobs that come and go, in ten minutes for each API, with what is shipped; says every half minute how it goes
	$(CARGO) test --release --locked --test long -- --test-threads=1 --nocapture in_ten_minutes

.PHONY: bench
bench: ## Measure what a poll costs beside a bare loop, and the memory; half an hour, ARGS="growth v1 1000" for less
	$(CARGO) bench --locked --bench cycle -- $(ARGS)

.PHONY: bench-serve
bench-serve: $(PEERS)/nginx.ready $(PEERS)/wrk.ready $(PEERS)/pushgateway.ready $(PEERS)/clients.ready
bench-serve: ## Measure a scrape beside nginx and others; three quarters of an hour, ARGS="10000 --rounds=1 --seconds=2" for less
	$(CARGO) bench --locked --bench serve -- $(ARGS)

# --- what is generated

.PHONY: docs
docs: ## Write the documents that come from the source
	$(CARGO) build --locked
	mkdir -p config docs
	$(EXPORTER) generate config >config/modelarts-exporter.toml
	$(EXPORTER) generate configuration-doc >docs/configuration.md
	$(EXPORTER) generate metrics-doc >docs/metrics.md

.PHONY: golden
golden: ## Write tests/golden anew; read the difference before committing it
	GOLDEN=write $(CARGO) test --locked --test behaviour golden

# --- what the tests run against

.PHONY: peers
peers: $(PEERS)/prometheus.ready $(PEERS)/alertmanager.ready $(PEERS)/victoria-metrics.ready
peers: $(PEERS)/clients.ready $(PEERS)/packages.ready $(PEERS)/systemd.ready $(PEERS)/grafana.ready
peers: $(PEERS)/browser.ready
peers: $(PEERS)/keystone.ready ## Bring what other people wrote, under target/peers

$(PEERS)/prometheus.ready: scripts/peers.sh
	scripts/peers.sh prometheus

$(PEERS)/alertmanager.ready: scripts/peers.sh
	scripts/peers.sh alertmanager

$(PEERS)/victoria-metrics.ready: scripts/peers.sh
	scripts/peers.sh victoria-metrics

$(PEERS)/clients.ready: scripts/peers.sh tests/peers/clients.txt
	scripts/peers.sh clients

$(PEERS)/packages.ready: scripts/peers.sh tests/peers/packages.txt
	scripts/peers.sh packages

$(PEERS)/grafana.ready: scripts/peers.sh tests/peers/grafana/package.json tests/peers/grafana/package-lock.json
	scripts/peers.sh grafana

$(PEERS)/browser.ready: scripts/peers.sh tests/peers/browser/package.json tests/peers/browser/package-lock.json
	scripts/peers.sh browser

$(PEERS)/keystone.ready: scripts/peers.sh tests/peers/keystone.txt
	scripts/peers.sh keystone

$(PEERS)/systemd.ready $(PEERS)/debian.ready $(PEERS)/images.ready: scripts/peers.sh
	scripts/peers.sh $(basename $(@F))

$(PEERS)/nginx.ready $(PEERS)/wrk.ready $(PEERS)/pushgateway.ready: scripts/peers.sh
	scripts/peers.sh $(basename $(@F))

$(TOOLS)/bin/cargo-deny:
	$(CARGO) install --locked --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny

$(TOOLS)/bin/cargo-deb:
	$(CARGO) install --locked --root $(TOOLS) --version $(CARGO_DEB_VERSION) cargo-deb

# --- what is shipped

.PHONY: deb
deb: build $(TOOLS)/bin/cargo-deb ## Build the package for Debian and Ubuntu: target/debian/
	$(TOOLS)/bin/cargo-deb --locked --no-build --no-dbgsym

.PHONY: image
image: ## Build the container image; needs buildah and a registry
	buildah build --format docker --tag modelarts-exporter --tag modelarts-exporter:$(VERSION) \
		--build-arg REVISION="$$(git rev-parse HEAD)" \
		--build-arg BRANCH="$$(git rev-parse --abbrev-ref HEAD)" .
