#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/series: what was counted in each step of the last hour and day, against
# what was sent; a clock that is set back and forth; reload, renames, the death
# of a sampler, a restart with and without a store; more targets than there is
# room for.
#
# A step takes 10 s, so the clock of nginx is set to its end.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

$ENV{TEST_NGINX_ALARM} ||= 600;

plan(skip_all => 'no libfaketime')
    if !glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

# the first step of a day's step, some days from now

my $start = int(time / 300) * 300 + 10 * 86400;


# an nginx whose clock is ours: it stands at the begin of a step

sub harness {
    my (%o) = @_;

    my $t = Test::EventRouter->new(workers => $o{workers} // 2,
        $o{options} ? %{ $o{options} } : ());
    my $q = Test::EventRouter::Queue->new($t);
    my $target = $t->target(8081);

    at($t, $o{clock} // $start);
    $q->config(targets => { erp => 'retry off; breaker off;', crm => '' },
        %{ $o{config} // {} });
    $target->answer('/erp/bad', status => 422);
    $target->answer('/erp/slow', status => 200, delay => 0.3);

    return ($t, $q, $target);
}


sub series {
    my ($t, $span, $more) = @_;

    my $r = $t->get("/admin/v1/series?span=$span" . ($more // ''));

    $r->{status} == 200 or die "series: $r->{status} $r->{body}\n";

    return $r->json;
}


sub total {
    my ($numbers) = @_;

    my $sum = 0;

    $sum += $_ // 0 for @$numbers;

    return $sum;
}


sub measured { return scalar grep { defined } @{ $_[0] } }


# the clock goes on to where the next step begins, or to that time, and a sample
# is taken

{
    my %set;

    sub clock {
        my ($t) = @_;

        my ($epoch, $at) = @{ $set{$t} };

        return $epoch + time - $at;
    }

    sub at {
        my ($t, $epoch) = @_;

        $set{$t} = [ $epoch, time ];
        $t->clock($epoch);
    }

    sub step {
        my ($t, $to, $seconds) = @_;

        my $far = $to && $to > clock($t) + 10;

        $to //= (int(clock($t) / 10) + 1) * 10;
        at($t, $to);

        my $want = int($to / 10) * 10;

        # a step that is left out is not measured

        if ($far) {
            sleep 1.5;
            return;
        }

        wait_until($seconds // 10, sub {
            my $s = series($t, 'hour', '&source=a');

            return defined $s->{measured_ms}[-1] && seconds($s->{to}) >= $want;
        }) or $seconds or diag("no sample for $want");
    }
}


# it runs, and what it counts from now on is measured

sub start {
    my ($t) = @_;

    $t->run;
    wait_until(10, sub {
        step($t, undef, 1.5);
        return measured(series($t, 'hour', '&source=a')->{measured_ms});
    });
}


sub seconds {
    my ($time) = @_;

    my ($y, $m, $d, $h, $min, $s) = $time
        =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.000Z$/ or return 0;

    require Time::Local;

    return Time::Local::timegm($s, $min, $h, $d, $m - 1, $y);
}


# one event to a target, until its attempts have ended

sub deliver {
    my ($t, $q, $n, %o) = @_;

    my $before = counted($t);

    $q->send('erp', %o) for 1 .. $n;
    wait_until(10, sub { counted($t) >= $before + $n });
}


sub counted {
    my ($t) = @_;

    my $erp = $t->get('/status')->json->{targets}{erp};

    return $erp->{ok} + $erp->{failed};
}


# numbers of steps that begin at such a time

sub value {
    my ($s, $numbers, $epoch) = @_;

    my $i = ($epoch - seconds($s->{from})) / ($s->{step_ms} / 1000);

    return $i < 0 ? undef : $numbers->[$i];
}


subtest 'what was sent' => sub {
    my ($t, $q, $target) = harness(config => {
        more => 'event_source shop { verify shopify; secret hush; }',
        server => 'location = /shop { event_receive shop; }' });

    start($t);

    my $empty = series($t, 'hour');

    is($empty->{points}, 360, 'an hour');
    is($empty->{step_ms}, 10000, 'in steps of 10 s');
    is(seconds($empty->{to}) - seconds($empty->{from}), 3600, 'all of it');
    is(scalar @{ $empty->{targets}{crm}{p99} }, 360, 'of so many elements');

    my ($id, $body) = $q->event('erp');

    sleep 2.2;                         # then the queue was counted

    deliver($t, $q, 3);
    deliver($t, $q, 2, kind => 'bad');
    deliver($t, $q, 1, kind => 'slow');
    is($q->post($body)->{status}, 202, 'an event');
    is($q->post($body)->{status}, 200, 'and once more');
    $t->post('/shop', '{}', [ 'X-Shopify-Hmac-Sha256' => 'none' ]) for 1 .. 4;
    wait_until(20, sub {
        counted($t) == 7
        && !$t->get('/status')->json->{queue}{targets}{erp}{pending};
    });
    step($t);

    my $s = series($t, 'hour');
    my %erp = %{ $s->{targets}{erp} };
    my %crm = %{ $s->{targets}{crm} };
    my %all = %{ $s->{all} };

    is(total($s->{sources}{a}{accepted}), 7, 'accepted');
    is(total($s->{sources}{a}{duplicate}), 1, 'a duplicate');
    is(total($s->{sources}{a}{refused}), 0, 'nothing refused');
    is(total($s->{sources}{shop}{refused}), 4, 'but of the other source');
    is(total($erp{delivered}), 5, 'delivered');
    is(total($erp{failed}), 2, 'failed');
    is($erp{pending}[-1], 0, 'nothing waits');
    cmp_ok($erp{p50}[-1], '<', 100, 'most attempts were quick');
    cmp_ok($erp{p99}[-1], '>', 250, 'one was not');
    is(total($crm{delivered}), 0, 'the other target has nothing');
    is($crm{p50}[-1], undef, 'and no latency');
    is(total($all{accepted}), 7, 'all: accepted');
    is(total($all{refused}), 4, 'all: refused');
    is(total($all{delivered}), 5, 'all: delivered');
    is(total($all{dead}), 2, 'all: dead');
    is($s->{left_out}, 0, 'nobody is left out');

    # what waits, at the end of a step

    $t->post('/admin/v1/pause?target=crm', '', [ 'X-Event-Admin' => 1 ]);
    $q->send('crm') for 1 .. 3;
    wait_until(20, sub {
        $t->get('/status')->json->{queue}{targets}{crm}{pending} == 3;
    });
    step($t);
    step($t);
    $s = series($t, 'hour');
    is($s->{targets}{crm}{pending}[-1], 3, 'three wait');
    cmp_ok($s->{targets}{crm}{oldest_seconds}[-1], '>=', 10, 'since then');
    is($s->{targets}{erp}{delivered}[-1], 0, 'nothing happened');
    is($s->{targets}{erp}{p50}[-1], undef, 'so there is no latency');

    my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    is_deeply([ $api->wrong(GET => '/series',
        $t->get('/admin/v1/series?span=hour')) ], [], 'as described');

    my $one = series($t, 'hour', '&target=erp');

    is_deeply([ keys %{ $one->{targets} } ], ['erp'], 'one target');
    is_deeply($one->{sources}, {}, 'and no source');
    is_deeply([ keys %{ series($t, 'hour', '&source=a')->{sources} } ], ['a'],
        'one source');

    is($t->get('/admin/v1/series')->{status}, 400, 'span= is needed');
    is($t->get('/admin/v1/series?span=year')->{status}, 400, 'a word');
    is($t->get('/admin/v1/series?span=day&target=x')->{status}, 404,
        'a target that is not there');

    $t->stop;
    $t->_check;
};


subtest 'a day' => sub {
    my ($t, $q) = harness(clock => $start + 265);

    start($t);

    my $begin = seconds(series($t, 'hour')->{to});

    deliver($t, $q, 4);
    deliver($t, $q, 1, kind => 'slow');
    step($t);
    deliver($t, $q, 2);
    is(measured(series($t, 'day')->{measured_ms}), 0, 'it is not over');
    step($t, $start + 300);

    my $day = series($t, 'day');

    is($day->{points}, 288, 'a day');
    is($day->{step_ms}, 300_000, 'in steps of 5 minutes');
    is(seconds($day->{to}), $start + 300, 'up to the one that is over');
    is(measured($day->{measured_ms}), 1, 'which was measured');
    is($day->{targets}{erp}{delivered}[-1], 7, 'it has all of its steps');
    is($day->{all}{accepted}[-1], 7, 'of all, too');
    cmp_ok($day->{targets}{erp}{p50}[-1], '<', 100, 'p50');
    cmp_ok($day->{targets}{erp}{p99}[-1], '>', 250, 'p99');
    is($day->{targets}{crm}{p99}[-1], undef, 'of nothing there is none');
    cmp_ok($day->{measured_ms}[-1], '<', 40_000, 'a part of it was measured');

    $t->stop;
    $t->_check;
};


subtest 'clocks' => sub {
    my ($t, $q) = harness();

    start($t);

    my $at = seconds(series($t, 'hour')->{to});

    deliver($t, $q, 3);
    step($t, $at + 60);

    my $s = series($t, 'hour');

    is(value($s, $s->{all}{accepted}, $at), 3, 'the clock is set forward');
    is(value($s, $s->{measured_ms}, $at + $_), undef, "nothing at $_")
        for 10, 20, 30, 40, 50;

    deliver($t, $q, 2);
    step($t);
    is(series($t, 'hour')->{all}{accepted}[-1], 2, 'it goes on');

    # back into what was measured, and into what was not

    deliver($t, $q, 1);
    at($t, $at + 15);
    sleep 1.5;
    deliver($t, $q, 4);
    step($t, $at + 20);
    $s = series($t, 'hour');
    is(seconds($s->{to}), $at + 20, 'it is set back');
    is(value($s, $s->{all}{accepted}, $at), 3, 'what was before is there');
    is(value($s, $s->{all}{accepted}, $at + 10), 4, 'it is measured once more');
    cmp_ok(value($s, $s->{measured_ms}, $at + 10), '<', 10_000, 'from there');

    step($t, $at + 80);
    $s = series($t, 'hour');
    is(value($s, $s->{all}{accepted}, $at + 60), undef,
        'what the other clock had measured is no more');

    $t->stop;
    $t->_check;
};


# what counts before it, then the time that is left out, then what counts after

sub restart {
    my ($t, $q) = @_;

    start($t);

    my $at = seconds(series($t, 'hour')->{to});

    deliver($t, $q, 3);
    step($t);
    deliver($t, $q, 2, kind => 'slow');
    sleep 1;
    $t->stop;
    at($t, $at + 63);
    $t->run;
    wait_until(10, sub { $t->get('/status')->json->{queue}{open} });
    sleep 1;
    deliver($t, $q, 1);
    step($t, $at + 70);

    return ($at, series($t, 'hour'));
}


my %stores = (file => sub { () }, Redis => sub { $_[0]->redis(6379) });

for my $store (sort keys %stores) {

    subtest "a restart with $store" => sub {
        my ($t, $q) = harness;
        my ($redis) = $stores{$store}->($t);

        $q->config(targets => { erp => 'retry off;', crm => '' },
            in => 'redis://127.0.0.1:' . $redis->port) if $redis;

        my ($at, $s) = restart($t, $q);
        my %erp = %{ $s->{targets}{erp} };

        is(value($s, $erp{delivered}, $at), 3, 'a step before it');
        is(value($s, $erp{delivered}, $at + 10), 2, 'and that in which it was');
        cmp_ok(value($s, $erp{p50}, $at + 10), '>', 250, 'with its latencies');
        is(value($s, $s->{measured_ms}, $at + $_), undef,
            "nginx did not run at $_") for 20, 30, 40, 50;
        is(value($s, $erp{delivered}, $at + 60), 1, 'then it did');
        cmp_ok(value($s, $s->{measured_ms}, $at + 60), '<', 7001,
            'for a part of the step');

        # the day's step is that of both

        my $day = int($at / 300) * 300;

        if ($day == int(($at + 70) / 300) * 300) {
            step($t, $day + 300);

            my $d = series($t, 'day');

            is($d->{targets}{erp}{delivered}[-1], 6, 'the day has both');
            is($d->{all}{accepted}[-1], 6, 'of all, too');
        }

        # within one step; and a death loses what was not saved

        $at = seconds(series($t, 'hour')->{to});
        deliver($t, $q, 1);
        $t->stop;
        $t->run;
        wait_until(10, sub { $t->get('/status')->json->{queue}{open} });
        sleep 1;
        deliver($t, $q, 2) if clock($t) < $at + 8;
        step($t, $at + 10);
        $s = series($t, 'hour');
        is(value($s, $s->{targets}{erp}{delivered}, $at), 3,
            'within a step: both parts');

        $at = seconds(series($t, 'hour')->{to});
        deliver($t, $q, 4);
        step($t, (int($at / 60) + 1) * 60);
        sleep 2.5;
        $t->_end('KILL', 5);
        $t->workers_may_change('killed');
        $t->run;
        wait_until(10, sub { $t->get('/status')->json->{queue}{open} });
        wait_until(10, sub {
            $s = series($t, 'hour');
            value($s, $s->{targets}{erp}{delivered}, $at);
        });
        is(value($s, $s->{targets}{erp}{delivered}, $at), 4,
            'a minute that was over outlives a death');

        $t->stop;
        $t->_check;
    };
}


subtest 'a restart without a store' => sub {
    my ($t, $q) = harness(config => { in => 'memory:4m', delivery => 'sync' });

    start($t);

    my $at = seconds(series($t, 'hour')->{to});

    deliver($t, $q, 3);
    step($t);

    my $s = series($t, 'hour');

    is(value($s, $s->{targets}{erp}{delivered}, $at), 3, 'it is counted');
    is($s->{targets}{erp}{pending}[-1], undef, 'there is no queue');
    is($s->{targets}{erp}{oldest_seconds}[-1], undef, 'of any age');

    $t->stop;
    $t->run;
    $s = series($t, 'hour');
    is(measured($s->{measured_ms}), 0, 'nothing is kept');

    $t->stop;
    $t->_check;
};


subtest 'the store is away when nginx ends' => sub {
    my ($t, $q) = harness;
    my $redis = $t->redis(6379);

    $q->config(targets => { erp => 'retry off;', crm => '' },
        in => 'redis://127.0.0.1:' . $redis->port);
    $t->expect_log(qr/event store|redis|Redis/, 'it is away');
    start($t);
    deliver($t, $q, 2);
    step($t);
    $redis->stop;
    $t->post('/a', '{}') for 1 .. 2;
    sleep 1;

    my $begin = time;

    ok($t->_end('QUIT', 10), 'nginx ends');
    cmp_ok(time - $begin, '<', 4, 'and does not wait for it');
    $t->_check;
};


subtest 'two nginx with one Redis' => sub {
    my ($t, $q) = harness;
    my ($u, $p) = harness;
    my $redis = $t->redis(6379);
    my @config = (targets => { erp => 'retry off;', crm => '' },
        in => 'redis://127.0.0.1:' . $redis->port);

    $_->config(@config) for $q, $p;
    $q->{prefix} = 'q';
    $p->{prefix} = 'p';
    start($_) for $t, $u;

    my $at = seconds(series($t, 'hour')->{to});

    $q->send('erp') for 1 .. 4;
    wait_until(10, sub { counted($t) + counted($u) >= 4 });
    step($_) for $t, $u;
    is(total(series($t, 'hour')->{all}{accepted}), 4, 'the one has them');
    is(total(series($u, 'hour')->{all}{accepted}), 0, 'the other has not');

    $_->stop for $t, $u;
    at($t, $at + 30);
    at($u, $at + 30);
    $_->run for $t, $u;
    wait_until(10, sub { total(series($t, 'hour')->{all}{accepted}) == 4 });
    is(total(series($t, 'hour')->{all}{accepted}), 4, 'it finds its own');
    is(total(series($u, 'hour')->{all}{accepted}), 0, 'and the other, too');

    $_->stop for $t, $u;
    $_->_check for $t, $u;
};


subtest 'reload' => sub {
    my ($t, $q, $target) = harness;

    start($t);

    my $at = seconds(series($t, 'hour')->{to});

    deliver($t, $q, 2);
    $t->{workers} = 3;
    $q->config(targets => { erp => 'retry off; breaker off;', new => '' });
    ok($t->reload, 'other workers, a target that goes and one that comes');
    $t->wait_old_workers;

    deliver($t, $q, 3);
    $q->send('new');
    wait_until(10, sub { $target->count >= 6 });
    sleep 0.3;
    step($t, $at + 10);

    my $s = series($t, 'hour');

    is(value($s, $s->{targets}{erp}{delivered}, $at), 5,
        'a step over a reload has all');
    is(value($s, $s->{all}{delivered}, $at), 6, 'and all together, too');
    is_deeply([ sort keys %{ $s->{targets} } ], [ 'erp', 'new' ],
        'targets that there are');
    is(value($s, $s->{targets}{new}{delivered}, $at), 1, 'the new one');
    is(value($s, $s->{targets}{new}{delivered}, $at - 10), undef,
        'which was not there before');

    deliver($t, $q, 1);
    step($t);
    is(series($t, 'hour')->{all}{delivered}[-1], 1, 'it goes on');

    # names come and go, and places are given back

    for my $round (1 .. 4) {
        my @names = map { "r${round}x$_" } 1 .. 120;

        $q->config(targets => { erp => 'retry off; breaker off;',
            map { $_ => '' } @names });
        $t->reload;
        $t->wait_old_workers;
        deliver($t, $q, 1);
        step($t);
        $s = series($t, 'hour');
        is($s->{left_out}, 0, "all have a place, round $round");
        is($s->{targets}{"r${round}x120"}{delivered}[-1], 0,
            'the last one, too');
        is(value($s, $s->{targets}{"r${round}x120"}{delivered}, $at), undef,
            'without the numbers of another one');
    }

    is(value($s, $s->{targets}{erp}{delivered}, $at), 5,
        'what stayed has its own');

    $t->stop;
    $t->_check;
};


subtest 'the sampler dies' => sub {
    my $module = Test::EventRouter::root()
        . '/build/crash/ngx_http_event_router_module.so';

    plan(skip_all => 'no module with crash points; "make test" builds it')
        if !$ENV{TEST_NGINX_STATIC} && !-f $module;

    my ($t, $q) = harness(options => { module_path => $module });
    my $once = $t->write_file('once', '');

    $q->config(targets => { erp => 'retry off; breaker off;' },
        main => "env EVENT_ROUTER_CRASH_AT=series-sample;\n"
            . "env EVENT_ROUTER_CRASH_ONCE=$once;");
    $t->workers_may_change('they die');
    $t->expect_log(qr/exited on signal 9/, 'a worker dies');
    $t->expect_log(qr/"ngx_event_router_series" was locked by/,
        'the master breaks its lock');
    start($t);

    for my $round (1 .. 3) {
        my $at = seconds(series($t, 'hour')->{to});

        deliver($t, $q, 2);
        step($t);
        deliver($t, $q, 3);

        my %before = map { $_ => 1 } $t->workers;

        unlink $once;
        at($t, $at + 20);
        wait_until(10, sub { -e $once }) or diag('nobody died');
        ok(wait_until(10, sub {
            my @now = $t->workers;

            return @now == 2 && grep { !$before{$_} } @now;
        }), "a sampler dies, round $round");
        deliver($t, $q, 4);
        step($t, $at + 30);

        my $s = series($t, 'hour');

        is(value($s, $s->{all}{accepted}, $at), 2, 'what was before is there');
        is(value($s, $s->{all}{accepted}, $at + 10), undef,
            'what was cut is a gap');
        is(value($s, $s->{targets}{erp}{delivered}, $at + 10), undef,
            'of each');
        is(value($s, $s->{all}{accepted}, $at + 20), 4, 'then it goes on');
    }

    my $s = series($t, 'hour');

    is(total($s->{all}{accepted}), 18, 'nothing is there twice');

    $t->stop;
    $t->_check;
};


subtest 'more targets than there is room for' => sub {
    my ($t, $q, $target) = harness(config => { targets => {
        erp => '', map { sprintf('t%03d', $_) => '' } 1 .. 299 } });

    start($t);

    my $s = series($t, 'hour');

    is(scalar(keys %{ $s->{targets} }), 256, '256 of 300');
    is($s->{left_out}, 44, 'others are counted');

    # one of those that have none is the busiest one

    my ($left) = grep { !$s->{targets}{$_} } map { sprintf 't%03d', $_ }
        1 .. 299;

    $q->send($left) for 1 .. 5;
    wait_until(10, sub { $target->count >= 5 });
    sleep 0.3;
    step($t);
    $s = series($t, 'hour');
    is(total($s->{all}{delivered}), 5, 'all together has it');
    ok(!$s->{targets}{$left}, 'which has no place yet');

    step($t, (int(clock($t) / 300) + 1) * 300);
    $q->send($left) for 1 .. 2;
    wait_until(10, sub { $target->count >= 7 });
    sleep 0.3;
    step($t);
    step($t);
    $s = series($t, 'hour');
    ok($s->{targets}{$left}, 'it has one after five minutes');
    is(scalar(keys %{ $s->{targets} }), 256, 'another one gave it');
    is($s->{left_out}, 44, 'as many are left out');
    is(series($t, 'hour', "&target=$left")->{left_out}, 0, 'it is not');

    my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    is_deeply([ $api->wrong(GET => '/series',
        $t->get('/admin/v1/series?span=hour')) ], [], 'a large answer');

    # clients that go in the middle of it

    for (1 .. 20) {
        my $client = $t->connect(port => 8080);

        $client->send(GET => '/admin/v1/series?span=hour', [], '');
        undef $client;
    }

    is($t->get('/admin/v1/series?span=day')->{status}, 200, 'it goes on');

    # and nginx, while it is written

    my $client = $t->connect(port => 8080);

    $client->send(GET => '/admin/v1/series?span=hour', [], '');
    $t->stop;
    $t->_check;
};

done_testing();
