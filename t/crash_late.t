#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of the queue in Redis in docs/guarantees.md that are
# about a Redis that answers late: it is suspended or slow, it runs what nobody
# waits for any more, its clock jumps.  t/crash_redis.t has the others and says
# how a row looks at both ends.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;
use Test::EventRouter::Broken;


# ---- the rows

subtest 'R10: Redis is suspended' => sub {
    begin($t, store => $queue . fresh() . ' timeout=500ms',
        erp => 'retry base=7s max=7s for=1h;');
    warm($t);
    $target->answer('/erp', status => 500);

    my $e = event();

    is(told(post($t, $e)), '202', 'accepted');
    $redis->pause;
    sleep 1.5;

    my $begin = time;

    is(told(post($t, event())), '503, later', 'suspended: 503');
    is(told(post($t, event())), '503, later', 'again')  for 1 .. 5;
    cmp_ok(time - $begin, '<', 5, 'soon');
    sleep 2;
    $target->answer('/erp', status => 200);

    my $tries = () = calls($e);

    $redis->resume;

    my $new = event();

    ok(wait_until(10, sub { told(post($t, $new)) eq '202' }), 'accepts again');

    ok(wait_until(20, sub { my @n = calls($e); @n > $tries }),
        'what was pending is delivered');
    ok(wait_until(10, sub { attempts($new) eq '1' }), 'and what is new');
    drained($t, 10);
    ok(said($t, qr/does not answer in time.*answered 503/),
        'the log says what happened');
    finish($t);

    file_survives(sub { $redis->pause; sleep 1; $redis->resume });
};


subtest 'R11: Redis is slow' => sub {
    my $fake = proxy();
    my $url = 'redis://127.0.0.1:' . $fake->port;

    begin($t, store => $url . fresh() . ' timeout=5s');
    warm($t);
    $fake->mode('slow');

    my @e = map { event() } 1 .. 5;

    is(told(post($t, $_)), '202', '200 ms: accepted') for @e;
    drained($t);
    is(join(' ', map { attempts($_) } @e), '1 1 1 1 1', 'delivered once');
    finish($t);

    # slower than timeout=

    $fake->mode('');
    begin($t, store => $url . fresh() . ' timeout=100ms');
    warm($t);
    $fake->mode('slow');

    my $e = event();

    is(told(post($t, $e)), '503, later', 'slower than timeout=: 503');
    $fake->mode('');
    ok(wait_until(10, sub { told(post($t, $e)) =~ /^20[02]$/ }),
        'fast again: accepted, or it is known');
    kill_workers($t);
    drained($t);
    like(attempts($e), qr/^[12]$/, 'delivered once');
    finish($t);
};


subtest 'R13: Redis runs what nobody waits for any more' => sub {
    my @store = (store => $queue . fresh() . ' timeout=500ms');

    # due while Redis stands still: asked for in vain

    begin($t, @store, route => 'delay 1s;');
    warm($t);

    my @e = map { event() } 1 .. 4;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    sleep 0.8;
    stall(1.2);
    on_time('what was due', @e);
    finish($t);

    # to be accepted while it stands still; the later half is given up with the
    # others, before its own time is over

    begin($t, @store, keep => 1);
    warm($t);
    @e = map { event() } 1 .. 8;

    my @clients = map { $t->connect } @e;

    $redis->pause;

    for my $i (0 .. $#e) {
        sleep 0.3 if $i == @e / 2;
        $clients[$i]->send(POST => '/a',
            [ 'Content-Type' => 'application/json' ], $e[$i]);
    }

    is(told($clients[0]->response), '503, later', 'not accepted');
    $redis->resume;
    $_->response for @clients[1 .. $#e];

    for my $e (@e) {
        my $told;

        ok(wait_until(10, sub { ($told = told(post($t, $e))) =~ /^20/ }),
            'sent again: accepted');
        is($told, '202', 'it was not there') if $e eq $e[0];
    }

    on_time('what was accepted then', @e);
    finish($t);
};


subtest 'R13: again and again, until somebody waits' => sub {
    begin($t, store => $queue . fresh()
        . ' timeout=1100ms connect_timeout=9s', route => 'delay 1s;');
    warm($t);

    my $e = event();

    is(told(post($t, $e)), '202', 'accepted');
    sleep 0.8;
    $redis->pause;

    # workers stand still while Redis goes on, and then 20 s are over for it

    for my $n (1 .. 4) {
        sleep 3.5;
        kill STOP => $t->workers;
        $redis->resume;
        sleep 0.2;
        is(state_of($e), 'crashes 0, holder -', "$n: it is nobody's");
        $redis->command(HSET => "$prefix:{q0}:m",
            t => int((time + 21 * $n) * 1000), w => int(time * 1000));
        $redis->pause;
        kill CONT => $t->workers;
    }

    is(attempts($e), '', 'nobody got it');
    $redis->resume;
    on_time('then', $e);

    my $dead;

    ok(wait_until(10, sub { $dead = entries($t, 'dead') }), 'a list');
    is(scalar @$dead, 0, 'it is no poison');
    finish($t);
};


subtest 'R14: Redis\'s clock jumps' => sub {
    my $fake = proxy();

    begin($t, store => 'redis://127.0.0.1:' . $fake->port . fresh());
    warm($t);

    # as with another master: ahead, then behind

    my @e = map { event() } 1 .. 4;
    my @clock = (t => int((time + 3600) * 1000), w => int(time * 1000));

    $redis->command(HSET => "$prefix:{q0}:m", @clock);
    is(told(post($t, $_)), '202', 'an hour ahead: accepted') for @e[0, 1];
    drained($t);
    $redis->command(HDEL => "$prefix:{q0}:m", qw(t w));
    is(told(post($t, $_)), '202', 'and back: accepted') for @e[2, 3];
    drained($t);
    is(join(' ', map { attempts($_) } @e), '1 1 1 1', 'delivered once');

    # always too late, whatever it is told

    my $e = event();
    my $before = () = accepts($fake);

    $fake->mode('late');
    is(told(post($t, $e)), '503, later', 'too late twice: not accepted');
    $fake->mode('');
    is(accepts($fake) - $before, 2, 'nor asked a third time');
    ok(said($t, qr/redis.*clock/), 'the log says why');
    is(told(post($t, $e)), '202', 'sent again: accepted');
    drained($t);
    is(attempts($e), '1', 'delivered once');
    finish($t);
};


$redis->resume;
nodes_done();


# ---- helpers

# Redis stands still for so long

sub stall {
    my ($seconds) = @_;

    $redis->pause;
    sleep $seconds;
    $redis->resume;
}


# delivered as soon as Redis is back, and not after a lease that nobody has

sub on_time {
    my ($what, @e) = @_;

    my $begin = time;

    ok(wait_until(10, sub { !grep { attempts($_) eq '' } @e }),
        "$what: delivered soon");
    note(sprintf 'after %.2f s', time - $begin);
    drained($t);
    is(join(' ', map { attempts($_) } @e), join(' ', ('1') x @e),
        "$what: once, as the first attempt");
}


# how often a pending entry crashed, and who has it, as Redis has it

sub state_of {
    my ($e) = @_;

    my ($crashes, $holder) = @{ $redis->command(EVAL => <<'EOL', 0, $prefix) };
        for _, e in ipairs(redis.call('KEYS', ARGV[1] .. ':{q0}:e:*')) do
            for _, f in ipairs(redis.call('HKEYS', e)) do
                if string.sub(f, 1, 1) == 'p' then
                    local p = cmsgpack.unpack(redis.call('HGET', e, f))
                    return {p[3], p[6]}
                end
            end
        end
        return {'none', ''}
EOL

    return "crashes $crashes, holder " . ($holder || '-');
}


# what nginx wanted a proxy to accept

sub accepts { grep { is_accept(@$_) } $_[0]->commands }
