# Everything a person or a machine does with restain. `make` alone lists it.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup peers build cuda gpu-bundle emulated-gpu test lint deny unit openslide-4 fuzz demo hero bench-io bench-memory bench-g bench-train bench-slide bench-floor bench-view reliability screenshots held-out smoke train-default train-your-own clean

# One profile for lints, tests and the binary: build scripts run once, and tests run whole networks.
CARGO_FLAGS := --release --workspace
# Failpoints let tests make any stage fail, slow down or panic; the binary that `make build` makes has none.
TEST_FLAGS := $(CARGO_FLAGS) --features restain-pipeline/failpoints
# Where GPUs can be emulated, what is tested can use them, so that one build serves all tests; lints see the plain program.
TEST := scripts/cuda.sh emulate cargo test $(TEST_FLAGS)
export RESTAIN_PYTHON := $(CURDIR)/target/venv/bin/python

help: ## list what there is
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-14s%s\n", $$1, $$2 }'

setup: ## install what is missing: Debian packages, and Python readers for the tests
	@scripts/setup.sh

peers: ## install what benchmarks compare restain with: some gigabytes
	@scripts/setup.sh peers

build: setup ## build target/release/restain
	cargo build --release

cuda: setup ## build target/cuda/restain, which also runs on NVIDIA GPUs; needs neither GPU nor CUDA toolkit
	@scripts/cuda.sh build

gpu-bundle: setup ## build what scripts/gpu-check.sh needs on a machine with a GPU
	@scripts/cuda.sh bundle

emulated-gpu: setup ## run the program on GPUs that are emulated on the processor
	$(TEST) --test emulated_gpu

test: lint deny unit openslide-4 ## check format, lints and the terms of dependencies, run every test, those with slides again on OpenSlide 4, and the small comparison
	@scripts/smoke.sh # with the program that the tests have built

lint: setup
	cargo fmt --all --check
	cargo clippy $(TEST_FLAGS) --all-targets -- -D warnings

deny: setup ## check terms, sources and doubles of the crates that restain is built from
	@scripts/deny.sh

unit: setup
	$(TEST)

# The tests that open slides: of the same selection of crates as above, so that nothing is built again.
OF_SLIDES := read damage reading slides damaged identity normalize readers real_slides damaged_mirax patches http
openslide-4: setup
	scripts/with-openslide-4.sh $(TEST) $(OF_SLIDES:%=--test %)

SECONDS ?= 600
fuzz: ## feed every parser what a fuzzer makes up, for SECONDS each; needs nightly Rust and cargo-fuzz
	@scripts/fuzz.sh $(SECONDS)

demo: build ## make a slide, normalize it, check it with other readers, show before and after
	@scripts/demo.sh

hero: build ## make the picture of README.md again
	@scripts/hero.sh

screenshots: build ## make the screenshots of the report and the viewer again
	@target/venv/bin/python scripts/screenshots.py

bench-io: build ## everything but G against libvips on the same slide
	@python3 scripts/bench_io.py

bench-memory: build ## peak memory on tall and huge slides
	@scripts/memory.sh

bench-g: build peers ## G against PyTorch, ONNX Runtime and OpenVINO on this processor
	cargo build --release -p restain-net --examples
	@target/peers/bin/python scripts/bench_g.py

bench-train: build peers ## a training step of G against PyTorch
	@target/peers/bin/python scripts/bench_train.py

bench-slide: build peers ## slide to pyramid against a script on PyTorch, OpenSlide and libvips
	@target/peers/bin/python scripts/bench_slide.py

bench-floor: build ## the floor of each stage at what this machine does at most, and how near it comes
	cargo build --release -p restain-pipeline --example floor
	@python3 scripts/bench_floor.py

bench-view: build ## the viewer: the first tile, then tiles a second
	@python3 scripts/bench_view.py

reliability: build ## prove that a batch can be left alone: faults, kills, load, privacy, hostile files; ten minutes
	@python3 scripts/reliability/run.py

held-out: setup ## what the shipped model reaches on fields it has not seen; needs the data of the configuration
	cargo run --release -p restain-train --example held_out -- pipelines/train-default.yaml

smoke: build ## the paper's comparison in small, on drawn cells: each stage brings pictures nearer to the truth
	@scripts/smoke.sh

train-default: build ## train the shipped model anew; an hour on two processors
	target/release/restain train --config pipelines/train-l1.yaml
	target/release/restain train --config pipelines/train-default.yaml

train-your-own: build ## run every command of docs/train-your-own.md, on drawn slides
	@scripts/train_your_own.sh

clean: ## remove builds, and what demo and benchmarks made; models trained into out/ stay
	rm -rf target out/demo out/hero out/bench out/smoke out/screenshots out/train-your-own
