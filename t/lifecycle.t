#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Reload, quit, stop and death of workers while deliveries are in flight: a
# worker that may finish does, one that may not leaves what the producer's
# retry needs, and dedup and counters survive.  Names S3, S4 and so on are
# those of the crash points in docs/guarantees.md.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);

my $serial = 0;


# ---- helpers

# options: main, http (further lines), to (the targets)

sub config {
    my (%o) = @_;

    my $main = $o{main} // '';
    my $http = $o{http} // '';
    my $to = $o{to} // 'one two';

    my $conf = <<"EOC";

%%GLOBALS%%

$main

http {
    %%GLOBALS_HTTP%%

    $http

    upstream target {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 16;
    }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 30s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 1s;
    }

    event_source slow {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 20s;
    }

    event_source brief {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 200ms;
    }

    event_route x { from *; when type = x; to $to; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /slow   { event_receive slow; }
        location = /brief  { event_receive brief; }
        location = /status { event_status; }
EOC

    $conf .= "
        location = /deliver/$_ {
            event_deliver $_;
            proxy_pass http://target/$_;
        }\n" for split ' ', $to;

    $t->config("$conf    }\n}\n");
}


sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'l' . ++$serial, type => 'x', %o });
}


sub post {
    my ($uri, $body) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json' ]);
}


# the client of an event whose deliveries have begun

sub in_flight {
    my ($uri, $body, $begun) = @_;

    my $c = $t->connect;

    $target->forget;
    $c->send(POST => $uri, [ 'Content-Type' => 'application/json',
        Connection => 'close' ], $body);

    wait_until(5, sub { $target->begun >= ($begun // 2) })
        or diag('deliveries did not begin');

    return $c;
}


# its answer, or undef; an open client would keep its worker for a while

sub answer {
    my ($c) = @_;

    my $r = $c->response;

    $c->close;

    return $r;
}


sub states {
    my ($r) = @_;

    return join ' ', $r->{status}, map { "$_->{name}=$_->{state}" }
                                   @{ ($r->json // {})->{targets} // [] };
}


sub called {
    return join ' ', sort map { $_->{uri} . ':'
                                . $_->header('X-Event-Attempt') }
                          $target->requests;
}


sub retry {
    my ($uri, $body, $seconds) = @_;

    my $r;

    wait_until($seconds // 8,
        sub { ($r = post($uri, $body))->{status} != 409 });

    return $r;
}


sub quick {
    $target->answer("/$_", status => 200) for qw(one two three four);
}


for my $workers (1, 2) {
    my $with = $workers == 1 ? '1 worker' : '2 workers';

    $t->{workers} = $workers;


    # ---- reload

    config();
    $t->run;
    quick();

    my $known = event();
    my $failed = event();

    is(post('/a', $known)->{status}, 200, "$with: delivered");

    $target->answer('/two', [ { status => 500 }, { status => 200 } ]);
    is(post('/a', $failed)->{status}, 502, "$with: failed");

    $target->answer("/$_", delay => 0.6) for qw(one two);

    my $body = event();
    my $c = in_flight('/a', $body);

    config(to => 'two one three');
    ok($t->reload, "$with: reload with deliveries in flight");
    quick();

    my $r = post('/a', $body);

    is($r->{status}, 409, "$with: S10 in flight in the old worker");
    is(states(post('/a', event())), '200 two=ok one=ok three=ok',
        "$with: new events go by the new configuration");

    is(states(answer($c)), '200 one=ok two=ok',
        "$with: S10 the old worker finishes");

    $target->forget;
    is(retry('/a', $body)->json->{outcome}, 'duplicate',
        "$with: S10 the new one knows");
    is(post('/a', $known)->json->{outcome}, 'duplicate',
        "$with: dedup survives");
    is(states(post('/a', $failed)), '200 two=ok one=settled three=ok',
        "$with: S16 what is settled survives, a new target is called");
    is(called(), '/three:2 /two:2', "$with: S16 only these");
    ok($t->wait_old_workers(5), "$with: the old worker leaves");

    is($t->get('/status')->json->{sources}{a}{duplicate}, 2,
        "$with: counters survive");

    # the client is gone, the old worker stays until all is delivered

    $target->answer("/$_", delay => 0.4) for qw(one two three);
    $body = event();
    $c = in_flight('/a', $body, 3);
    $c->reset;
    ok($t->reload, "$with: reload without the client");
    is(retry('/a', $body)->json->{outcome}, 'duplicate',
        "$with: delivered by the old worker");
    is($target->count, 3, "$with: each once");
    quick();


    # ---- many reloads under load

    $target->forget;

    my ($reader, @children) = load($workers + 1);
    my $reloads = 0;

    for (1 .. 20) {
        $reloads++ if $t->reload;
    }

    is($reloads, 20, "$with: 20 reloads");

    my ($sent, @bad) = finish($reader, @children);

    is(join(' ', @bad[0 .. ($#bad < 4 ? $#bad : 4)]), '',
        "$with: all $sent events were delivered under reloads");

    my %seen;

    $seen{$_->header('Webhook-Id') . $_->{uri}}++ for $target->requests;

    is(scalar keys %seen, $sent * 3, "$with: each reached each target");
    is(scalar(grep { $_ > 1 } values %seen), 0, "$with: none twice");
    ok($t->wait_old_workers(10), "$with: all old workers left");


    # ---- quit

    $target->answer("/$_", delay => 0.4) for qw(one two three);
    $c = in_flight('/a', event(), 3);
    $t->signal('QUIT');
    is(states(answer($c)), '200 two=ok one=ok three=ok',
        "$with: quit in flight");
    delete $t->{exit};
    ok($t->quit(5), "$with: quit");
    is($t->{exit}, 0, "$with: quit cleanly");

    # without the client, and with deliveries that have not begun

    config(main => '', http => 'event_concurrency 1;', to => 'one two three');
    $t->run;
    $target->answer("/$_", delay => 0.2) for qw(one two three);
    in_flight('/a', event(), 1)->reset;
    ok($t->quit(5), "$with: quit without the client");
    is($target->count, 3, "$with: all was delivered before");


    # ---- stop at once

    for my $concurrency (100, 1) {
        config(http => "event_concurrency $concurrency;");
        $t->run;
        $target->answer("/$_", delay => 2) for qw(one two);

        $c = in_flight('/slow', event(), $concurrency == 1 ? 1 : 2);

        my $start = time;

        $t->signal('TERM');
        ok($t->quit(2), "$with: stopped in flight, $concurrency at once");
        cmp_ok(time - $start, '<', 1, "$with: stopped at once");
        is(answer($c), undef, "$with: no answer from a stopped worker");
    }


    # ---- worker_shutdown_timeout

    config(main => 'worker_shutdown_timeout 500ms;', to => 'one two three');
    $t->run;
    quick();
    $target->answer('/two', [ { fault => 'hang' }, { status => 200 } ]);
    $target->answer('/three', [ { size => 100_000_000, drip => [ 100, 0.1 ] },
                                { status => 200 } ]);

    $body = event();
    $c = in_flight('/slow', $body, 3);

    my $start = time;

    ok($t->reload, "$with: reload with a hanging delivery");
    ok($t->wait_old_workers(5), "$with: the old worker is cut");
    cmp_ok(time - $start, '<', 2.5, "$with: in time");
    is(answer($c), undef, "$with: no answer from a cut worker");

    # the cut gave the event free

    $target->forget;
    $r = post('/slow', $body);
    like(states($r), qr/^200 one=settled two=ok three=(?:ok|settled)$/,
        "$with: S11 resumed at once");
    like(called(), qr{^(?:/three:2 )?/two:2$}, "$with: S11 only who was cut");
    ok($t->quit(5), "$with: quit");


    # ---- death

    config();
    $t->run;
    quick();
    $target->answer('/two', [ { fault => 'hang' }, { status => 200 } ]);

    $body = event();
    in_flight('/brief', $body)->close;
    wait_until(5, sub { $target->count == 2 });

    # the settlement of the one that answered is not seen from here

    ok(wait_until(5, sub {
        $t->get('/status')->json->{targets}{one}{ok} == 1
    }), "$with: one has it");

    my $begun = time;

    $t->kill_worker($_) for $t->workers;

    $target->forget;
    $r = post('/brief', $body);
    is($r->{status}, 409, "$with: S4 the dead worker's lease runs");
    like($r->header('Retry-After'), qr/^[1-3]$/, "$with: S4 Retry-After");

    $r = retry('/brief', $body, 10);
    is(states($r), '200 one=settled two=ok', "$with: S4 resumed");
    is(called(), '/two:2', "$with: S4 who did not answer is called again");
    cmp_ok(time - $begun, '<', 4, "$with: S4 when the lease ended");
    is(($target->requests)[0]->header('Webhook-Id'),
        JSON::PP::decode_json($body)->{id}, "$with: S4 with the same id");
    is(post('/brief', $body)->json->{outcome}, 'duplicate',
        "$with: S4 then it is done");

    ok($t->quit(5), "$with: quit");
}

$t->done;


# ---- clients that send one event after the other until they are told to stop

sub load {
    my ($n) = @_;

    pipe my $reader, my $writer or die "pipe: $!\n";

    my @children;

    unlink "$t->{dir}/stop";

    for my $i (1 .. $n) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            close $reader;

            while (!-e "$t->{dir}/stop") {
                my $id = "load-$$-" . ++$serial;
                my $r = eval { post('/slow', qq({"id":"$id","type":"x"})) };
                my $status = $r ? $r->{status} : 'none';

                syswrite $writer, "$id $status\n";
            }

            POSIX::_exit(0);
        }

        push @children, $pid;
    }

    close $writer;

    return ($reader, @children);
}


# how many events were sent, and those that were not delivered

sub finish {
    my ($reader, @children) = @_;

    $t->write_file('stop', '');

    my @lines = <$reader>;

    waitpid $_, 0 for @children;

    chomp @lines;

    return (scalar @lines, grep { !/ 200$/ } @lines);
}
