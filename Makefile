# The event router's build.  "make help" lists what it can do; the two commands
# most people need are "make run" and "make test".
#
# Everything that is built is under build/:
#   build/gcc/, build/clang/       the dynamic module for Debian's nginx
#   build/crash/                   the same with crash points, for tests
#   build/static/, build/asan/     a whole nginx with the module inside
#   build/source/                  nginx's source, as Debian builds it
#   build/unit/, build/fuzz/       the pure files and nginx's core with tests
#   build/run/                     what "make run" started
#   build/console/                 what the tests of the console need

MODULE    := ngx_http_event_router_module.so
ROOM      := ngx_event_router_module
NGINX_SRC ?= /usr/share/nginx/src

SOURCES   := $(wildcard $(addprefix $(ROOM)/,*.c */*.c */*/*.c))
INTERFACE := $(wildcard $(addprefix $(ROOM)/,*.h */*.h */*/*.h))

# the scripts for Redis, and the C file that they become in every build

LUA_DIR   := $(ROOM)/store/redis
LUA       := $(wildcard $(addprefix $(LUA_DIR)/,*.lua */*.lua))
LUA_C     := ngx_er_redis_lua.c

# the pages for people, the same

PAGE_DIR  := $(ROOM)/observe/console
PAGES     := $(wildcard $(addprefix $(PAGE_DIR)/,*.html *.css *.js order))
PAGES_C   := ngx_er_pages.c

# files that know nothing of HTTP: they are unit-tested and fuzzed alone

PURE      := $(shell t/bin/pure $(ROOM))

UNITS     := $(filter-out core,$(basename $(notdir $(wildcard t/unit/*.c))))
FUZZERS   := $(basename $(notdir $(wildcard t/fuzz/*.c)))

DEPS_BUILD  := gcc libc6-dev make perl nginx nginx-dev libpcre2-dev \
               zlib1g-dev libssl-dev libjansson-dev libhiredis-dev \
               liblmdb-dev libxxhash-dev libjq-dev
DEPS_RUN    := curl openssl
DEPS_SOURCE := dpkg-dev
DEPS_TEST   := $(DEPS_RUN) $(DEPS_SOURCE) redis-server faketime \
               nghttp2-client clang libio-socket-ssl-perl lmdb-utils \
               lua5.1 valgrind prometheus
DEPS_CLANG  := clang
DEPS_FUZZ   := clang libclang-rt-dev llvm
DEPS_DEBIAN := debootstrap util-linux
DEPS_BENCH  := $(DEPS_RUN) redis-server wrk

# some nodejs bring npm with them, and Debian's npm is not for these

DEPS_CONSOLE = chromium nodejs $(if $(shell command -v npm),,npm)

# nginx's callbacks have fixed parameters that not every one of them needs

WARNINGS  := -Wall -Wextra -Wno-unused-parameter
HARDENING := -O2 -fstack-protector-strong -Wformat -Werror=format-security \
             -Wdate-time -D_FORTIFY_SOURCE=2 -fPIC

# memcpy(p, NULL, 0) is an idiom of nginx

SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
             -fno-sanitize=nonnull-attribute -fno-omit-frame-pointer

# a test run: how many test files at once, and which
JOBS      ?= 2
TESTS     ?= t

UNIT_SAN     ?= 1
FUZZ_SECONDS ?= 60
SOAK_PAIRS   ?= 1000000

MAKEFLAGS += --no-print-directory

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help deps build build-clang units test test-console test-debian \
        console-or-away pictures mutants run stop \
        static asan fuzz soak bench bench-million bench-outage bench-drain \
        bench-history bench-history-redis style explain \
        install-eventctl clean FORCE

help:                 ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | \
	    expand -t 22
	@echo
	@echo "  make test TESTS=t/NAME.t    one test file"
	@echo "  make test JOBS=1            one after the other"
	@echo "  make explain FILE=event.json CONF=nginx.conf \\"
	@echo "       [SOURCE=name] [HEADERS=file]   without a running nginx"


# ---- packages

deps:                 ## installs the Debian packages that are missing
	@t/bin/deps $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST)

deps-%:
	@t/bin/deps $(DEPS_$*)

# One graph for all that is built, so that "make -j" never makes a file twice
# at a time.  Packages stand behind "|": they come first, and that they were
# looked at makes nothing out of date.

# a make with jobs hands them on; else two compilers run at once

MORE_JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j2)

# the stamps change only when their contents do

build/nginx-dev: FORCE | deps-BUILD
	@mkdir -p $(@D)
	@new=$@.$$$$; dpkg-query -W -f '$${Version}\n' nginx-dev >$$new; \
	    if cmp -s $$new $@; then rm $$new; else mv $$new $@; fi


build/files: FORCE
	@mkdir -p $(@D)
	@echo $(sort $(SOURCES) $(INTERFACE) $(LUA) $(PAGES)) >$@.$$$$; \
	    if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi


# ---- the dynamic module; the stem is the compiler

build: build/gcc/$(MODULE)
build:                ## the dynamic module: build/gcc/ngx_http_event_router_module.so

build-clang: build/clang/$(MODULE)
build-clang:          ## the same with clang

build/clang/Makefile: | deps-CLANG

# with points where a test lets it die: ngx_event_router_module/base/crash.h;
# and beside it a module of the tests' own

CRASH := -DNGX_ER_CRASH_POINTS=1

build/crash/Makefile: COMPILER := gcc
build/crash/Makefile: POINTS   := $(CRASH)
build/crash/Makefile: MORE     := --add-dynamic-module=$(CURDIR)/t/modules
build/crash/Makefile build/asan/Makefile: t/modules/config
build/crash/$(MODULE) build/asan/nginx: t/modules/ngx_http_test_module.c

build/%/Makefile: config build/files build/nginx-dev
	@echo "  configure  $(@D)"
	@rm -rf $(@D) && mkdir -p $(@D)
	@cd $(NGINX_SRC) && bash -c '. ./conf_flags && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" --with-cc=$(or $(COMPILER),$*) \
	    --with-cc-opt="-g $(HARDENING) $(WARNINGS) $(POINTS)" \
	    --with-ld-opt="-Wl,-z,relro -Wl,-z,now -fPIC" \
	    --add-dynamic-module=$(CURDIR) $(MORE) \
	    --builddir=$(CURDIR)/$(@D)' \
	    >$(CURDIR)/$(@D)/configure.log 2>&1 || \
	    { tail -8 $(CURDIR)/$(@D)/configure.log; exit 1; }

# as config does it; it makes the first one

build/%/$(LUA_C): build/%/Makefile $(LUA) $(LUA_DIR)/embed.awk
	@echo "  embed      $@"
	@cd $(LUA_DIR) && LC_ALL=C awk -f embed.awk $(sort \
	    $(notdir $(wildcard $(LUA_DIR)/*.lua))) >$(CURDIR)/$@

build/%/$(PAGES_C): build/%/Makefile $(PAGES) $(PAGE_DIR)/embed.pl
	@echo "  embed      $@"
	@perl $(PAGE_DIR)/embed.pl >$@

EMBEDDED := build/%/$(LUA_C) build/%/$(PAGES_C)

build/%/$(MODULE): build/%/Makefile $(EMBEDDED) $(SOURCES) $(INTERFACE)
	@echo "  build      $@"
	@$(MAKE) -s $(MORE_JOBS) -C $(NGINX_SRC) -f $(CURDIR)/$< modules
	@touch $@


# ---- a whole nginx with the module inside, from Debian's source package

WITH := --with-debug --with-pcre-jit --with-threads \
        --with-http_ssl_module --with-http_v2_module \
        --with-http_realip_module --with-http_stub_status_module \
        --with-http_auth_request_module --with-http_addition_module \
        --with-http_slice_module --with-http_sub_module \
        --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf \
        --error-log-path=stderr --http-log-path=/var/log/nginx/access.log

build/static/Makefile: NGX_CC  := -g $(HARDENING) $(WARNINGS)
build/asan/Makefile:   NGX_CC  := -g -O1 $(SANITIZE) $(WARNINGS) \
                                  -DNGX_DEBUG_PALLOC=1 -DNGX_HAVE_NONALIGNED=0 \
                                  $(CRASH)
build/asan/Makefile:   NGX_LD  := $(SANITIZE)
build/asan/Makefile:   MORE    := --add-module=$(CURDIR)/t/modules

build/source/version: build/nginx-dev | deps-SOURCE
	@t/bin/nginx-source $(@D)

build/static/Makefile build/asan/Makefile: config build/files \
                                        build/source/version
	@echo "  configure  $(@D)"
	@rm -rf $(@D) && mkdir -p $(@D)
	@cd build/source/nginx && ./configure $(WITH) \
	    --with-cc-opt="$(NGX_CC)" --with-ld-opt="$(NGX_LD)" \
	    --add-module=$(CURDIR) $(MORE) --builddir=$(CURDIR)/$(@D) \
	    >$(CURDIR)/$(@D)/configure.log 2>&1 || \
	    { tail -8 $(CURDIR)/$(@D)/configure.log; exit 1; }

build/%/nginx: build/%/Makefile $(EMBEDDED) $(SOURCES) $(INTERFACE)
	@echo "  build      $@"
	@$(MAKE) -s $(MORE_JOBS) -C build/source/nginx -f $(CURDIR)/$< binary
	@touch $@

static: build/static/nginx
static:               ## nginx with the module inside: build/static/nginx
	@build/static/nginx -V 2>&1 | head -1

asan: deps-TEST build/asan/nginx units build/gcc/$(MODULE)
asan:                 ## all tests with an nginx under ASan and UBSan
	@TEST_NGINX_BINARY=$(CURDIR)/build/asan/nginx TEST_NGINX_STATIC=1 \
	    prove -j$(JOBS) -r $(TESTS)


# ---- the pure files alone, above nginx's own core

# nginx-dev has headers only, so these come from Debian's source package; below
# them is t/unit/core.c.  A pure file that needs another one adds its name.

CORE         := array crc32 inet list palloc parse rbtree sha1 string

INCLUDES     := $(addprefix -I$(NGINX_SRC)/src/,core event event/modules \
                                              event/quic os/unix) -Ibuild/gcc
UNIT_LIBS    := -ljansson -lhiredis -llmdb -ljq -lz -lssl -lcrypto -lpcre2-8 -lm -lpthread
UNIT_DIR     := build/unit$(if $(filter 1,$(UNIT_SAN)),,-plain)

# a pool takes all that it gives from malloc(), an array that grows frees what
# it had: see t/unit/core.c

MALLOC       := -DNGX_DEBUG_PALLOC=1
WRAP         := -Wl,--wrap=ngx_array_push,--wrap=ngx_array_push_n

UNIT_FLAGS   := -g -O1 $(MALLOC) $(if $(filter 1,$(UNIT_SAN)),$(SANITIZE))
FUZZ_FLAGS   := -g -O1 $(MALLOC) -fsanitize=fuzzer-no-link,address,undefined \
                -fno-sanitize-recover=undefined -fno-omit-frame-pointer
BENCH_FLAGS  := -g $(HARDENING)

# Each folder has all of it in an archive, so that a program takes what it needs
# and a test may bring a stand-in for what it does not test.  Arguments: the
# folder, the compiler, its flags, where its packages are.  Warnings of nginx's
# own sources are nginx's business.

define alone
$(1)/%.o: %.c build/gcc/Makefile | $(4)
	@mkdir -p $$(@D)
	@$(2) $(3) $(WARNINGS) -Werror -MMD -MP $$(INCLUDES) -c -o $$@ $$<

$(1)/nginx/%.o: build/source/version build/gcc/Makefile | $(4)
	@mkdir -p $$(@D)
	@$(2) $(3) -w -fno-sanitize=nonnull-attribute $$(INCLUDES) -c -o $$@ \
	    build/source/nginx/src/core/ngx_$$*.c

$(1)/redis_lua.o: build/gcc/$(LUA_C) | $(4)
	@mkdir -p $$(@D)
	@$(2) $(3) $(WARNINGS) -Werror $$(INCLUDES) -c -o $$@ $$<

$(1)/pure.a: $(PURE:%=$(1)/$(ROOM)/%.o) $(CORE:%=$(1)/nginx/%.o) \
              $(1)/t/unit/core.o $(1)/redis_lua.o
	@rm -f $$@
	@ar rcs $$@ $$^
endef

$(eval $(call alone,$(UNIT_DIR),$(CC),$(UNIT_FLAGS),deps-BUILD))
$(eval $(call alone,build/fuzz,clang,$(FUZZ_FLAGS),deps-FUZZ))
$(eval $(call alone,build/bench,$(CC),$(BENCH_FLAGS),deps-BUILD))

# these bring a file that is not pure, and stand-ins for all that it calls

$(foreach u,alerts claim connection dispatch fanout guard key lane lease memory tally tenants,$(UNIT_DIR)/t/unit/$(u).o): \
    INCLUDES += $(addprefix -I$(NGINX_SRC)/src/http,/ /modules /v2 /v3)

units: $(UNITS:%=$(UNIT_DIR)/%)

$(UNIT_DIR)/%: $(UNIT_DIR)/t/unit/%.o $(UNIT_DIR)/pure.a
	@echo "  build      $@"
	@$(CC) $(UNIT_FLAGS) $(WRAP) -o $@ $^ $(UNIT_LIBS)

build/fuzz/%: build/fuzz/t/fuzz/%.o build/fuzz/pure.a
	@echo "  build      $@"
	@clang $(FUZZ_FLAGS) -fsanitize=fuzzer $(WRAP) -o $@ $^ $(UNIT_LIBS)

build/bench/%: build/bench/t/bench/%.o build/bench/pure.a
	@echo "  build      $@"
	@$(CC) $(BENCH_FLAGS) -o $@ $^ $(UNIT_LIBS)

-include $(shell find build/unit build/unit-plain build/fuzz build/bench \
                      -name '*.corpus' -prune -o -name '*.d' -print \
                      2>/dev/null)

fuzz: $(FUZZERS:%=build/fuzz/%)
fuzz:                 ## every fuzz target for FUZZ_SECONDS (60) each
	@set -e; for name in $(FUZZERS); do \
	    echo "  fuzz       $$name, $(FUZZ_SECONDS) s"; \
	    mkdir -p build/fuzz/$$name.corpus; \
	    seeds=; [ ! -d t/fuzz/$$name ] || seeds=t/fuzz/$$name; \
	    build/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	        -rss_limit_mb=1024 -print_final_stats=1 -verbosity=1 \
	        -artifact_prefix=build/fuzz/$$name- \
	        build/fuzz/$$name.corpus $$seeds >build/fuzz/$$name.log 2>&1 || \
	        { tail -60 build/fuzz/$$name.log; exit 1; }; \
	    grep -E 'number_of_executed_units|new_units' build/fuzz/$$name.log; \
	done


# ---- tests, measurements, the demonstration

test: deps-TEST build/gcc/$(MODULE) build/clang/$(MODULE) build/crash/$(MODULE)
test: units $(if $(filter true,$(CI)),console-or-away)
test:                 ## builds and runs every test; the last line is prove's
	@prove -j$(JOBS) -r $(TESTS)

# The console in Debian's Chromium, which playwright-core of npm drives.  These
# packages are large, so "make test" wants them in continuous integration only,
# and does without them there if the registry of npm is away; it says so.

CONSOLE := build/console/node_modules/.package-lock.json

$(CONSOLE): $(wildcard t/console/package*.json) | deps-CONSOLE
	@echo "  npm ci     build/console"
	@t/bin/npm-ci t/console build/console
	@touch $@

console-or-away: deps-CONSOLE
	@$(MAKE) $(CONSOLE) || [ -s build/console/away ]

test-console: build/gcc/$(MODULE) $(CONSOLE)
test-console:         ## the console in a browser: Chromium, driven by playwright-core
	@TEST_CONSOLE=1 prove -v t/console.t

# docs/pictures, when the page has changed

PICTURES_SECONDS ?= 180

pictures: build/gcc/$(MODULE) $(CONSOLE)
pictures:             ## docs/pictures/*.png, of the page as it is now
	@node t/console/pictures.js $(PICTURES_SECONDS)

# on a system that has nothing yet, of each Debian that is supported

SUITES ?= bookworm trixie

test-debian: deps-DEBIAN
test-debian:          ## the two commands on a fresh Debian 12 and a fresh 13, as root
	@t/bin/debian $(SUITES)

# minutes a hundred; MUTANTS="deliver/ key.c" tries those of these files

mutants: deps-TEST build/gcc/$(MODULE)
mutants:              ## do the tests notice when the code is wrong?
	@t/bin/mutants $(MUTANTS)

# while things break; t/fault/chaos says how

SOAK_EVENTS ?= 200000
SOAK_KILLS  ?= 100
SOAK_DOUBTS ?= 500
SOAK_FORGED ?= 1000000
SOAK_SEED   ?= $(shell date +%s)

soak: deps-TEST build/gcc/$(MODULE) $(UNIT_DIR)/differential
soak: $(UNIT_DIR)/layout_random
soak:                 ## the long tests: rules at random, the queue while things break
	@$(UNIT_DIR)/differential $(SOAK_PAIRS) $(SOAK_SEED)
	@$(UNIT_DIR)/layout_random $(SOAK_PAIRS) $(SOAK_SEED)
	@t/fault/chaos scene=soak seed=$(SOAK_SEED) events=$(SOAK_EVENTS) \
	    kills=$(SOAK_KILLS)
	@t/fault/doubt kills=$(SOAK_DOUBTS) seed=$(SOAK_SEED)
	@POISON_SCALE=1 TEST_NGINX_ALARM=1800 prove t/poison.t
	@FORGED=$(SOAK_FORGED) TEST_NGINX_ALARM=1800 prove t/forged.t

style:                ## nginx's style and the call rules only
	@prove t/style.t

bench: deps-BENCH build/gcc/$(MODULE)
bench: build/bench/scan build/bench/match build/bench/store build/bench/layout
bench:                ## what an event costs, beside proxy_pass, a bare fan-out and bare stores
	@t/bench/run sync
	@echo
	@t/bench/run queued
	@echo
	@BENCH_SECONDS=$${BENCH_SECONDS:-45} t/bench/run workers
	@echo
	@build/bench/scan
	@build/bench/scan t/data/shopify/order.json | tail -n +2
	@echo
	@build/bench/match
	@echo
	@build/bench/layout

bench-million:        ## a start with 1,000,000 entries pending: minutes, 8g of disk
bench-outage:         ## one target is away, and the others: minutes, 16g of disk
bench-drain:          ## targets were away: how long until all is delivered? minutes
bench-million bench-outage bench-drain: deps-BENCH build/gcc/$(MODULE) build/bench/store
bench-million bench-outage bench-drain: bench-%:
	@t/bench/run $*

HISTORY_RECORDS ?= 10000000
HISTORY_DIR     ?= /tmp
HISTORY_REDIS   ?= 300000

bench-history:        ## lookups in a history of 10,000,000 records: minutes, 8g of disk
bench-history: build/bench/history
	@build/bench/history $(HISTORY_RECORDS) $(HISTORY_DIR)

bench-history-redis: deps-BENCH
bench-history-redis:  ## the same in a Redis of its own, with HISTORY_REDIS records
	@t/bench/history_redis $(HISTORY_REDIS)

run: deps-RUN build/gcc/$(MODULE)
run:                  ## the example with stand-in targets, on loopback, and its console
	@t/bin/demo start

explain: deps-BUILD   ## what would become of FILE=event.json with CONF=nginx.conf
	@$(MAKE) build/gcc/$(MODULE) >&2
	@t/bin/explain FILE='$(FILE)' CONF='$(CONF)' SOURCE='$(SOURCE)' \
	    HEADERS='$(HEADERS)'

# the tool for a shell; its manual is in it

PREFIX ?= /usr/local

build/eventctl.1: contrib/eventctl
	@mkdir -p $(@D)
	@pod2man --section=1 --center='event router' --release=eventctl $< $@

install-eventctl: build/eventctl.1
install-eventctl:     ## eventctl with its manual and completion, below PREFIX (/usr/local)
	install -D -m 755 contrib/eventctl $(DESTDIR)$(PREFIX)/bin/eventctl
	install -D -m 644 build/eventctl.1 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/eventctl.1
	install -D -m 644 contrib/eventctl.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/eventctl

stop:                 ## stops what "make run" started
	@t/bin/demo stop

clean:                ## removes build/
	@[ ! -d build/run ] || t/bin/demo stop
	rm -rf build

FORCE:
