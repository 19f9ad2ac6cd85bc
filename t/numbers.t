#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Numbers that stay: over a restart where there is a store, over a kill and a
# reload, while the store is away, when what was saved is damaged, beside
# another nginx, and in a zone that grows.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time sleep);
use Test::EventRouter;
use Test::EventRouter::Queue;

# seconds within which what changed is saved

my $round = 5;

my %stores = (file => undef, Redis => 1);


# options: those of the queue's configuration; redis: an own server or nothing

sub harness {
    my ($store, %o) = @_;

    my $t = Test::EventRouter->new(workers => $o{workers} // 2);
    my $q = Test::EventRouter::Queue->new($t, prefix => $o{prefix} // 'n');
    my $redis = $store eq 'Redis' && !$o{redis} ? $t->redis(6379) : $o{redis};
    my $erp = $t->target(8081);

    configure($t, $q, $redis, $o{config});
    $erp->answer('/erp/bad', status => 422);

    return ($t, $q, $erp, $redis);
}


sub configure {
    my ($t, $q, $redis, $o) = @_;

    my %o = %{ $o // {} };

    $q->config(
        targets => { erp => 'retry off; breaker off;', crm => '' },
        server => ($o{server} // '')
            . 'location = /shop { event_receive shop; }',
        $redis ? (in => 'redis://127.0.0.1:' . $redis->port) : (),
        more => 'event_source shop { verify shopify; secret hush; } '
            . ($o{more} // ''));
}


# what is counted, name by name, of the text for Prometheus.  The event loop
# and the store are looked at all the time

sub counted {
    my ($t) = @_;

    my %type;
    my %counted;

    for (split /\n/, $t->get('/status/metrics')->{body}) {
        $type{$1} = $2 if /^# TYPE (\w+) (\w+)/;

        next if !/^((\w+?)(?:_bucket|_sum|_count)?(?:\{[^}]*\})?) ([\d.]+)$/
            || /loop_lag|store_commit|deliveries_total/;

        my ($series, $name, $value) = ($1, $2, $3);
        my $type = $type{$name} // $type{ $series =~ s/\{.*//r } // '';

        $counted{$series} = $value if $type =~ /counter|histogram/ && $value;
    }

    return \%counted;
}


# the server's status is a location of its own, for its path has to end so

my %status = (server => 'location /status/ { event_status; }');


sub provoke {
    my ($t, $q, $erp) = @_;

    $q->send('erp') for 1 .. 3;
    $q->send('erp', kind => 'bad');
    $q->send('crm');
    $t->post('/shop', '{}', [ 'X-Shopify-Hmac-Sha256' => 'none' ]);

    wait_until(10, sub {
        my $c = counted($t);

        return ($c->{'event_router_attempts_total{target="erp",result="ok"}'}
                // 0) >= 3
            && $c->{'event_router_dead_total{target="erp",reason="final"}'}
            && $c->{'event_router_attempts_total{target="crm",result="ok"}'};
    });
}


sub start_time {
    my ($t) = @_;

    return $t->get('/status/metrics')->{body}
        =~ /^event_router_start_time_seconds (\d+)$/m ? $1 : 0;
}


# counters are there as soon as the store was asked

sub restored {
    my ($t) = @_;

    return wait_until(10, sub {
        $t->get('/status/metrics')->{body} =~ /event_router_events_total/;
    });
}


for my $store (sort keys %stores) {

    subtest "$store: a restart" => sub {
        my ($t, $q, $erp) = harness($store, config => \%status);

        $t->run;
        provoke($t, $q, $erp);

        my $before = counted($t);
        my $start = start_time($t);
        my $name = 'event_router_events_total{source="a",result="queued"}';

        cmp_ok(abs($start - time), '<', 60, 'it started now');
        is($before->{$name}, 5, 'it counts');
        is($before->{'event_router_route_matched_total{route="to-erp"}'}, 4,
            'routes');
        is($before->{'event_router_attempt_duration_seconds_count'
            . '{target="erp"}'}, 4, 'histograms');
        ok($before->{'event_router_refused_total{source="shop",'
            . 'reason="signature"}'}, 'reasons');

        sleep 1.1;
        $t->stop;
        $t->run;
        ok(restored($t), 'a restart');
        is_deeply(counted($t), $before, 'all numbers are the same');
        cmp_ok(start_time($t), '>', $start, 'but when it started');

        like($t->get('/status')->json->{sources}{a}{last_event_seconds} // '',
            qr/^\d+$/, 'it knows how long ago the last event came');

        $q->send('erp');
        is(counted($t)->{$name}, 6, 'they go on');

        # twice, so that nothing is added twice

        $t->stop;
        $t->run;
        restored($t);
        is(counted($t)->{$name}, 6, 'one more restart');
        $t->stop;
        $t->run;
        restored($t);
        is(counted($t)->{$name}, 6, 'and one more');

        ok($t->reload, 'reload');
        $t->wait_old_workers;
        is(counted($t)->{$name}, 6, 'a reload adds nothing');
        $t->kill_worker;
        $t->kill_worker;
        sleep 0.5;
        is(counted($t)->{$name}, 6, 'nor does a worker that dies');
        $t->_check;
    };


    subtest "$store: a kill" => sub {
        my ($t, $q, $erp) = harness($store, config => \%status);
        my $name = 'event_router_events_total{source="a",result="queued"}';

        $t->run;
        provoke($t, $q, $erp);

        sleep $round + 1.5;

        my $saved = counted($t);

        $q->send('erp');
        $t->_end('KILL', 5);
        $t->workers_may_change('killed');
        $t->run;
        restored($t);

        my $after = counted($t);
        my @lower = grep { ($after->{$_} // 0) < $saved->{$_} } keys %$saved;

        is("@lower", '', "what was counted $round seconds before is there");
        cmp_ok($after->{$name}, '<=', 6, 'and nothing is made up');

        $q->send('erp');
        is(counted($t)->{$name}, $after->{$name} + 1, 'they go on');
        $t->_check;
    };
}

done_testing();
