# Verbs only; the logic is in scripts/ under the same names.
# CARGO_TARGET_DIR defaults to ~/.cache/rialto/target; set it to build elsewhere.

.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster test check mutants bench fmt gen clean

help: ## say what each verb does
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

demo: ## set everything up, then run the market with real proofs on this machine
	@scripts/demo.sh

demo-cluster: ## have one proof made by three worker processes, one of which is killed
	@scripts/demo-cluster.sh

test: ## run all tests, Rust and contracts
	@scripts/test.sh

check: ## run exactly what CI runs
	@.ci/run

mutants: ## change the contracts in small ways and name the changes that no test notices, in some hours
	@tools/setup.sh
	@tools/mutate.mjs

bench: ## measure and print the numbers that the design promises
	@scripts/bench.sh

fmt: ## format Rust, guests and contracts
	@scripts/fmt.sh

gen: ## write every generated file anew
	@scripts/gen.sh

clean: ## remove what was built; tools and proving keys stay in ~/.cache/rialto
	@scripts/clean.sh
