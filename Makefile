# Selvage: run it, test it, build it. `make help` lists the targets.

VERSION := $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
COMMIT  := $(shell git rev-parse -q --verify --short=12 HEAD 2>/dev/null)

# One static binary. The version comes from here, so Go need not ask git, which refuses a
# checkout that belongs to another user.
BUILD := CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w \
	-X selvage/edge/cli.version=$(VERSION) -X selvage/edge/cli.commit=$(COMMIT)"
MAIN  := ./edge/cmd/selvage

TARGETS := amd64 arm64 armv7 armv6

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: dist/selvage ## build and start a host on loopback with the sample config; Ctrl-C stops it
	@./dist/selvage run -c build/sample/selvage.toml

.PHONY: dist/selvage
dist/selvage:
	@test -e $@ || echo "building $@; the first time takes a minute"
	@$(BUILD) -o $@ $(MAIN)

.PHONY: test
test: ## run all tests, with third-party peers where they are or can be installed
	@scripts/test

.PHONY: soak
soak: ## the same, with 25 times the kills, 100 times the power cuts and two minutes of fuzzing for each target, 15 for those of the wire
	@SELVAGE_KILLS=$${SELVAGE_KILLS:-500} SELVAGE_CUTS=$${SELVAGE_CUTS:-2000} FUZZTIME=$${FUZZTIME:-2m} TIMEOUT=$${TIMEOUT:-1h} scripts/test
	@FUZZTIME=$${FUZZTIME_WIRE:-15m} scripts/fuzz ./edge/peer ./edge/recon ./edge/warp

.PHONY: vet
vet: ## check format, go vet (64 and 32 bits) and staticcheck
	@scripts/vet

.PHONY: build
build: $(TARGETS:%=dist/selvage-linux-%) ## build dist/selvage-linux-{amd64,arm64,armv7,armv6}
	@ls -l $^ | awk '{ printf "%6.2f MB  %s\n", $$5 / 1e6, $$NF }'

.PHONY: $(TARGETS:%=dist/selvage-linux-%)
$(TARGETS:%=dist/selvage-linux-%): dist/selvage-linux-%:
	@GOOS=linux GOARCH=$(patsubst armv%,arm,$*) $(if $(filter armv%,$*),GOARM=$(*:armv%=%)) $(BUILD) -o $@ $(MAIN)

.PHONY: clean
clean: ## remove what was built and installed (dist, .cache), not the data of `make run` (var)
	rm -rf dist .cache
