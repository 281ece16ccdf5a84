# The verbs of the project, each a thin call of meson, ninja or a script.
#   make run ARGS='--sip udp:0.0.0.0:5060'    make sim SEEDS=1000 [CAMPAIGN=supervision]    make fuzz FUZZ_RUNS=1000000    make install DESTDIR=/tmp/image
BUILD ?= build
ARGS ?=
CAMPAIGN ?= calls
SEEDS ?= 100
FUZZ_RUNS ?= 2000000
RUNS ?= 10
DESTDIR ?=
JOBS ?= $(shell nproc)

.PHONY: build release run test nat devices million-registrations bench desk-load fuzz faults sim crashes asan tsan lint format install clean dependencies console-tools
build: console-tools $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)
	@cat $(BUILD)/src/admin/console_files/missing >&2 2>/dev/null || true

$(BUILD)/build.ninja:
	meson setup $(BUILD)

# Make reads the targets from left to right, and -j must not build before the packages are there.
.NOTPARALLEL:
dependencies: console-tools
	scripts/install-dependencies build

# Where these cannot be had the switch is built without its console, and says so.
console-tools:
	@scripts/install-dependencies console || true

# Only the switch itself: the tests' programs take three times as long to build.
run: dependencies $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS) belfry
	@cat $(BUILD)/src/admin/console_files/missing >&2 2>/dev/null || true
	exec $(BUILD)/belfry serve $(ARGS)

# For those who carry many calls: built, loaded to learn where its time goes, and built again.
release: dependencies
	scripts/build-release

# The tests say loudly what they skip where a test package cannot be installed.
test: dependencies
	scripts/install-dependencies test || echo 'make test: going on without the missing packages' >&2
	tests/run

# Real phones behind real NAT, at the world's pace: some minutes each. `make test` has the short form.
nat: dependencies build
	scripts/install-dependencies test || echo 'make nat: going on without the missing packages' >&2
	BELFRY_NAT=long tests/rig/run tests/nat/nat_test.py

# So many devices on loopback, each on a way of its own: every one gets its keep-alive in every period; prints a histogram.
DEVICES ?= 100000
devices: dependencies build
	BELFRY_DEVICES=$(DEVICES) tests/rig/run --keep -k test_every_device_gets tests/keepalive/devices_test.py
	cat build/black-box/test_every_device_gets_its_keep_alive_in_every_period/test.out

# A million phones registered, pinged, listed, and there again after kill -9: some eight minutes, and 3 GiB.
million-registrations: dependencies build
	bench/run --only million-registrations --switch belfry --rounds 1

bench: dependencies build
	scripts/install-dependencies bench
	bench/run

fuzz: dependencies
	scripts/fuzz --runs $(FUZZ_RUNS)

# The console's questions while 50,000 calls are held and 500 a second come and go: four minutes.
desk-load: dependencies build
	bench/run --only desk --switch belfry --rounds 1

sim: build
	$(BUILD)/tests/sim/belfry-sim --campaign $(CAMPAIGN) --seeds $(SEEDS)

# The switch is killed at each event of some plays and started again, in every way. `make test` does it with one seed each.
crashes: build
	$(BUILD)/tests/sim/belfry-sim --crashes --seeds $(SEEDS) tests/sim/crashes/*.scn

faults: build
	tests/faults/run $(RUNS)

asan tsan:
	scripts/sanitize $@

lint:
	scripts/lint

format:
	git ls-files -z '*.c' '*.h' | xargs -0r clang-format -i

install: build
	DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-release build-asan build-tsan build-fuzz
