#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The first rows of the table of crash points in docs/guarantees.md: something
# breaks at that very point, then the producer sends the event again, as it
# does.  Each row looks at both ends: what the producer is told, and which
# target got the event how often, as which attempt.  These are about a worker
# that dies, a client that leaves and a reload, at any step of an event; the
# others are in t/crash_dedup.t.
#
# Points inside a worker are reached from outside: a target that holds its
# answer, or a Redis in front of the real one that holds a command or loses a
# reply, says where the worker is; then it is killed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Points;


# ---- the rows

subtest 'S0: before verification or the end of the body' => sub {
    my ($method, $uri, $headers, $body) = order_request('s0');

    # the worker dies with half of the body read

    my $c = $m->connect;

    $c->write(substr Test::EventRouter::Client::format_request($method, $uri,
        $headers, $body), 0, -5);
    wait_until(5, sub { $m->get('/status')->{status} == 200 });
    $m->kill_worker;
    $c->close;

    # and a forgery

    my $r = $m->post($uri, "$body ", $headers);
    is($r->{status}, 401, 'forged');

    is(outcome(order($m, 's0')), '200 delivered memory', 'new');
    is(attempts($target{one}, 's0'), '1', 'one called once');
    is(attempts($target{two}, 's0'), '1', 'two called once');

    # nor is anything left in Redis

    my $keys = $redis->command('DBSIZE');

    is($r1->post($uri, "$body ", $headers)->{status}, 401, 'forged again');
    is($redis->command('DBSIZE'), $keys, 'nothing in Redis');
};


subtest 'S1: after verification, before the claim is sent' => sub {
    my $pings = greetings();

    # the next connection to Redis gets no answer to its greeting, so the
    # claim waits in the worker

    $fake->mode('greeting hold');
    $r1->kill_worker;
    wait_until(5, sub { greetings() > $pings });

    my $c = $r1->connect;
    my $claims = grep { $_->{verb} eq 'claim' } verbs($fake);

    $c->send(order_request('s1'));
    wait_until(5, sub { verified($r1, 's1') });

    is(scalar(grep { $_->{verb} eq 'claim' } verbs($fake)), $claims,
        'no claim was sent');

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's1')), '200 delivered redis', 'new');
    is(attempts($target{one}, 's1'), '1', 'one called once');
    is(attempts($target{two}, 's1'), '1', 'two called once');
};


subtest 'S2: claim executed, its reply lost, worker alive' => sub {
    my $n = grep { $_->{verb} eq 'claim' } verbs($fake);

    $fake->mode('claim lose');

    is(outcome(order($r1, 's2')), '200 delivered redis', 'delivered');

    my @claims = grep { $_->{verb} eq 'claim' } verbs($fake);

    is(scalar(@claims), $n + 2, 'claimed twice');
    is($claims[$n]{key}, $claims[$n + 1]{key}, 'the same key');
    is($claims[$n]{token}, $claims[$n + 1]{token}, 'with the same token');
    is(attempts($target{one}, 's2'), '1', 'one called once');
    is(attempts($target{two}, 's2'), '1', 'two called once');
    is(outcome(order($r2, 's2')), '200 duplicate redis', 'then a duplicate');
};


subtest 'S3: claim executed, worker killed' => sub {
    my $n = grep { $_->{verb} eq 'claim' } verbs($fake);
    my $c = $r1->connect;

    $fake->mode('claim mute');
    $c->send(order_request('s3'));
    wait_verb($fake, 'claim', $n + 1);
    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    # here the lease ends by itself: 1 s of the deadline and 2 s more

    my ($r, @busy) = retry($r1, 's3');

    cmp_ok(scalar(@busy), '>', 5, 'busy until the lease ends');
    is(scalar(grep { outcome($_) ne '409 busy redis' } @busy), 0, 'always 409');
    is(scalar(grep { $_->header('Retry-After') !~ /^[1-3]$/ } @busy), 0,
        'with a Retry-After');
    is($busy[-1]->header('Retry-After'), 1, 'which goes down');

    is(outcome($r), '200 delivered redis', 'then delivered');
    is(attempts($target{one}, 's3'), '2', 'one called once');
    is(attempts($target{two}, 's3'), '2', 'two called once');
};


subtest 'S4: request sent to a target, worker killed before it answers' => sub {
    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);

    my $c = $m->connect;

    $c->send(order_request('s4'));
    wait_until(5, sub { calls($target{one}, 's4') && calls($target{two}, 's4') });
    $m->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    my ($r, @busy) = retry($m, 's4');

    cmp_ok(scalar(@busy), '>', 0, 'busy until the lease ends');
    is(scalar(grep { outcome($_) ne '409 busy memory' } @busy), 0,
        'always 409');
    is(outcome($r), '200 delivered memory', 'then delivered');
    is(attempts($target{one}, 's4'), '1 2', 'the first called again');
    is(attempts($target{two}, 's4'), '1', 'the second was settled');
    is(scalar(grep { $_->{body} eq (calls($target{one}, 's4'))[0]{body} }
              calls($target{one}, 's4')), 2, 'the same event');
    is(outcome(order($m, 's4')), '200 duplicate memory', 'then a duplicate');
};


subtest 'S4: the same with Redis: the one that answered is settled' => sub {
    my $n = grep { $_->{verb} eq 'settle' } verbs($fake);
    my $c = $r1->connect;

    $target{two}->answer('/to/two', [ { fault => 'hang' }, {} ]);
    $c->send(order_request('s4-redis'));

    my $settle = wait_verb($fake, 'settle', $n + 1);

    is(scalar(@{ $settle->{targets} }), 1, 'one of two is told of');
    wait_until(5, sub { calls($target{two}, 's4-redis') });
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's4-redis')), '409 busy redis', 'busy');
    lease_ends($settle->{key});
    is(outcome(order($r1, 's4-redis')), '200 delivered redis', 'resumed');
    is(attempts($target{one}, 's4-redis'), '1', 'the first was settled');
    is(attempts($target{two}, 's4-redis'), '1 2', 'the second called again');
};


subtest 'S5: target answered 2xx, settle not executed' => sub {
    my $n = grep { $_->{verb} eq 'settle' } verbs($fake);
    my $c = $r1->connect;

    $target{two}->answer('/to/two', [ { delay => 0.3 }, {} ]);
    $fake->mode('settle hold');
    $c->send(order_request('s5'));

    my $settle = wait_verb($fake, 'settle', $n + 1);

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's5')), '409 busy redis', 'busy');
    lease_ends($settle->{key});

    is(outcome(order($r1, 's5')), '200 delivered redis', 'resumed');
    is(attempts($target{one}, 's5'), '1 2', 'called again');
    like(attempts($target{two}, 's5'), qr/^(1 )?2$/, 'at most once more');
};


subtest 'S6: one target settled, another failed' => sub {
    for my $node ($m, $r1) {
        my $id = 's6-' . ($node == $m ? 'memory' : 'redis');

        $target{two}->answer('/to/two', [ { status => 503,
            headers => [ 'Retry-After' => 7 ] }, {} ]);

        my @before = verbs($fake);
        my $r = order($node, $id);
        my @verbs = verbs($fake);

        splice @verbs, 0, scalar @before;

        is(join(' ', map { "$_->{verb}:" . @{ $_->{targets} } } @verbs),
            $node == $m ? '' : 'claim:0 release:1',
            "$id: the release says who has it");
        is($r->{status}, 502, "$id: not a 2xx");
        is($r->header('Retry-After'), 7, "$id: the target's Retry-After");
        is(join(' ', map { "$_->{name} $_->{state}" } @{ $r->json->{targets} }),
            'one ok two failed', "$id: receipt");

        $r = order($node, $id);
        is($r->{status}, 200, "$id: released at once");
        is(join(' ', map { "$_->{name} $_->{state}" } @{ $r->json->{targets} }),
            'one settled two ok', "$id: receipt of the retry");

        is(attempts($target{one}, $id), '1', "$id: not called again");
        is(attempts($target{two}, $id), '1 2', "$id: called again");
        is(order($node, $id)->header('X-Event-Duplicate'), 1,
            "$id: then a duplicate");
    }
};


subtest 'S7: all settled, finalize not executed' => sub {
    my $n = grep { $_->{verb} eq 'finalize' } verbs($fake);
    my $c = $r1->connect;

    $fake->mode('finalize hold');
    $c->send(order_request('s7'));

    my $finalize = wait_verb($fake, 'finalize', $n + 1);

    $fake->mode('');
    $r1->kill_worker;
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($r1, 's7')), '409 busy redis', 'busy');
    lease_ends($finalize->{key});

    is(outcome(order($r1, 's7')), '200 delivered redis', 'resumed');
    is(attempts($target{two}, 's7'), '1 2', 'two answered just before, as S5');
    like(attempts($target{one}, 's7'), qr/^1( 2)?$/, 'one mostly, too');
    is(outcome(order($r2, 's7')), '200 duplicate redis', 'then a duplicate');

    # who answered some ms before the last one is not called again

    $target{two}->answer('/to/two', [ { delay => 0.1 }, {} ]);
    $fake->mode('finalize hold');
    $n = grep { $_->{verb} eq 'finalize' } verbs($fake);
    $c = $r1->connect;
    $c->send(order_request('s7-slow'));
    $finalize = wait_verb($fake, 'finalize', $n + 1);
    $fake->mode('');
    $r1->kill_worker;
    $c->close;
    lease_ends($finalize->{key});

    my $r = order($r1, 's7-slow');

    is(outcome($r), '200 delivered redis', 'resumed');
    is(join(' ', map { $_->{state} } @{ $r->json->{targets} }),
        'settled ok', 'one was left to do');
    is(attempts($target{one}, 's7-slow'), '1', 'one not called again');
    is(attempts($target{two}, 's7-slow'), '1 2', 'two as S5');

    # the same with a worker that lives: the finalize is sent again

    $fake->mode('finalize drop');
    is(outcome(order($r1, 's7-alive')), '200 delivered redis', 'alive');
    is(outcome(order($r2, 's7-alive')), '200 duplicate redis', 'and final');
};


subtest 'S3 to S7: killed at any moment with many under way' => sub {
    my ($lost, $often, $unknown) = (0, 0, 0);

    for my $round (1 .. 5) {
        my @ids = map { "any-$round-$_" } 1 .. 8;

        # some settle with the end, some before it, some when it is too late

        $target{two}->answer('/to/two', [ map({ { delay => 0.004 * $_ } }
                                              0 .. 7), {} ]);

        my @clients = map { $r2->connect } @ids;

        $clients[$_]->send(order_request($ids[$_])) for 0 .. $#ids;
        select undef, undef, undef, 0.006 * $round;
        $r2->kill_worker;
        $_->response, $_->close for @clients;

        for my $key (@{ $redis->command('KEYS', '*:d:*') }) {
            lease_ends($key) if ($redis->command(HGET => $key, 's') // '') eq 'c';
        }

        for my $id (@ids) {
            retry($r2, $id);
            $unknown++ if outcome(order($r2, $id)) ne '200 duplicate redis';

            for my $target (@target{qw(one two)}) {
                my $calls = calls($target, $id);

                $lost++ if $calls < 1;
                $often++ if $calls > 2;
            }
        }
    }

    is($lost, 0, 'none is lost');
    is($often, 0, 'none is called again more than once');
    is($unknown, 0, 'all are duplicates in the end');
};


subtest 'S8: finalized, the 2xx lost on the wire' => sub {
    for my $node ($m, $r1) {
        my $id = 's8-' . ($node == $m ? 'memory' : 'redis');
        my $delivered = counters($node)->{delivered};
        my $c = $node->connect;

        $c->send(order_request($id));
        wait_until(5, sub { counters($node)->{delivered} > $delivered });
        $c->reset;

        my $r = order($node, $id);

        is("$r->{status} " . $r->header('X-Outcome'), '200 duplicate',
            "$id: a duplicate");
        is($r->header('X-Event-Duplicate'), 1, "$id: says so");
        is($r->header('Retry-After'), undef, "$id: no Retry-After");
        is(attempts($target{$_}, $id), '1', "$id: $_ called once")
            for qw(one two);
    }
};


subtest 'S9: the client disconnects during the fan-out' => sub {
    my %leave = (
        close => sub { $_[0]->close },
        half_close => sub { $_[0]->half_close },
        reset => sub { $_[0]->reset },
        rst_stream => sub { $_[0]->write(h2_frame(3, 0, 1, pack 'N', 8)) },
        h2_close => sub { $_[0]->close },
    );

    for my $how (sort keys %leave) {
        my $id = "s9-$how";
        my $c = $m->connect($how =~ /stream|h2/ ? (port => 8090) : ());

        $target{one}->answer('/to/one', [ { delay => 0.15 }, {} ]);

        $how =~ /stream|h2/ ? $c->write(h2_request(order_request($id)))
                            : $c->send(order_request($id));

        wait_until(5, sub { calls($target{one}, $id) });
        $leave{$how}->($c);

        # it is still under way, or was just finished

        my ($r, @busy) = retry($m, $id);

        cmp_ok(scalar(@busy), '>', 0, "$how: busy while it is delivered");
        is(outcome($r), '200 duplicate memory', "$how: a duplicate");
        is(attempts($target{$_}, $id), '1', "$how: $_ called once")
            for qw(one two);

        $c->close if $how eq 'rst_stream' || $how eq 'half_close';
    }

    # and if a target fails meanwhile, the retry resumes

    my $c = $m->connect;

    $target{one}->answer('/to/one', [ { delay => 0.15, status => 500 }, {} ]);
    $c->send(order_request('s9-failed'));
    wait_until(5, sub { calls($target{one}, 's9-failed') });
    $c->reset;

    is(outcome(retry($m, 's9-failed')), '200 delivered memory', 'resumed');
    is(attempts($target{one}, 's9-failed'), '1 2', 'failed one called again');
    is(attempts($target{two}, 's9-failed'), '1', 'the other not');
};


subtest 'S10: reload during the fan-out' => sub {
    $target{one}->answer('/to/one', [ { delay => 0.8 }, {} ]);

    my $c = $m->connect;

    $c->send(order_request('s10', uri => '/slow'));
    wait_until(5, sub { calls($target{one}, 's10') });
    ok($m->reload, 'reloaded');

    my $busy = order($m, 's10', uri => '/slow');

    is(outcome($busy), '409 busy memory', 'the new worker says busy');
    cmp_ok($busy->header('Retry-After'), '>', 5, 'for as long as the lease');

    my $r = $c->response;

    is(outcome($r), '200 delivered memory', 'the old one finishes');
    $c->close;

    is(outcome(order($m, 's10', uri => '/slow')), '200 duplicate memory',
        'then a duplicate');
    is(attempts($target{one}, 's10'), '1', 'called once');
    ok($m->wait_old_workers(10), 'the old worker left');
};


subtest 'S11: worker_shutdown_timeout cuts the old worker' => sub {
    my $t = Test::EventRouter->new;

    node($t, "%%GLOBALS%%\nworker_shutdown_timeout 300ms;\nhttp {\n"
        . "%%GLOBALS_HTTP%%\n" . router(%memory, listen => '',
            ports => \%ports) . "}\n");

    $target{one}->answer('/to/one', [ { fault => 'hang' }, {} ]);

    my $c = $t->connect;

    $c->send(order_request('s11', uri => '/slow'));
    wait_until(5, sub { calls($target{one}, 's11') });
    ok($t->reload, 'reloaded');
    is(order($t, 's11', uri => '/slow')->{status}, 409, 'busy meanwhile');
    ok($t->wait_old_workers(5), 'the old worker was cut');
    unlike(($c->response // {})->{status} // 0, qr/^2/, 'no 2xx');
    $c->close;

    is(outcome(order($t, 's11', uri => '/slow')), '200 delivered memory',
        'released, so resumed at once');
    is(attempts($target{one}, 's11'), '1 2', 'called again');

    $t->_check;
};


points_done();


# ---- helpers

sub greetings {
    return scalar grep { uc $_->[0] eq 'PING' } $fake->commands;
}


# the request is in the hands of the worker: a status page asked after it, on
# the same worker, was answered

sub verified {
    my ($t) = @_;

    return $t->get('/status')->{status} == 200;
}


sub h2_frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags,
        $stream) . $payload;
}


sub h2_request {
    my ($method, $uri, $headers, $body) = @_;

    my @headers = @$headers;
    my $block = "\x83\x86" . "\x04" . chr(length $uri) . $uri
                . "\x01\x09localhost";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= "\0" . chr(length $name) . lc($name)
                  . chr(length $value) . $value;
    }

    return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . h2_frame(4, 0, 0, '')
           . h2_frame(1, 4, 1, $block) . h2_frame(0, 1, 1, $body);
}
