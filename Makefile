# Afferent: two commands matter, `make run` and `make test`. `make` alone lists the rest.
PY := .venv/bin/python
export ORT_DISABLE_TELEMETRY := 1
.DEFAULT_GOAL := help
.PHONY: help run setup setup-dev test check soak test-s3 test-fleet test-update test-arm64 test-v4l2 release bench bench-peers eval-vision eval-affect firmware models docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## set up and start the appliance and a local cloud; prints the addresses to open and the password
	@exec $(PY) -m afferent demo --data-dir var/demo

test: setup-dev ## set up (system packages too, where it may) and pass every check and every test
	@scripts/system-packages.sh
	@scripts/test.sh

soak: setup-dev ## let everything fail for MINUTES=10 with SEED=1, and prove that nothing was lost or doubled; JSON=path
	@scripts/system-packages.sh
	@$(PY) -m tests.soak --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1) $(if $(JSON),--json $(JSON))

test-s3: setup-dev ## the tests of object storage against Ceph over TLS; installs its Debian packages where it may
	@scripts/system-packages.sh ceph
	@$(PY) -m pytest tests/real_s3

test-fleet: setup-dev ## install, deploy, break and take back on booted hosts, over ssh; needs root; JSON=path
	@scripts/system-packages.sh fleet
	@$(PY) -m pytest tests/fleet

test-update: setup-dev ## let an update die in every phase of every death; JSON=path
	@$(PY) -m tests.update_cases $(if $(JSON),--json $(JSON))

test-arm64: setup-dev ## the device's lock on aarch64: wheels resolve, import and run under emulation; JSON=path
	@scripts/system-packages.sh arm64
	@$(PY) -m tests.arm64 $(if $(JSON),--json $(JSON))

test-v4l2: setup-dev ## a V4L2 camera in a small virtual machine, seen through the hardened unit; JSON=path
	@scripts/system-packages.sh v4l2
	@$(PY) -m tests.v4l2 $(if $(JSON),--json $(JSON))

release: setup-dev ## build and sign a bundle for devices or servers: KEY=file MACHINE=aarch64 KIND=edge|cloud RELEASE=name
	@$(PY) -m scripts.build_release $(if $(KEY),--key $(KEY)) $(if $(MACHINE),--machine $(MACHINE)) $(if $(KIND),--kind $(KIND)) $(if $(RELEASE),--release $(RELEASE))

check: setup-dev ## lint, types, and who may import whom
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports

bench: setup-dev ## measure the figures, each beside its baseline; AFFERENT_DATA=dir JSON=path
	@$(PY) -m tests.bench

bench-peers: setup-dev ## measure the daemon beside Debian's `motion`, which must be installed; AFFERENT_DATA=dir JSON=path
	@$(PY) -m tests.bench.peers

eval-vision: setup-dev ## measure how well vision sees, beside OpenCV's ways; AFFERENT_DATA=dir JSON=path ONLY=part
	@$(PY) -m tests.eval

eval-affect: setup-dev ## measure how well emotion is told, beside its controls; AFFERENT_DATA=dir TRAIN_DATA=dir JSON=path ONLY=part SEED=n
	@$(PY) -m tests.eval.affect

firmware: ## build the sensor node's firmware (.elf, .hex) and print what it uses of flash and RAM; needs gcc-avr
	@$(MAKE) --no-print-directory -C firmware-config/sensor-node

models: setup-dev ## rebuild the bundled models from source
	@$(PY) -m cloud.training.build

docs: setup-dev ## write the generated pages of docs/
	@$(PY) -m scripts.write_docs

lock: setup-dev ## pin every dependency anew
	@scripts/lock.sh

setup: ## what `make run` needs, and nothing else
	@scripts/setup.sh run

setup-dev: ## what the tests need
	@scripts/setup.sh dev

clean: ## forget the set-up and the demo's data
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis
