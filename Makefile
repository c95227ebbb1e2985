.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

UV := $(shell ./bootstrap)
RUN := $(UV) run --frozen --no-sync

.PHONY: help
help: ## what can be done here, a line each
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: uv.lock pyproject.toml $(wildcard */pyproject.toml services/*/pyproject.toml)
	@$(UV) sync --frozen --all-packages --quiet
	@touch $@

.PHONY: lint
lint: .venv/ready ## style, types, import directions
	@./lint

export CLUSTER

.PHONY: cluster cluster-down cluster-status images
cluster: .venv/ready ## a Kubernetes, empty (CLUSTER=embedded|kind|current, else chosen by itself)
	@.venv/bin/shop-cluster up

cluster-down: .venv/ready ## take the cluster away, with all that is in it
	@.venv/bin/shop-cluster down

cluster-status: .venv/ready ## what of the cluster runs and is ready
	@.venv/bin/shop-cluster status

images: .venv/ready ## build every image and import those that changed
	@.venv/bin/shop-cluster images
