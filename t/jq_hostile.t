#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Programs of jq that do harm: their events are final failures with a sentence,
# those behind them are delivered, the worker's other requests notice nothing,
# and in the processes that run them there is nothing to be found.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $asan = ($ENV{TEST_NGINX_BINARY} // '') =~ /asan/;
my $serial = 0;

my $secret = $t->secret('jq-hostile-0123456789abcdef');
my $bearer = $t->secret('jq-bearer-fedcba9876543210');

$t->write_file('conf/secret', $secret);
$t->write_file('conf/bearer', $bearer);

my $SLOW = qr/^the program "\w+\.jq" took longer than 200ms on this event/;
my $LARGE = qr/^the program "\w+\.jq" needed more than 33554432 bytes of memo/;
my $CRASH = qr/^libjq crashed when "\w+\.jq" ran on this event$/;
my $MANY = qr/^the program "\w+\.jq" gives more than 1000 outputs for this/;
my $BYTES = qr/^the outputs of the program "\w+\.jq" have more than 16777216 b/;
my $FAILED = qr/^the program "\w+\.jq" failed on this event: /;

# name, program, what the dead letter says; undef: it is delivered

my @harm = (
    [ loop => 'def f: f; f', $SLOW ],
    [ count => 'last(range(1e18))', $SLOW ],
    [ alloc => 'reduce range(60) as $i ("aaaa"; . + .)', $LARGE ],
    [ array => '[] | .[1000000000] = 1', qr/$LARGE|$FAILED|$CRASH/ ],
    [ path => 'reduce range(2) as $i (.; setpath(["data", 300000000]; 1))',
      qr/$LARGE|$FAILED|$CRASH/ ],
    [ deep => 'reduce range(1000000) as $i (0; [.])',
      qr/$CRASH|$LARGE|$SLOW/ ],
    [ nested => 'reduce range(20000) as $i (0; [.])',
      qr/^an output of the program "nested\.jq" is nested deeper than 256 l/ ],
    [ outputs => 'range(1000000)', $MANY ],
    [ bytes => 'range(20) | "' . 'a' x 1000 . '" * 1000',
      qr/$BYTES|$LARGE|$SLOW/ ],
    [ input => 'input', $FAILED ],
    [ module => '"/etc/passwd" | modulemeta', $FAILED ],
    [ environment => '[$ENV, env] | tojson', undef, '"[{},{}]"' ],
    [ inputs => '[inputs, input_filename]', undef, '[null]' ],
    [ says => '"x" | debug | stderr', undef, '"x"' ],
);

@harm = grep { !($_->[2] // '') || "$_->[2]" !~ /crashed|33554432/ } @harm
    if $asan;

$t->write_file("conf/$_->[0].jq", $_->[1]) for @harm;
$t->write_file('conf/good.jq', '.data.n');

my $targets = join "\n", map { "
    event_target $_ { body jq $_.jq; }
    event_route $_ { from later; when type = $_; to $_; }" }
    'good', map { $_->[0] } @harm;
my $locations = join "\n", map { "
        location = /deliver/$_ { event_deliver $_; proxy_read_timeout 5s;
            proxy_connect_timeout 5s; proxy_pass http://target/$_; }" }
    'good', 'plain', map { $_->[0] } @harm;

$t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=32m;
    event_jq    memory=32m timeout=200ms;

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 16; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";

    event_source sealed { verify hmac-sha256; signed "{body}";
                          signature header:X-Sig; secret file:%%TESTDIR%%/conf/secret; }
    event_source now   { verify off; dedup off; id "{json:id}"; type "{json:type}"; }
    event_source later { verify off; dedup off; id "{json:id}"; type "{json:type}";
                         delivery queued; }

    event_target plain { auth bearer file:%%TESTDIR%%/conf/bearer; }
    event_route plain { from now sealed; to plain; }
    $targets

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now    { event_receive now; }
        location = /later  { event_receive later; }
        location = /sealed { event_receive sealed; }
        location /admin    { event_admin reveal; allow all; }
        $locations
    }
}
EOC

$ENV{EVENT_ROUTER_HIDDEN} = 'jq-environment-13579bdf';
$t->run;


# ---- harm, each followed by a good event

for my $case (@harm) {
    my ($name, $program, $said, $body) = @$case;

    $target->forget;

    post($name);
    my $good = post('good');

    ok(wait_until(10, sub { grep { $_->{uri} =~ m{/good$}
                                   && $_->{body} eq $good }
                                 $target->requests }),
        "$name: the event behind it is delivered");

    if (!defined $said) {
        ok(wait_until(10, sub { grep { $_->{uri} =~ m{/$name$} }
                                     $target->requests }), "$name: is taken");
        my ($r) = grep { $_->{uri} =~ m{/$name$} } $target->requests;
        is($r && $r->{body}, $body, "$name: there is nothing to see");
        next;
    }

    my @dead;
    wait_until(10, sub { @dead = dead($name) });

    is(scalar @dead, 1, "$name: a dead letter");
    is($dead[0]{reason}, 'final', "$name: final");
    like($dead[0]{answer}, $said, "$name: which says why");
}

is((grep { /\[(?:alert|emerg|crit)\]/ } $t->log_lines), 0,
    'no child was worth an alert');
is((grep { /exited on signal/ } $t->log_lines), 0, 'nginx heard of none');


# ---- the other requests of the workers

my $alone = p99(3, sub { });
my $beside = p99(3, sub { post($_) for qw(loop count outputs) });

cmp_ok($beside, '<', $alone + 0.15, sprintf 'p99 of other requests: %.0f ms,'
    . ' while programs loop %.0f ms', 1000 * $alone, 1000 * $beside);

ok(wait_until(60, sub { !pending() }), 'and all of that is over');


# ---- what is in these processes

SKIP: {
    skip 'only root may look into them', 1 if $> != 0;

    my @processes = jq_processes();

    is((grep { $_->{title} =~ /nursery/ } @processes), 2, 'two nurseries');
    is(scalar @processes, 4, 'and two children');

    for my $p (@processes) {
        my $dir = "/proc/$p->{pid}";
        my $child = $p->{title} !~ /nursery/;
        my $name = $child ? 'child' : 'nursery';
        my %fd = map { m{/(\d+)$} ? ($1 => readlink $_) : () }
                 glob "$dir/fd/*";

        is(join(' ', map { $fd{$_} =~ s/:\[\d+\]//r } sort keys %fd),
            '/dev/null /dev/null /dev/null socket', "$name: descriptors");

        my @maps = lines("$dir/maps");

        is(join("\n", grep { m{^\S+ ...s |/store/} } @maps), '',
            "$name: no zone and no store is in its memory");

        my ($environ) = join '', lines("$dir/environ");
        unlike($environ // '', qr/jq-environment/, "$name: no environment");

        my $status = join "\n", lines("$dir/status");

        like($status, qr/^NoNewPrivs:\s+1$/m, "$name: no new privileges");
        like($status, qr/^Seccomp:\s+2$/m, "$name: few system calls")
            if $child && has_seccomp();

        my $limits = join "\n", lines("$dir/limits");

        like($limits, qr/^Max open files\s+0\s+0 /m, "$name: no new descriptor")
            if $child;

        is(found($p->{pid}, $secret), 0, "$name: no secret of a source");
        is(found($p->{pid}, $bearer), 0, "$name: no secret of a target");

        # a sanitizer has a copy of its own

        is(found($p->{pid}, 'jq-environment-13579bdf'), 0,
            "$name: nothing of the environment")
            if ($ENV{TEST_NGINX_BINARY} // '') !~ /asan/;
    }

    my ($worker) = $t->workers;

    cmp_ok(found($worker, $secret), '>', 0, 'in a worker they are found');
    cmp_ok(found($worker, $bearer), '>', 0, 'both');
}


# ---- their end

my @workers = $t->workers;
my @before = jq_processes();

$t->workers_may_change('the test kills one');
$t->expect_log(qr/exited on signal 9/, 'the test kills a worker');

kill 'KILL', $workers[0];

ok(wait_until(10, sub {
    my %now = map { $_->{pid} => 1 } jq_processes();
    return 4 == keys %now && 2 == grep { !$now{$_->{pid}} } @before;
}), 'with a worker that is killed its processes end, the next one has others');

ok(!grep({ /nginx: event router jq/ } map { title($_->{pid}) // '' }
         grep { my $p = $_; !grep { $_->{pid} == $p->{pid} } jq_processes() }
         @before), 'none is left alone');

is(post('good') && (wait_until(10, sub { !pending() }) ? 1 : 0), 1,
    'it goes on');

$t->done;


# ---- helpers

sub post {
    my ($type) = @_;

    my $n = ++$serial;
    my $r = $t->post('/later', qq({"id":"h$n","type":"$type","n":$n}),
        [ 'Content-Type' => 'application/json' ]);

    is($r->{status}, 202, "$type: accepted") if $r->{status} != 202;

    return $n;
}


sub dead {
    my ($name) = @_;

    return @{ $t->get("/admin/v1/dead?target=$name")->json->{entries} };
}


sub pending {
    return scalar @{ $t->get('/admin/v1/pending?limit=1')->json->{entries} };
}


# of plain requests for some seconds, with something in between

sub p99 {
    my ($seconds, $sub) = @_;

    my @took;
    my $end = time + $seconds;

    while (time < $end) {
        $sub->();

        for (1 .. 20) {
            my $begin = time;
            my $r = $t->post('/now', '{"id":"p' . ++$serial . '","type":"p"}',
                [ 'Content-Type' => 'application/json' ]);

            push @took, time - $begin;
            fail("a plain request: $r->{status}") if $r->{status} != 200;
        }

        sleep 0.05;
    }

    @took = sort { $a <=> $b } @took;

    return $took[int(0.99 * $#took)];
}


sub jq_processes {
    my %is = map { $_ => 1 } $t->workers(all => 1);
    my @found;

    for my $dir (glob '/proc/[0-9]*') {
        my ($pid) = $dir =~ /(\d+)/;
        my $title = title($pid) // next;
        my $up = $pid;

        next if $title !~ /^nginx: event router jq/;

        for (1 .. 2) {
            my ($stat) = lines("/proc/$up/stat");

            ($up) = ($stat // '') =~ /\) \S (\d+)/ or last;

            if ($is{$up}) {
                push @found, { pid => $pid, title => $title };
                last;
            }
        }
    }

    return @found;
}


sub title {
    my ($pid) = @_;

    my ($line) = lines("/proc/$pid/cmdline");

    return defined $line ? $line =~ s/\0/ /gr : undef;
}


sub lines {
    my ($name) = @_;

    open my $f, '<', $name or return;

    my @lines = <$f>;
    chomp @lines;

    return @lines;
}


# whether there is a filter for this machine

sub has_seccomp {
    return `uname -m` =~ /^(?:x86_64|aarch64)$/
           && !grep { /no seccomp for its children/ } $t->log_lines;
}


# how often a text stands in the memory of a process

sub found {
    my ($pid, $text) = @_;

    open my $mem, '<:raw', "/proc/$pid/mem" or return -1;
    my $n = 0;

    no warnings 'portable';

    for my $line (lines("/proc/$pid/maps")) {
        my ($start, $end) = map { hex } $line =~ /^(\w+)-(\w+) r/ or next;

        next if $end - $start > 1 << 28 || $line =~ /\[v/;

        my $bytes = '';

        for (my $at = $start; $at < $end; $at += 1 << 20) {
            my $size = $end - $at < 1 << 20 ? $end - $at : 1 << 20;

            sysseek($mem, $at, 0) or last;
            sysread($mem, my $piece, $size) // last;
            $bytes = substr($bytes, -100) . $piece;
            $n++ while $bytes =~ /\Q$text\E/g;
            $bytes = substr $bytes, -length($text) + 1;
        }
    }

    return $n;
}
