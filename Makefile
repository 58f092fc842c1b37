# The front door. Each target sets up what it needs first.
#
#   make run     builds with optimisation and opens the embedded checkpoint
#                (make run FILE=model.safetensors opens another)
#   make test    builds and passes the tests
#   make bench   measures, in turn with the peers that can be had
#                (make bench ROWS=models measures a part: Benchmarks/README.md)
#   make llama   has llama.cpp run what convert writes, where it can be had
#   make check   what CI runs: the formatter, then make test

SET_UP = tools=$$(.ci/setup $(1)) && export PATH="$$tools:$$PATH"
# An import that Package.swift does not declare fails the build, by its status:
# the words can still say "Build complete!".
BUILD = swift build --configuration release --explicit-target-dependency-import-check error

.PHONY: run test bench llama check format

run:
	@$(call SET_UP) && $(BUILD) --product pare && exec .build/release/pare $(FILE)

test:
	@$(call SET_UP,test) && $(BUILD) --build-tests && \
	  swift test --configuration release --skip-build

bench:
	@$(call SET_UP) && $(BUILD) --product pare && ROWS="$(ROWS)" Benchmarks/run

llama:
	@$(call SET_UP) && $(BUILD) --product pare && \
	  "$${PARE_PEERS_PYTHON:-python3}" Benchmarks/llama_loads.py .build/release/pare \
	  "$${PARE_SHARED_DATA:-../shared/data}/samples" $$PARE_SMOLLM2

check:
	@.ci/run

format:
	@$(call SET_UP) && swift format --in-place --parallel --recursive Sources Tests Package.swift
