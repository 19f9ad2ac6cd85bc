#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Retries of queued deliveries: when, how long, after which answers, and what
# the target is told.  Nearly all cases run side by side, each with a target
# of its own.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

# a slow moment delays: what is too late is a bug only beyond this; what is too
# early is one beyond the length of a turn, since nginx's time is that of the
# turn's begin

use constant { SLOW => 6, TURN => 0.1 };

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

my $fast = 'breaker off; retry for=1h base=100ms max=200ms;';
my $quick = 'proxy_read_timeout 400ms;';

$q->config(
    targets => {
        schedule => 'breaker off; retry for=1h base=200ms max=1s;',
        jitter   => 'breaker off; concurrency 64;'
                    . 'retry for=1h base=800ms max=2s;',
        horizon  => 'breaker off; retry for=2s base=100ms max=300ms;',
        final    => $fast,
        again    => $fast,
        own      => "$fast retry_on 410 3xx; fail_on 503 500-501;",
        off      => 'breaker off; retry off;',
        hang     => { lines => $fast, location => $quick },
        close    => $fast,
        reset    => $fast,
        garbage  => $fast,
        half     => $fast,
        refused  => { lines => $fast, port => 8082 },
        deaf     => { lines => "$fast fail_on timeout;", location => $quick },
        deaf5xx  => { lines => "$fast fail_on 5xx;", location => $quick },
        deaf504  => { lines => "$fast fail_on timeout;", location => $quick },
        seconds  => 'breaker off; retry for=1h base=100ms max=10s;',
        busy     => 'breaker off; retry for=1h base=100ms max=10s;',
        date     => 'breaker off; retry for=1h base=100ms max=10s;',
        clamped  => 'breaker off; retry for=1h base=100ms max=1s;',
        nonsense => 'breaker off; retry for=1h base=100ms max=10s;',
        past     => 'breaker off; retry for=1h base=100ms max=10s;',
        hurried  => 'breaker off; retry for=1h base=100ms max=10s;',
    });


# ---- scripts

sub fails {
    my ($path, $n, @what) = @_;

    $target->answer("/$path", [ ({ @what }) x $n, { status => 200 } ]);
}


my @final = (301, 304, 400, 401, 403, 405, 410, 413, 415, 422);
my @again = (404, 408, 409, 425, 429, 500, 502, 503, 504, 599);

fails('schedule/ok', 6, status => 500);
$target->answer("/jitter/$_", [ { status => 503 }, { status => 200 } ])
    for 1 .. 40;
$target->answer('/horizon/ok', status => 500, body => 'never');
$target->answer("/final/$_", status => $_) for @final;
fails("again/$_", 1, status => $_) for @again;
fails("own/$_", 1, status => $_) for 410, 302;
$target->answer("/own/$_", status => $_) for 503, 500, 501;
$target->answer('/off/ok', status => 500);
fails("$_/ok", 2, fault => $_) for qw(hang close reset garbage half);
$target->answer("/$_/ok", fault => 'hang') for qw(deaf deaf5xx);
fails('deaf5xx/ok', 1, fault => 'hang');
fails('deaf504/ok', 1, status => 504);
fails('seconds/ok', 1, status => 503, headers => [ 'Retry-After' => 2 ]);
fails('busy/ok', 1, status => 429, headers => [ 'Retry-After' => 2 ]);
fails('clamped/ok', 1, status => 503, headers => [ 'Retry-After' => 86400 ]);
fails('nonsense/ok', 1, status => 503,
    headers => [ 'Retry-After' => 'soon, -1' ]);
fails('past/ok', 1, status => 503,
    headers => [ 'Retry-After' => 'Sun, 06 Nov 1994 08:49:37 GMT' ]);
fails('hurried/ok', 1, status => 503, headers => [ 'Retry-After' => 0 ]);

$t->port(8082);
$t->run;


# ---- all of them on their way

my %id;

$id{$_} = $q->send($_) for qw(schedule horizon off hang close reset garbage
    half refused deaf deaf5xx deaf504 clamped nonsense past hurried);

my @jitter = map { $q->send('jitter', kind => $_) } 1 .. 40;

$id{"final/$_"} = $q->send('final', kind => $_) for @final;
$id{"again/$_"} = $q->send('again', kind => $_) for @again;
$id{"own/$_"} = $q->send('own', kind => $_) for 410, 302, 503, 500, 501;

# a date has whole seconds, so it is made as late as can be

my $date = POSIX::floor(time) + 3;

fails('date/ok', 1, status => 503, headers => [ 'Retry-After' =>
    POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $date) ]);
$id{date} = $q->send('date');

# Retry-After pauses the target: the second ones wait as well

for my $name (qw(seconds busy)) {
    $id{$name} = $q->send($name);
    wait_until(10, sub { scalar $q->attempts($target, $id{$name}) });
    $id{"$name-2"} = $q->send($name, kind => 'second');
}

my $listen = wait_until(10, sub {
    my ($entry) = $q->pending(target => 'refused');
    return $entry && $entry->{attempts} >= 2;
});

ok($listen, 'a target that refuses connections is tried again');

my $late = $t->target(8082);

ok($q->wait_drained(30), 'nothing is pending in the end');

my %requests;

push @{ $requests{$_->header('Webhook-Id')} }, $_
    for $target->requests, $late->requests;

my %dead = map { $_->{id} => $_ } $q->dead(limit => 1000);


sub requests { return @{ $requests{$id{$_[0]}} // [] } }

sub numbers { return join ' ', map { $_->header('X-Event-Attempt') } @_ }

sub reason {
    my $dead = $dead{$id{$_[0]}};

    return $dead ? $dead->{reason} . ' ' . ($dead->{status} // '-') : 'lives';
}


# ---- the schedule

my @r = requests('schedule');

is(numbers(@r), '1 2 3 4 5 6 7', 'six retries, counted');
is(join(' ', map { $_->header('Webhook-Id') } @r),
    join(' ', ($id{schedule}) x 7), 'with the same Webhook-Id');
is(join(' ', map { $_->{body} } @r), join(' ', ($r[0]{body}) x 7),
    'and the same bytes');

my @base = (0.2, 0.6, 1, 1, 1, 1);

for my $i (1 .. 6) {
    my $gap = ($r[$i] // $r[-1])->{begun} - ($r[$i - 1] // $r[-1])->{time};

    cmp_ok($gap, '>=', 0.75 * $base[$i - 1] - TURN,
        "retry $i not too early");
    cmp_ok($gap, '<=', 1.25 * $base[$i - 1] + SLOW, "retry $i not too late");
}

my @gaps = sort { $a <=> $b } map {
    my @two = @{ $requests{$_} // [] };
    @two == 2 ? $two[1]{begun} - $two[0]{time} : ();
} @jitter;

is(scalar @gaps, 40, 'forty events that failed once');
cmp_ok($gaps[0], '>=', 0.6 - TURN, 'none is tried again too early');
cmp_ok($gaps[-1] - $gaps[0], '>', 0.1, 'and not all at once: jitter');


# ---- the end of it

is(reason('horizon'), 'exhausted 500', 'after the horizon a dead letter');
@r = requests('horizon');
cmp_ok(scalar @r, '>=', 5, 'after many attempts');
cmp_ok($r[-1]{begun} - $r[0]{time}, '>=', 1.9 - TURN, 'up to the horizon');
cmp_ok($r[-1]{begun} - $r[0]{time}, '<=', 2 + SLOW, 'none behind it');
is(numbers(@r), join(' ', 1 .. @r), 'counted');
is($dead{$id{horizon}}{attempts}, scalar @r, 'and so in the list');
is($dead{$id{horizon}}{answer}, 'never', 'with the last answer');

is(reason('off'), 'exhausted 500', 'without retries the first failure is it');
is(scalar requests('off'), 1, 'and the only one');

for my $status (@final) {
    is(reason("final/$status"), "final $status", "$status is final");
    is(scalar requests("final/$status"), 1, 'at once');
}

for my $status (@again) {
    is(reason("again/$status"), 'lives', "$status is not final");
    is(numbers(requests("again/$status")), '1 2', 'but tried again');
}


# ---- retry_on, fail_on

is(numbers(requests("own/$_")), '1 2', "retry_on: $_") for 410, 302;
is(reason("own/$_"), "final $_", "fail_on: $_") for 503, 500, 501;
is(scalar requests("own/$_"), 1, 'at once') for 503, 500, 501;

is(reason('deaf'), 'final 504', 'fail_on timeout: no answer is final');
is(scalar requests('deaf'), 1, 'at once');
is(reason('deaf504'), 'lives', 'but 504 is an answer');
is(reason('deaf5xx'), 'lives', 'and fail_on 5xx is about answers');


# ---- no answer

is(numbers(requests($_)), '1 2 3', "$_: tried again")
    for qw(hang close reset garbage half);
is(reason('refused'), 'lives', 'a target that comes back gets the event');
is(scalar requests('refused'), 1, 'once');
cmp_ok((requests('refused'))[0]->header('X-Event-Attempt'), '>=', 3,
    'in a later attempt');


# ---- Retry-After

sub pause { my @two = requests(@_); return $two[-1]{begun} - $two[0]{time} }

for my $name (qw(seconds busy)) {
    is(numbers(requests($name)), '1 2', "$name: delivered at the second try");
    cmp_ok(pause($name), '>=', 2 - TURN, 'not before Retry-After');
    cmp_ok(pause($name), '<=', 2 + SLOW, 'but then');

    my ($first) = requests($name);
    my ($second) = requests("$name-2");

    cmp_ok($second->{begun} - $first->{time}, '>=', 2 - TURN,
        'the whole target is left alone');
    is($second->header('X-Event-Attempt'), 1, 'which costs no attempt');
}

is(numbers(requests('date')), '1 2', 'Retry-After as a date');
cmp_ok((requests('date'))[-1]{begun}, '>=', $date - TURN, 'is respected');
cmp_ok(pause('clamped'), '<=', 1 + SLOW, 'Retry-After is at most max=');
cmp_ok(pause('clamped'), '>=', 1 - TURN, 'and so long');
cmp_ok(pause('nonsense'), '<=', SLOW, 'nonsense says nothing');
cmp_ok(pause('past'), '<=', 1 + SLOW, 'a date of long ago is over');
cmp_ok(pause('hurried'), '>=', 1 - TURN, 'no target is asked at once again');


# ---- what a person sees

my @lines = grep { /\[(warn|error)\]/ } $t->log_lines;

my $delivering = qq{while delivering event "$id{schedule}" of source "a"}
    . ' to target "schedule"';
my $letter = "event $dead{$id{horizon}}{event} for target \"horizon\" is a dead"
    . qq{ letter now: exhausted, "$id{horizon}" of source "a"};

is(scalar(grep { /target answered 500 after \d+ms \Q$delivering\E/ } @lines),
    6, 'a line for each attempt that failed');
$delivering = qq{while delivering event "$id{refused}"};
ok((grep { /no answer after \d+ms \Q$delivering\E/ } @lines) >= 2,
    'or that gets no answer');
is(scalar(grep { /\Q$letter\E/ } @lines), 1, 'and one for the dead letter');
is(join("\n", grep { /"kind"/ } $t->log_lines), '', 'no body in the log');

$t->done;
