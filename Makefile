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
