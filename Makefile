.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
# Where it is set, each of the many processes of a test run would compile all its libraries anew.
export PYTHONDONTWRITEBYTECODE :=

UV := $(shell ./bootstrap)
# The embedded cluster's kubeconfig and kubectl, where there is one and no other is asked for; else the current context, if
# there is one.
STATE := $(or $(MINISHOP_STATE),/var/lib/minishop)
ON_CLUSTER = $(if $(filter kind current,$(CLUSTER)),PATH="$$PATH:$(STATE)-kind/bin",$(if $(wildcard $(STATE)/kubeconfig),KUBECONFIG=$(STATE)/kubeconfig PATH="$$PATH:$(STATE)/bin",$(if $(shell kubectl config current-context 2>/dev/null),,$(error there is no cluster: run `make up` first))))

.PHONY: help
help: ## what can be done here, a line each
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-26s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: uv.lock pyproject.toml $(wildcard */pyproject.toml services/*/pyproject.toml)
	@$(UV) sync --frozen --all-packages --quiet
	@touch $@

.PHONY: up walk order seed down status logs shell
up: .venv/ready ## the whole shop on a cluster, and one order through it (CLUSTER=embedded|kind|current SECRETS=vault|kubernetes WITH=observability|edge|gitops)
	@.venv/bin/python -m shop_journey up $(WITH:%=--with=%)

walk: .venv/ready ## one customer's order through a shop that is up (SHOP_URL=…)
	@.venv/bin/python -m shop_journey walk

order: .venv/ready ## many orders of mixed outcomes, then the oracle (N=50 RATE=10)
	@refused=0; .venv/bin/python -m shop_journey order -n $(or $(N),50) --rate $(or $(RATE),10) || refused=$$?; \
	    [ $$refused = 2 ] || $(ON_CLUSTER) .venv/bin/python tests/oracle.py --settle 60; exit $$refused

seed: .venv/ready ## the catalogue to start with, through the front door
	@.venv/bin/python -m shop_product.seed upload manifests/seed/catalogue.ndjson

.PHONY: seed-large
seed-large: .venv/ready ## 100,000 products more
	@.venv/bin/python -m shop_product.seed upload --start 300 --count 100000

status: .venv/ready ## every ShopService with its children, and what it waits for
	@$(ON_CLUSTER) .venv/bin/kubectl-shop status -n shop

logs: ## what a service says, followed (S=order)
	@$(ON_CLUSTER) kubectl logs -n $(if $(filter operator,$(S)),minishop-system,shop) -f --tail=100 \
	    deployment/$(if $(filter operator,$(S)),shop-operator,$(or $(S),gateway))

shell: ## a shell where kubectl and the shop's tools reach the cluster
	@$(ON_CLUSTER) PATH="$(CURDIR)/.venv/bin:$$PATH" $${SHELL:-bash}

down: cluster-down ## take all of it away

.PHONY: dev dev-down
dev: .venv/ready ## the shop's services as their files are saved, by Tilt, on the shop that is up (ARGS=ci: once, and end)
	@.venv/bin/python -m shop_journey dev $(ARGS)

dev-down: .venv/ready ## the services as they were deployed before
	@.venv/bin/python -m shop_journey dev-down

.PHONY: lint
lint: .venv/ready ## style, types, import directions
	@./lint

.PHONY: audit
audit: ## known vulnerabilities in what uv.lock locks (asks osv.dev)
	@$(UV) audit --frozen

.PHONY: dashboards
dashboards: .venv/ready ## write observability/dashboards from their Python
	@.venv/bin/python -m shop_observability.write

.PHONY: contracts contracts-check
contracts: .venv/ready ## write what is generated: event schemas, AsyncAPI documents, settings tables
	@.venv/bin/python -m shop_shared.devtools.contracts
	@.venv/bin/python -m shop_shared.devtools.settings_tables

contracts-check: .venv/ready ## fail on a stale contract, or one that breaks readers (BASE=origin/main)
	@.venv/bin/python -m shop_shared.devtools.contracts --breaking $(or $(BASE),HEAD)
	@.venv/bin/python -m shop_shared.devtools.contracts --check
	@.venv/bin/python -m shop_shared.devtools.settings_tables --check

TEST_PARTS := unit integration contract operator cluster e2e delivery terraform observability edge gitops edge-cluster observability-cluster tilt kind release terraform-cluster production
.PHONY: test test-all $(TEST_PARTS:%=test-%)
test: .venv/ready ## lint and every test of the core, with a table of it at the end
	@.venv/bin/python tests/run_parts.py

test-all: .venv/ready ## these, and the layers' own: what .ci/run calls
	@.venv/bin/python tests/run_parts.py --all

$(TEST_PARTS:%=test-%): test-%: .venv/ready
	@.venv/bin/python tests/run_parts.py $* --pytest="$(ARGS)"

test-unit: ## a part of it alone (ARGS="-k word -x"); likewise:
test-integration: ## against real servers
test-contract: ## events and APIs as documented
test-operator: ## against a real API server
test-cluster: ## the embedded cluster itself, killed and rebuilt
test-e2e: ## the shop on the cluster, by its API and in a browser
test-observability: ## dashboards, alert rules and the layer that reads them
test-edge: ## Kong's controller, kong-standin and Envoy, without a cluster
test-terraform: ## terraform/ by OpenTofu, without a cluster
test-gitops: ## what Git says is what runs, by Flux
test-delivery: ## the continuous integration's own workflows, run here
test-edge-cluster: ## Kong's layer on the cluster: brought up, tried, taken away
test-tilt: ## `make dev` on the cluster: the services Tilt's, a saved line served, all put back
test-kind: ## the shop on kind, made for it and taken away
test-release: ## `make release` with a small image: signed, verified, refused; admitted by policy-controller, or not
test-terraform-cluster: ## an empty cluster made the shop by OpenTofu, an order, drift, destroyed
test-production: ## drills: a rolling upgrade and a restore under load, secrets that are taken away
test-observability-cluster: ## the observability layer on the cluster: brought up, tried, taken away

export CLUSTER SECRETS

.PHONY: cluster cluster-down cluster-status images image
cluster: .venv/ready ## Kubernetes with the stores, Kafka and Connect (CLUSTER=embedded|kind|current)
	@.venv/bin/shop-cluster up

cluster-down: .venv/ready ## take the cluster away, with all that is in it
	@.venv/bin/shop-cluster down

cluster-status: .venv/ready ## what of the cluster runs and is ready
	@.venv/bin/shop-cluster status

images: .venv/ready ## build every image and import those that changed
	@.venv/bin/shop-cluster images

image: .venv/ready ## build a service of your own and import it (DIR=path/to/reviews, VERSION=0.1.0)
	@.venv/bin/shop-cluster image $(or $(DIR),$(error say which: DIR=path/to/your/service)) --version $(or $(VERSION),0.1.0)

.PHONY: release
release: .venv/ready ## images with SBOM and signature in dist/VERSION, verified, and manifests by digest (VERSION=1.2.3 ARGS="--help")
	@.venv/bin/python -m shop_cluster.release $(or $(VERSION),$(error say which: VERSION=1.2.3)) $(ARGS)

.PHONY: backup restore
backup: .venv/ready ## PostgreSQL and MongoDB of the shop that runs, at one moment (TO=folder)
	@.venv/bin/shop-cluster backup $(or $(TO),$(error say where: TO=folder))

restore: .venv/ready ## the stores as a backup has them; what is in them goes (FROM=folder DISCARD=1)
	@.venv/bin/shop-cluster restore $(or $(FROM),$(error say which: FROM=folder)) $(if $(DISCARD),--discard)

.PHONY: observability observability-down
observability: .venv/ready ## Prometheus, Alertmanager, collector, Zipkin, OpenSearch and rsyslog on the cluster that is up
	@.venv/bin/shop-cluster observability up

observability-down: .venv/ready ## take these away, the shop stays
	@.venv/bin/shop-cluster observability down

.PHONY: edge edge-down
edge: .venv/ready ## Kong in front of the shop that is up: 127.0.0.1:8080, and 8443 with TLS
	@.venv/bin/shop-cluster edge up

edge-down: .venv/ready ## take it away, the gateway is the entry again
	@.venv/bin/shop-cluster edge down

.PHONY: gitops-push gitops-down
gitops-push: .venv/ready ## commit this checkout's manifests to the repository that Flux follows
	@.venv/bin/python -m shop_journey gitops-push

gitops-down: .venv/ready ## take Flux and its Git server away, the shop stays
	@.venv/bin/python -m shop_journey gitops-down

.PHONY: servers servers-down
servers: .venv/ready ## keep PostgreSQL, MongoDB, Redis, RabbitMQ, Kafka and Connect running for test runs
	@.venv/bin/python -m shop_servers up

servers-down: .venv/ready ## stop them
	@.venv/bin/python -m shop_servers down

.PHONY: chaos
chaos: .venv/ready ## faults on the cluster under a load of orders, the oracle after each (ARGS="--list")
	@$(ON_CLUSTER) PYTHONPATH=tests .venv/bin/python -m chaos $(ARGS)

.PHONY: bench
bench: .venv/ready ## figures of the shop on the cluster: journey, orders and reads a second, memory
	@$(ON_CLUSTER) PYTHONPATH=tests .venv/bin/python -m load.bench_shop $(ARGS)

.PHONY: bench-storefront
bench-storefront: .venv/ready ## each page of the storefront: its size, and how long the server takes
	@$(ON_CLUSTER) PYTHONPATH=tests .venv/bin/python -m load.bench_storefront $(ARGS)

.PHONY: bench-observability
bench-observability: .venv/ready ## what the layer costs: memory and idle CPU of each program
	@$(ON_CLUSTER) PYTHONPATH=tests .venv/bin/python -m load.bench_layer $(ARGS)

.PHONY: bench-events
bench-events: .venv/ready ## an event's time from commit to consumer, and how many a second (3 min)
	@.venv/bin/python tests/load/bench_events.py $(ARGS)

.PHONY: bench-operator docs-operator
bench-operator: .venv/ready ## figures of the operator, with 500 services on a real API server
	@cd operator && ../.venv/bin/python -m tests.bench_operator $(ARGS)

docs-operator: .venv/ready ## write docs/shopservice.md from the CRD
	@cd operator && ../.venv/bin/python -m tests.reference
