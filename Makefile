# The one entry for people and for CI. `make help` prints what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export PATH := $(HOME)/.cargo/bin:$(CURDIR)/node_modules/.bin:$(PATH)

SOURCES := $(shell find src -name '*.rs' -o -name '*.ts' -o -name 'tsconfig.json') \
  Cargo.toml Cargo.lock src/import/Cargo.toml rust-toolchain.toml package-lock.json scripts/build scripts/package.mjs scripts/messages-schema.mjs \
  scripts/shorten-imports.mjs scripts/bundle.mjs $(wildcard scripts/wasm/*.mjs) \
  pkg/package.json pkg/README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE
WASM_TARGET := wasm32-unknown-unknown

.PHONY: help setup setup-build build check check-rust check-types check-layers check-package check-mutants check-bench test \
  test-native test-sealed test-node test-chromium test-firefox test-webkit test-page test-sqlite soak mutants demo bench bench-firefox bench-webkit bench-sqlite \
  bench-engine bench-tabs clean

help: ## Prints this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## Installs what is missing (wasm target, wasm-pack, browsers, drivers, npm packages)
	@scripts/setup

setup-build: ## Installs what building, the demo and the benchmark need of that
	@scripts/setup build

build: target/stamp/build ## Makes the npm package in pkg/
target/stamp/build: $(SOURCES) | setup-build
	scripts/build
	@mkdir -p target/stamp && touch $@

target/stamp/worlds: $(SOURCES) scripts/build-worlds | setup-build
	scripts/build-worlds
	@mkdir -p target/stamp && touch $@

check: check-rust check-types check-layers check-package check-mutants check-bench ## Format, lints, types, package, size, licences, planted bugs

check-rust: | setup ## Only rustfmt, clippy (native and wasm32) and cargo deny
	cargo fmt --all --check
	cargo clippy --all-targets --quiet -- -D warnings
	cargo clippy --workspace --target $(WASM_TARGET) --lib --tests --quiet -- -D warnings
	cargo clippy --target $(WASM_TARGET) --lib --features simulation --quiet -- -D warnings
	cargo deny --log-level error check licenses bans sources

check-types: build ## Only the types of the facade and of its callers
	tsc --noEmit -p src/facade
	tsc --noEmit -p src/sandbox
	tsc --noEmit -p src/sds
	tsc --noEmit -p tests/types

check-layers: ## Only who imports whom: nothing up, around or in a circle
	node scripts/layers.mjs

check-package: build ## Only the package: publint, what may throw in wasm, the size budget
	publint --strict pkg
	node scripts/throwing-imports.mjs
	node scripts/size.mjs

check-mutants: ## Only whether each planted bug still finds its place
	@node scripts/mutants/check.mjs

check-bench: ## Only says whether the recorded benchmark is of this code
	@node scripts/bench/commit.mjs

test: test-native test-sealed test-node test-chromium test-firefox test-webkit test-page test-sqlite ## All tests

test-native: | setup ## Only those that run on this machine
	cargo test
PYTHON = $(firstword $(wildcard target/python/bin/python) python3)
test-sealed: | setup ## Only encrypted patches, and archives: those of an implementation in Python, and ours read by it
	cargo test --quiet --test sealed_fixtures
	cargo test --quiet --test lifecycle archive_fixtures
	$(PYTHON) tests/fixtures/sealed.py write target/tmp/sealed-again
	diff -r target/tmp/sealed-again tests/fixtures/sealed
	$(PYTHON) tests/fixtures/sealed.py check target/tmp/sealed
	$(PYTHON) tests/fixtures/archive.py write target/tmp/archive-again
	diff -r target/tmp/archive-again tests/fixtures/archive
	$(PYTHON) tests/fixtures/archive.py check target/tmp/archive
test-node: build target/stamp/worlds ## Only those in Node: the npm package, and its facade in simulated worlds
	node --test --test-concurrency=2 $$(find tests/node -name '*.test.mjs' | sort)
test-chromium: | setup ## Only those of the wasm, in Chromium
	scripts/wasm-test chromium
test-firefox: | setup ## Only those of the wasm, in Firefox
	scripts/wasm-test firefox
test-webkit: | setup ## Only those of the wasm, in WebKitGTK
	scripts/wasm-test webkit
test-page: build | setup ## Only those of the npm package, in Chromium and in Node
	node --test --test-concurrency=2 $$(find tests/browser -name '*.test.mjs' | sort)

STORAGE_TESTS := kill kill-contents kill-migrate lost tabs api-tabs api-writes-tabs lifecycle-copy lifecycle-delete \
  lifecycle-frozen lifecycle-gone cost blobs-large
test-sqlite: build | setup ## Only those of the npm package that touch the storage, in Chromium with IndexedDB on SQLite
	IDB=sqlite node --test --test-concurrency=2 $(STORAGE_TESTS:%=tests/browser/%.test.mjs)

SECONDS ?= 600
soak: build target/stamp/worlds ## Simulates new seeds for SECONDS (600), fuzzes, then kills the browser 30 times
	scripts/soak $(SECONDS)

mutants: build | setup ## Plants bugs, each of which the simulation must catch, the worlds that the facade is in, or a test in Node
	node scripts/mutants.mjs
	node scripts/mutants-worlds.mjs
	node scripts/mutants-bundles.mjs

demo: build ## Serves the demo page; HEADLESS=1 drives it by itself and checks the data
	node scripts/demo.mjs

FIREFOX_SYSTEMS := patchstore,encrypted,indexeddb,indexeddb-commit,idb,idb-keyval,dexie,sqlite,packed
bench: build ## Measures patchstore and its peers on this machine, in Chromium
	node scripts/bench.mjs
bench-firefox: build ## The same for those that run in Firefox
	BROWSER=firefox ROUNDS=2 SYSTEMS=$(FIREFOX_SYSTEMS) node scripts/bench.mjs
WEBKIT_SYSTEMS := patchstore,indexeddb,indexeddb-commit,idb,dexie,packed
bench-webkit: build | setup ## The same in WebKitGTK, which stores in memory under WebDriver
	BROWSER=webkit ROUNDS=2 SYSTEMS=$(WEBKIT_SYSTEMS) node scripts/bench.mjs
SQLITE_SYSTEMS := patchstore,indexeddb,indexeddb-commit,dexie,packed
bench-sqlite: build ## The same in Chromium with IndexedDB on SQLite
	IDB=sqlite ROUNDS=2 SYSTEMS=$(SQLITE_SYSTEMS) node scripts/bench.mjs
bench-engine: build ## Measures the engine alone: natively, how opening grows, what keeps the page
	cargo bench
	node scripts/bench-engine.mjs
	node scripts/bench-tasks.mjs
bench-tabs: build ## Measures how long calls wait for other tabs that write at full speed
	node scripts/bench-tabs.mjs

clean: ## Removes what was built (not what was installed)
	cargo clean --quiet
	rm -rf target
	find pkg -mindepth 1 ! -name package.json ! -name README.md -delete
