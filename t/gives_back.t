#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What is given back on every way that ends in a refusal or a failure: places of
# a target, places of the worker, the share of "event_backlog", leases and
# events.  There is one of each, and each way is gone many times; then a normal
# delivery must work as if nothing had been.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

use constant N => 12;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $serial = 0;

$t->expect_log(qr/\[crit\]/, 'stores fail on purpose');


sub config {
    my ($store) = @_;

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_concurrency 1;
    event_backlog 2;

    proxy_connect_timeout 500ms;
    proxy_read_timeout 2s;

    event_source sync {
        verify off; id "{json:id}"; type "{json:type}"; deadline 4s;
        unrouted 422;
    }
    event_source queued {
        verify off; id "{json:id}"; type "{json:type}"; delivery queued;
        unrouted 503;
    }

    event_target one  { concurrency 1; breaker off;
                        retry for=1h base=50ms max=50ms; }
    event_target last { concurrency 1; breaker off; retry off; }
    event_target tied { concurrency 1; breaker off; order by=type;
                        retry for=1h base=50ms max=50ms; }

    event_route one  { from *; when type = one; to one; }
    event_route last { from *; when type = last; to last; }
    event_route tied { from queued; when type = tied; to tied; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /sync   { event_receive sync; }
        location = /queued { event_receive queued; }
        location = /status { event_status; }
        location /admin/   { event_admin; }

        location = /d/one  { event_deliver one;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/one; }
        location = /d/last { event_deliver last;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/last; }
        location = /d/tied { event_deliver tied;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/tied; }
    }
}
EOC
}


sub body {
    my ($type, %o) = @_;

    return JSON::PP->new->encode({ id => 'g' . ++$serial, type => $type, %o });
}


sub post {
    my ($uri, $body) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json' ]);
}


sub statuses {
    my ($uri, @bodies) = @_;

    my %n;

    $n{ post($uri, $_)->{status} }++ for @bodies;

    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}


# one after the other and all at once, in both modes

sub normal {
    my ($what) = @_;

    $target->answer("/$_", status => 200) for qw(one last tied);

    my $seen = sub {
        my ($id) = @_;

        return scalar grep { $_->header('Webhook-Id') eq $id }
            $target->requests;
    };

    for my $type (qw(one last)) {
        my $body = body($type);
        my $r = post('/sync', $body);

        is($r->{status}, 200, "$what: then $type, sync") or diag($r->{body});
    }

    for my $type (qw(one last tied)) {
        my @ids;

        for (1 .. 3) {
            my $body = body($type);

            push @ids, "g$serial";
            is(post('/queued', $body)->{status}, 202, "$what: then $type");
        }

        ok(wait_until(5, sub { @ids == grep { $seen->($_) } @ids }),
            "$what: then $type, delivered");
    }

    ok(wait_until(5, sub {
        !@{ $t->get('/admin/pending?limit=100')->json->{entries} } }),
        "$what: nothing waits");
}


# what is asked of the store fails at once, or does again

sub scripts {
    my ($on) = @_;

    my $sign = $on ? '+' : '-';

    $redis->command(ACL => 'SETUSER', 'default', "${sign}eval",
        "${sign}evalsha");
}


for my $store ('file:%%TESTDIR%%/store size=1m',
               'redis://127.0.0.1:%%PORT_6379%%/0 timeout=300ms')
{
    my ($name) = $store =~ /^(\w+)/;

    config($store);
    $target->forget;
    $target->answer("/$_", status => 200) for qw(one last tied);
    $t->run;


    # ---- refused before anything is delivered

    for my $uri (qw(/sync /queued)) {
        my $body = body('one');

        post($uri, $body);
        is(statuses($uri, ($body) x N), '200:' . N, "$name, $uri: duplicates");
        $body = body('none');
        is(statuses($uri, ($body) x N),
            ($uri eq '/sync' ? '422:' : '503:') . N,
            "$name, $uri: no route, the same again and again");
        is(statuses($uri, map { substr $_, 1 } (body('one')) x N),
            '400:' . N, "$name, $uri: no JSON");
    }

    normal("$name: refused");


    # ---- busy, and no room: it is under way, and three are there at most

    $target->answer('/one', status => 200, delay => 1);

    my $first = body('one');
    my $c = $t->connect;

    $c->send(POST => '/sync', [ 'Content-Type' => 'application/json' ],
        $first);
    sleep 0.1;
    is(statuses('/sync', ($first) x N), '409:' . N, "$name: busy");

    my @more = map { $t->connect } 1 .. N;

    $_->send(POST => '/sync', [ 'Content-Type' => 'application/json' ],
        body('one')) for @more;

    my %n;

    $n{ $_->response->{status} }++ for @more;
    is($c->response->{status}, 200, "$name: the first one");
    is($n{503}, N - 2, "$name: no room for more");
    normal("$name: busy and no room");


    # ---- failures

    for my $status (400, 500) {
        $target->answer('/one', status => $status);
        is(statuses('/sync', map { body('one') } 1 .. N), '502:' . N,
            "$name: $status, sync");
        $target->answer('/last', status => $status);
        is(statuses('/queued', map { body('last') } 1 .. N), '202:' . N,
            "$name: $status, queued");
        $target->answer('/tied', [ ({ status => 500 }) x N,
            { status => 200 } ]);
        post('/queued', body('tied'));
        normal("$name: $status");
    }

    for my $fault (qw(close reset truncate garbage)) {
        $target->answer('/one', fault => $fault);
        statuses('/sync', map { body('one') } 1 .. 3);
        $target->answer('/last', fault => $fault);
        statuses('/queued', map { body('last') } 1 .. 3);
    }

    normal("$name: faults");


    # ---- an operator

    for (1 .. 4) {
        $t->post("/admin/$_?target=last", '', [ 'X-Event-Admin' => 1 ])
            for qw(pause resume probe replay);
    }

    sleep 0.3;
    $t->post('/admin/purge?all=1', '', [ 'X-Event-Admin' => 1 ]);
    normal("$name: an operator");


    # ---- the store

    if ($name eq 'file') {
        my ($full, $i) = (0, 0);

        $t->post("/admin/pause?target=one", '', [ 'X-Event-Admin' => 1 ]);

        while ($full < N && $i++ < 400) {
            my $r = post('/queued', body('one', text => 'x' x 20_000));

            $full += ($r->{status} == 503);
        }

        is($full, N, "$name: the store is full");
        $t->post("/admin/resume?target=one", '', [ 'X-Event-Admin' => 1 ]);
        ok(wait_until(20, sub {
            my $r = post('/queued', body('one'));

            sleep 0.1;
            $r->{status} == 202;
        }), "$name: it has room again");
        ok(wait_until(10, sub {
            !@{ $t->get('/admin/pending?limit=100')->json->{entries} } }),
            "$name: and is empty");
        normal("$name: a full store");

    } else {
        scripts(0);
        is(statuses('/queued', map { body($_) } (qw(one last tied)) x 4),
            '503:' . N, "$name: ACCEPT fails");
        scripts(1);
        wait_until(10, sub {
            my $r = post('/queued', body('one'));

            sleep 0.1;
            $r->{status} == 202;
        });
        normal("$name: failed ACCEPT");

        for my $round (1 .. 3) {
            $target->forget;
            $target->answer("/$_", status => 200, delay => 0.4)
                for qw(one last tied);

            my @ids;

            for my $type ((qw(one last tied)) x 3) {
                my $body = body($type);

                push @ids, "g$serial";
                is(post('/queued', $body)->{status}, 202,
                    "$name: one of nine");
            }

            # the first ones end, and the next ones are asked for

            scripts(0);
            sleep 1.3;
            scripts(1);

            ok(wait_until(20, sub {
                my %seen = map { $_->header('Webhook-Id') => 1 }
                    $target->requests;

                return @ids == grep { $seen{$_} } @ids;
            }), "$name: failed LEASE and SETTLE, all are delivered");
            ok(wait_until(10, sub {
                !@{ $t->get('/admin/pending?limit=100')->json->{entries} } }),
                "$name: and settled");
            is(scalar $target->requests, 9, "$name: each once");
        }

        normal("$name: failed LEASE and SETTLE");
    }


    # ---- events

    SKIP: {
        skip 'a sanitizer keeps freed memory', 1 if $t->binary =~ /asan/;

        my $memory = sub {
            my ($pid) = $t->workers;

            open my $f, '<', "/proc/$pid/status" or return 0;
            my ($kb) = join('', <$f>) =~ /^RssAnon:\s+(\d+) kB/m;

            return $kb;
        };

        my $text = 'x' x 100_000;
        my @ways = ([ '/sync', 'one' ], [ '/queued', 'one' ],
                    [ '/sync', 'none' ], [ '/queued', 'none' ]);

        for my $i (0 .. 39) {
            my ($uri, $type) = @{ $ways[$i % 4] };

            post($uri, body($type, text => $text));
        }

        my $before = $memory->();

        for my $i (0 .. 399) {
            my ($uri, $type) = @{ $ways[$i % 4] };
            my $body = body($type, text => $text);

            post($uri, $body);
            post($uri, $body) if $i % 3 == 0;
        }

        cmp_ok($memory->() - $before, '<', 12 * 1024,
            "$name: events are released");
    }

    $redis->command(FLUSHALL => ) if $name eq 'redis';
    ok($t->quit, "$name: and nothing keeps the worker");
}

$t->done;
