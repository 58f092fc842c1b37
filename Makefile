# The front door. Each target sets up what it needs first.
#
#   make run     builds with optimisation and opens the embedded checkpoint
#                (make run FILE=model.safetensors opens another)
#   make test    builds and passes the tests
#   make bench   measures, beside the peers that are there
#   make check   what CI runs: format, import check, tests

SET_UP = tools=$$(.ci/setup $(1)) && export PATH="$$tools:$$PATH"
BUILD = swift build --configuration release --product pare

.PHONY: run test bench check format

run:
	@$(call SET_UP) && $(BUILD) && exec .build/release/pare $(FILE)

test:
	@$(call SET_UP,test) && swift test --configuration release

bench:
	@$(call SET_UP) && $(BUILD) && Benchmarks/run

check:
	@.ci/run

format:
	@$(call SET_UP) && swift format --in-place --parallel --recursive Sources Tests Package.swift
