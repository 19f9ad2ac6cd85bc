#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Tests for the build: clang takes what gcc takes, nginx loads the result
# without a word, a missing library is named with its package, the pure files
# stand above nginx's own core, nothing is built twice at a time, and a script
# for Redis that changes comes into what has it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep);

chdir "$FindBin::Bin/.." or die;
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};

my $module = 'ngx_http_event_router_module.so';

# both compilers

for my $cc (qw(gcc clang)) {
    SKIP: {
        skip "no $cc", 2 if system("command -v $cc >/dev/null") != 0;

        my $said = qx(make -s build/$cc/$module 2>&1);

        is($?, 0, "$cc builds the module") or diag($said);
        unlike($said, qr/warning/i, "$cc has nothing to say");
    }
}

# nginx with it

SKIP: {
    skip 'the module is inside this nginx', 4 if $ENV{TEST_NGINX_STATIC};

    for my $cc (qw(gcc clang)) {
        skip "no module by $cc", 2 if !-f "build/$cc/$module";

        local $ENV{TEST_NGINX_MODULE} = "$FindBin::Bin/../build/$cc/$module";

        my $t = Test::EventRouter->new;

        $t->config('');

        my ($ok, $said) = $t->check_config;

        ok($ok, "nginx loads what $cc built");
        unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/, 'in silence');
    }
}

# a library that is not there: a compiler that cannot find its header

my $dir = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

for my $case ([ 'jansson.h', 'libjansson-dev' ],
              [ 'hiredis/hiredis.h', 'libhiredis-dev' ],
              [ 'lmdb.h', 'liblmdb-dev' ],
              [ 'jq.h', 'libjq-dev' ],
              [ 'xxhash.h', 'libxxhash-dev' ],
              [ 'zlib.h', 'zlib1g-dev' ],
              [ 'openssl/evp.h', 'libssl-dev' ])
{
    my ($header, $package) = @$case;

    my $said = qx(sh t/bin/probe "$header" "$dir" 2>&1);

    isnt($?, 0, "no configuration without $header");
    like($said, qr/apt-get install $package\n/, "$package is named");
}

is(system("sh t/bin/probe none '$dir' >/dev/null 2>&1"), 0,
    'with all of them it goes on');

# nginx's own core is below the pure files: what stands in for it is memory, the
# log and arrays that free what they had

open my $f, '<', 't/unit/core.c' or die "t/unit/core.c: $!\n";
my %own = map { $_ => 1 } join('', <$f>) =~ /^(?:__wrap_)?(ngx_(?!er_)\w+)\(/mg;
close $f;

is(join(' ', sort keys %own),
    'ngx_alloc ngx_array_push ngx_array_push_n ngx_calloc ngx_log_error_core '
    . 'ngx_memalign', 'nothing of nginx is written a second time');

# what no other test builds

for my $source (glob 't/bench/*.c t/fuzz/*.c') {
    my $object = 'build/unit/' . ($source =~ s/c$/o/r);
    my $said = qx(make -s $object 2>&1);

    is($?, 0, "$source compiles") or diag($said);
}

# no mirror: apt looks for it where nobody listens

open $f, '>', "$dir/apt.conf" or die "$dir/apt.conf: $!\n";
print $f qq(Acquire::$_\::Proxy "http://127.0.0.1:9";\n) for qw(http https);
print $f qq(Acquire::Retries "0";\n);
close $f;

my $said = do {
    local $ENV{APT_CONFIG} = "$dir/apt.conf";
    qx(t/bin/nginx-source $dir/source 2>&1);
};

isnt($?, 0, 'no source of nginx without a mirror');
like($said, qr/\Anginx-source:\ the\ source\ package\ of\ nginx\ [\d.]+\ cannot
               \ be\ had\ from\ Debian's\ mirrors\ \(.+\);\ unit\ tests,
               .+\ need\ it\ once\n\z/x, 'which one sentence says');

# from nothing and with jobs: each folder is configured once, packages first

my $clean = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

symlink "$FindBin::Bin/../$_", "$clean/$_" or die
    for qw(Makefile config ngx_event_router_module t);

for my $goals ('build units', 'build-clang units build', 'test', 'asan',
               'fuzz static', 'bench soak', 'run test') {
    # what is planned only cannot be made within: -k

    my $plan = qx(make -nk -j4 -C $clean $goals 2>&1);
    my @configured = $plan =~ /^echo "  configure  (.+)"$/mg;
    my @linked = $plan =~ /^echo "  (?:build|embed)      (.+)"$/mg;

    cmp_ok(@configured, '>', 0, "make -j4 $goals") or diag($plan);
    is("@{[ twice(@configured) ]}", '', 'nothing is configured twice');
    is("@{[ twice(@linked) ]}", '', 'nor linked');
    like($plan, qr/\A(?!.*configure.*deps gcc ).*deps gcc .*configure/s,
        'packages come first');
}

# scripts for Redis become a C file, by config and by the Makefile

my $room = 'ngx_event_router_module';
my $lua = "$room/store/redis";
my $c = 'ngx_er_redis_lua.c';
my @scripts = map { m{([^/]+)\.lua$} } glob "$lua/*.lua";

ok(-f "$dir/$c", 'config makes it');
is(slurp("$dir/$c"), slurp("build/gcc/$c"), 'as the Makefile does');
is(join(' ', slurp("$dir/$c") =~ /^ngx_str_t  ngx_er_lua_(\w+) /mg),
    "@scripts", 'of all scripts');

my $tree = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

system("cp -r config Makefile $room $tree && mkdir -p $tree/build/gcc "
       . "$tree/t && cp -r t/bin t/unit t/fuzz t/bench $tree/t") == 0 or die;

# nginx is configured there already, and what compiles only touches what it is
# to make

system("make -s -C $tree build/files build/nginx-dev") == 0 or die;
spew("$tree/build/gcc/Makefile", "modules:\n\ttouch $tree/build/gcc/$module\n");
spew("$tree/cc", <<'EOF');
#!/bin/sh
while [ "$1" != -o ]; do shift; done
touch "$2"
EOF
chmod 0755, "$tree/cc";
symlink 'cc', "$tree/clang";

my @goals = ("build/gcc/$module", 'build/unit/redis_queue',
             'build/unit-plain/redis_queue UNIT_SAN=0', 'build/fuzz/scan',
             'build/bench/store', 'build/bench/match');

remade($_) for @goals;

for my $goal (@goals) {
    is(remade($goal), '', "a second make of $goal builds nothing");
}

for my $new ('queue_lease.lua', 'lib/entry.lua', 'embed.awk') {
    touch("$tree/$lua/$new");
    is(remade("build/gcc/$module"),
        "embed build/gcc/$c, build build/gcc/$module", "another $new");
}

# and so do the pages for people

my $console = "$room/observe/console";
my $pages = 'ngx_er_pages.c';

ok(-f "$dir/$pages", 'config makes the pages');
is(slurp("$dir/$pages"), slurp("build/gcc/$pages"), 'as the Makefile does');

for my $new ('index.html', 'style.css', 'main.js', 'order', 'embed.pl') {
    touch("$tree/$console/$new");
    is(remade("build/gcc/$module"),
        "embed build/gcc/$pages, build build/gcc/$module", "another $new");
}

for my $goal (@goals) {
    my ($file) = split ' ', $goal;

    touch("$tree/$lua/queue_lease.lua");
    like(remade($goal), qr/^embed build.gcc.$c, build \Q$file\E$/,
        "another script for $goal");
}

is(slurp("$tree/build/gcc/$c"), slurp("build/gcc/$c"), 'it is the same again');

like(slurp("$tree/build/files"), qr{\Q$lua\E/queue_lease\.lua},
    'one that comes or goes configures anew');

spew("$tree/$lua/queue_more.lua", "return [[a]]\n");

$said = qx(sh $tree/t/bin/probe none "$dir" 2>&1);

isnt($?, 0, 'no configuration with a script that cannot be embedded');
like($said, qr/queue_more\.lua:1: long brackets/, 'file and line are named');

unlink "$tree/$lua/queue_more.lua";
spew("$tree/$console/main.js", 'const end = "</script>";');

$said = qx(sh $tree/t/bin/probe none "$dir" 2>&1);

isnt($?, 0, 'nor with one of the page');
like($said, qr/main\.js: an end of an inline script/, 'which is named');

# nginx's own make compiles this file only

my $src = $ENV{NGINX_SRC} // '/usr/share/nginx/src';
my $top = "$FindBin::Bin/..";

chomp($top = qx(cd "$top" && pwd -P));

my $makes = "make -n -C $src -f $top/build/gcc/Makefile";
my $plan = qx($makes -W $top/build/gcc/$c modules 2>&1);
my @compiled = grep { / -c / } split /\n/, $plan =~ s/\\\n//gr;

is(scalar @compiled, 1, 'nginx compiles one file')
    or diag(join "\n", map { substr $_, -120 } @compiled);
like($compiled[0] // '', qr/\Q$c\E/, 'which is that one');

done_testing();


# what a make of the tree says that it does

sub remade {
    my ($goal) = @_;

    my $said = qx(PATH=$tree:\$PATH make -C $tree CC=$tree/cc $goal 2>&1);

    is($?, 0, "make $goal") or diag($said);

    return join ', ', map { s/ +/ /r } $said =~ /^  (\w+ +\S+)$/mg;
}


# later than what was made

sub touch {
    my ($name) = @_;

    sleep 0.02;
    utime undef, undef, $name or die "$name: $!\n";
}


sub spew {
    my ($name, $text) = @_;

    open my $f, '>', $name or die "cannot write $name: $!\n";
    print $f $text;
    close $f or die;
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "cannot read $name: $!\n";
    local $/;

    return <$f>;
}


sub twice {
    my %n;

    return grep { $n{$_}++ } @_;
}
