# The front door. Each target sets up what it needs first.
#
#   make run     builds with optimisation and opens the embedded checkpoint
#                (make run FILE=model.safetensors opens another)
#   make test    builds and passes the tests
#   make bench   measures, beside the peers that are there
#   make check   what CI runs: the formatter, then make test

SET_UP = tools=$$(.ci/setup $(1)) && export PATH="$$tools:$$PATH"
# An import that Package.swift does not declare fails the build, by its status:
# the words can still say "Build complete!".
BUILD = swift build --configuration release --explicit-target-dependency-import-check error

.PHONY: run test bench check format

run:
	@$(call SET_UP) && $(BUILD) --product pare && exec .build/release/pare $(FILE)

test:
	@$(call SET_UP,test) && $(BUILD) --build-tests && \
	  swift test --configuration release --skip-build

bench:
	@$(call SET_UP) && $(BUILD) --product pare && Benchmarks/run

check:
	@.ci/run

format:
	@$(call SET_UP) && swift format --in-place --parallel --recursive Sources Tests Package.swift
