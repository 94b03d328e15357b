# One command per intent; `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build test demo reports validate bench peers tune precision attention flagship rank-sweep model lint format clean

# The same configuration for everything, so that nothing is compiled twice: SwiftPM compiles C at -O0 in debug, and the
# tests run real training steps.
SWIFT_FLAGS := -c release --explicit-target-dependency-import-check error
# Named one by one, so that no build folder is ever searched.
SOURCES := $(wildcard Package.swift Sources Tests Benchmarks/Package.swift Benchmarks/Sources)

# Homebrew links neither openblas nor its pkg-config file into the common folders.
ifeq ($(shell uname -s),Darwin)
  export PKG_CONFIG_PATH := $(shell brew --prefix openblas 2>/dev/null)/lib/pkgconfig:$(PKG_CONFIG_PATH)
endif

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Which state of the sources a measurement was made with.
export PLIMSOLL_COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || echo -dirty)

setup: ## install the three system libraries, if they are missing
	@.ci/setup

build: setup ## compile everything; the program is .build/release/plimsoll
	swift build $(SWIFT_FLAGS)

# No test uses @testable, and modules built for it would have to be compiled again for the program.
test: setup lint ## lint, compile and run every test
	swift test $(SWIFT_FLAGS) --disable-testable-imports

demo: setup ## plan and run one small step, reconcile the two, write Reports/demo.md and Reports/demo.csv
	swift build $(SWIFT_FLAGS) --product plimsoll
	.build/release/plimsoll demo

reports: setup ## write the reports that are the same on every machine: Reports/comparison.* and Reports/fits.*
	swift build $(SWIFT_FLAGS) --product plimsoll
	.build/release/plimsoll report

validate: setup ## predict published GPU measurements, write Reports/validation.md, .csv, .json and .svg
	swift build $(SWIFT_FLAGS) --product plimsoll
	.build/release/plimsoll validate --measurements Benchmarks/data/measurements.csv --output Reports > /dev/null

bench: build ## time the planner and the engine on this machine, write Reports/benchmarks.md
	swift build -c release --package-path Benchmarks
	mkdir -p Reports
	Benchmarks/.build/release/Bench fit estimate sweep step .build/release/plimsoll | tee Reports/benchmarks.md.part
	mv Reports/benchmarks.md.part Reports/benchmarks.md

peers: build ## train beside PyTorch, PEFT and bitsandbytes on this machine, write Reports/performance.md and .csv
	test -x Benchmarks/peers/.venv/bin/python || Benchmarks/peers/setup
	Benchmarks/peers/compare

tune: build model ## train SmolLM2-135M with every method on our examples, write Reports/fine-tuning.md
	swift build -c release --package-path Benchmarks
	Benchmarks/.build/release/Bench tune .build/release/plimsoll

# Parts: qlora-7b (7 minutes on two cores when last run), lora-7b, qlora-13b, full-7b (only planned).
PARTS ?= qlora-7b full-7b
# A folder with Llama-2-7B's checkpoint, if there is one; otherwise weights are drawn from a seed.
CHECKPOINT ?=

flagship: build ## run a 7B QLoRA in 8 GiB, write Reports/flagship.md; PARTS="lora-7b qlora-13b" for more
	swift build -c release --package-path Benchmarks
	mkdir -p Reports
	PLIMSOLL_CHECKPOINT="$(CHECKPOINT)" Benchmarks/.build/release/Bench flagship $(PARTS) .build/release/plimsoll

rank-sweep: build model ## plan and train at ranks 1 to 512, write Reports/rank-sweep.md, .csv and -planned.csv
	Benchmarks/rank-sweep

attention: setup ## run steps of 512, 2048 and 8192 tokens, write Reports/attention.md
	swift build -c release --package-path Benchmarks
	Benchmarks/.build/release/Bench attention

precision: model ## train SmolLM2-135M in fp32 and in bf16, write Reports/precision.md
	swift build -c release --package-path Benchmarks
	Benchmarks/.build/release/Bench precision

model: ## fetch the small real model that tests and benchmarks use, into a cache folder
	@.ci/fetch-model

lint: ## check the formatting of every Swift file
	swift format lint --strict --parallel -r $(SOURCES)

format: ## put the formatting right
	swift format format --in-place --parallel -r $(SOURCES)

clean: ## remove what was built
	swift package clean
