#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What operators are told: what an error log at the levels "error" and "warn"
# says of dead letters, failures and their own acts, and metrics whose sums are
# right and which stand in the docs.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $serial = 0;

$t->config(<<'EOC');

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;

    event_source sync { verify off; id "{json:id}"; type "{json:type}"; }
    event_source a { verify off; id "{json:id}"; type "{json:type}";
                     delivery queued; }

    event_target last  { retry off; }
    event_target again { retry for=1h base=50ms max=50ms; breaker off;
                         rate 1000r/s; }

    event_route last  { from *; when type = last; to last; }
    event_route again { from *; when type = again; to again; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /sync   { event_receive sync; }
        location /status   { event_status; }

        location /admin/ {
            event_admin;
            error_log %%TESTDIR%%/logs/warn.log warn;
        }

        error_log %%TESTDIR%%/logs/quiet.log error;

        location = /d/last {
            event_deliver last;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/last;
            proxy_read_timeout 300ms;
        }
        location = /d/again {
            event_deliver again;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/again;
        }
    }
}
EOC

$t->run;


sub post {
    my ($uri, $type) = @_;

    return $t->post($uri, JSON::PP->new->encode({ id => 'o' . ++$serial,
        type => $type, secret => 'payload-of-the-event' }),
        [ 'Content-Type' => 'application/json' ]);
}


sub quiet { return split /\n/, $t->read_file('logs/quiet.log') }


# the line of the last event's dead letter

sub dead {
    my (%what) = @_;

    $target->answer('/last', %what);
    post('/a', 'last');

    my $line;

    wait_until(5, sub {
        ($line) = grep { /"o$serial" of source "a"/ && /dead letter/ } quiet();
    });

    return $line // '';
}


# the digits of a dead letter

sub first { $t->get('/admin/dead?limit=1')->json->{entries}[0]{event} }


# ---- dead letters

like(dead(status => 422, body => 'Order 4711 has no customer'),
    qr/\[error\] .*"last" is a dead letter now: final, "o1" of source "a", answered 422 "Order 4711 has no customer"/,
    'target, reason, status and words');
like(dead(status => 500, body => ''), qr/exhausted, "o2" of source "a", answered 500(?!\S| ")/,
    'without a body');
like(dead(status => 400, body => 'x' x 5000),
    qr/"o3" of source "a", answered 400 "x{128}\.\.\."/, 'the first words only');

my $line = dead(status => 400, body =>
    "a\"b\\c\r\n2026/01/01 00:00:00 [emerg] forged\0\x1b[31m\xff\x7f");

like($line, qr{answered 400 "a b c  2026/01/01 00:00:00 \[emerg\] forged  \[31m\?\?"},
    'hostile bytes');
is(scalar(grep { m{^2026/01/01} } quiet()), 0, 'no line of its own');
like(dead(fault => 'hang'), qr/exhausted, "o5" of source "a", no answer/, 'no answer');
like(dead(status => 400, body => ' %s%n %V '), qr/" %s%n %V "/,
    'no format');
is(scalar(grep { /payload-of-the-event/ } quiet()), 0, 'no payload');


# ---- operators

$t->post("/admin/$_", '', [ 'X-Event-Admin' => 1 ])
    for 'pause?target=last', 'resume?target=last', 'probe?target=last',
        'replay?target=again', 'purge?event=' . first(), 'purge?all=1';

my $warn = '';

wait_until(5, sub {
    $warn = $t->read_file('logs/warn.log');
    $warn =~ /purged/;
});

like($warn, qr/\[warn\] .*$_/, "an operator: $_")
    for '1 dead letter was purged by an operator, client',
        '"last" are paused by an operator', '"last" are resumed by an operator',
        'probe of target "last"', '\d+ dead letters were replayed',
        '\d+ dead letters were purged';


# ---- metrics

sub metrics { return $t->get('/status/metrics')->{body} }


sub sum {
    my ($family, $name) = @_;

    my $n = 0;

    $n += $_ for metrics() =~ /^\Q$family\E\{target="$name",.*\} (\d+)$/mg;

    return $n;
}


$target->answer('/again', [ ({ status => 503 }) x 3, { status => 200 } ]);
$target->forget;
post('/a', 'again');
ok(wait_until(5, sub { $target->count >= 4
                       && sum('event_router_attempts_total', 'again') >= 4 }),
    'three attempts fail, the fourth does not');
is(sum('event_router_attempts_total', 'again'), 4, 'each is counted once');
like(metrics(), qr/attempts_total\{target="again",result="failed"\} 3$/m,
    'as failed');
like(metrics(), qr/queued_total\{target="again",result="retried"\} 3$/m,
    'what the queue did is another metric');

# of a queue with dead letters, in which nothing waits; counts come by seconds

dead(status => 422, body => '') for 1 .. 2;

my $letters;

ok(wait_until(5, sub {
    $letters = @{ $t->get('/admin/dead?target=last')->json->{entries} };
    return $letters >= 2;
}), 'dead letters of "last"');
ok(wait_until(5, sub {
    my $text = metrics();

    $text =~ /^event_router_dead_letters\{target="last"\} $letters$/m
        && $text =~ /^event_router_pending\{target="last"\} 0$/m
        && $text =~ /^event_router_oldest_seconds\{target="last"\} 0$/m;
}), 'they are counted, nothing waits, and nothing is old')
    or diag(join "\n", grep { /"last"\}/ } split /\n/, metrics());

my (%help, %type, %histogram, %seen);

for my $text (split /\n/, metrics()) {
    $help{$1}++ if $text =~ /^# HELP (\S+) \S/;
    $type{$1}++ if $text =~ /^# TYPE (\S+) (?:counter|gauge|histogram)$/;
    $histogram{$1} = 1 if $text =~ /^# TYPE (\S+) histogram$/;

    my ($name) = $text =~ /^(\w+)[{ ]/ or next;

    $name = $1 if $name =~ /^(\w+)_(?:bucket|sum|count)$/ && $histogram{$1};
    $seen{$name}++;
}

my @names = sort keys %seen;

cmp_ok(scalar @names, '>=', 11, 'all metrics');
is_deeply([ sort keys %help ], \@names, 'each has a HELP');
is_deeply([ sort keys %type ], \@names, 'each has a TYPE');
is_deeply([ grep { $help{$_} != 1 || $type{$_} != 1 } @names ], [], 'one');

open my $f, '<', "$FindBin::Bin/../docs/directives.md" or die;
my $docs = join '', <$f>;

# only where a Redis has the keys: t/numbers.t

is_deeply([ grep { $_ ne 'event_router_dedup_redis_up' }
            sort $docs =~ /^\| `(event_router_\w+)` \|/mg ], \@names,
    'and a line in the docs, which has no others');


# ---- what failed, once a minute; a worker that exits tells the rest

$target->answer('/last', status => 429);
post('/sync', 'last') for 1 .. 7;
is(scalar(grep { /failed within a minute/ } quiet()), 0, 'not each of them');
ok($t->quit, 'quit');

my $quiet = join "\n", quiet();

like($quiet, qr/\[error\] .*\d+ attempts to deliver to target "last" failed/,
    'how many failed');
like($quiet, qr/"last" failed within a minute, the last one: answered 429/,
    'and what the last one was answered');
like($quiet, qr/ 3 attempts to deliver to target "again" failed/,
    'of each target');

$t->done;
