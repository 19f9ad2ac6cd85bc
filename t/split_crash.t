#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of an event that is several calls in docs/guarantees.md:
# something breaks at that very point, and the target tells which calls it got,
# how often.  At the end another nginx.conf makes another number of calls.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

# t/split_crash_redis.t runs this file, too

my $module = "$FindBin::Bin/../build/crash/ngx_http_event_router_module.so";

die "there is no module with crash points; \"make test\" builds it\n"
    if !$ENV{TEST_NGINX_STATIC} && !-f $module;

my $t = Test::EventRouter->new(module_path => $module, workers => 1);
my $redis = $ENV{TEST_SPLIT_REDIS}
            && $t->redis(6379, save => '', appendonly => 'yes',
                         appendfsync => 'always');
my $disk = !$redis && disk();
my $target = $t->target(8081);
my ($once, $serial) = (0, 0);

$t->workers_may_change('they are killed');
$t->expect_log(qr/exited on signal 9/, 'workers are killed');
$t->expect_log(qr/is a dead letter now/, 'some are');


# ---- helpers

# options: crash (where), split, retry

sub config {
    my (%o) = @_;

    my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                       : 'file:%%TESTDIR%%/store size=16m';
    my $split = $o{split} // 'split data.items;';
    my $env = '';

    if ($o{crash}) {
        $once++;
        $env = "env EVENT_ROUTER_CRASH_AT=$o{crash};
                env EVENT_ROUTER_CRASH_ONCE=%%TESTDIR%%/once-$once;";
    }

    $t->config(<<"EOC");

%%GLOBALS%%

$env

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_history 1d;

    upstream target { server 127.0.0.1:%%PORT_8081%%; }

    event_source a { verify off; id '{json:id}'; type '{json:type}'; dedup off;
                     delivery queued; }
    event_target a { breaker off; retry base=100ms max=100ms for=1h; $split }
    event_route a  { from a; to a; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /in     { event_receive a; }
        location = /status { event_status; }
        location /admin/   { event_admin reveal; }
        location = /deliver/a { event_deliver a;
                                proxy_pass http://target/\$event_call; }
    }
}
EOC
}

# a fresh nginx, and an event of four elements; its id

sub begin {
    my (%o) = @_;

    $t->stop if $t->{pid};
    config(%o);
    $target->forget;
    $t->run;
    wait_until(10, sub { $t->get('/admin/pending')->{status} == 200 });

    return send_event();
}

sub send_event {
    my $id = 'e' . ++$serial;
    my $r = $t->post('/in', qq({"id":"$id","type":"t","items":[1,2,3,4],)
                            . '"few":[1,2]}',
                     [ 'Content-Type' => 'application/json' ]);

    is($r->{status}, 202, "$id is taken");

    return $id;
}

sub crashed {
    ok(wait_until(10, sub { -e "$t->{dir}/once-$once" }), 'a worker died');
}

sub entries {
    my ($what) = @_;

    my $r = $t->get("/admin/v1/$what");

    return $r->{status} == 200
           ? @{ JSON::PP->new->decode($r->{body})->{entries} } : 'unknown';
}

# the calls that an event led to, once nothing of it waits

sub made {
    my ($id) = @_;

    ok(wait_until(40, sub { !entries('pending') }), "$id: nothing waits");

    return join ' ', map { $_->header('Webhook-Id') =~ /^$id\.(\d+)$/ ? $1 : () }
        $target->requests;
}

# a disk that can be broken; see t/fault/disk.c

sub disk {
    my $library = "$t->{dir}/disk.so";

    return if system("cc -shared -fPIC -o $library"
                     . " $FindBin::Bin/fault/disk.c -ldl");

    $t->{environment} = { LD_PRELOAD => $library,
        ER_FAULT_DISK => $t->write_file('fault', pack 'q4', (0) x 4) };

    return 1;
}

sub fault {
    my ($mode) = @_;

    open my $f, '+<', "$t->{dir}/fault" or die "fault: $!\n";
    binmode $f;
    syswrite $f, pack('q4', 0, 0, EIO, 0);
    sysseek $f, 0, 0;
    syswrite $f, pack('q', $mode);
    close $f;
}

sub accounted {
    my $targets;

    ok(wait_until(10, sub {
        my $json = $t->get('/status')->json;

        $targets = ref $json && $json->{queue}{targets};
        return $targets && !$targets->{a}{pending};
    }), 'counted');
    is($targets->{a}{unaccounted}, 0, 'all is accounted for');
}

sub replay {
    my $r = $t->post('/admin/replay?target=a', '', [ 'X-Event-Admin' => 1 ]);

    is($r->{status}, 200, 'replayed');
}


# ---- the rows

subtest 'M1: answered, killed before the store was told' => sub {
    my $id = begin(crash => 'call:2');

    crashed();
    is(made($id), '1 2 2 3 4', 'that call is made again');
    is(scalar(entries('dead')), 0, 'no dead letter');
    accounted();
};


subtest 'M2: the store knows, killed before the next call' => sub {
    my $id = begin(crash => 'call-told:2');

    crashed();
    is(made($id), '1 2 3 4', 'nothing is made again');
    accounted();
};


subtest 'M3: a call is under way' => sub {
    $target->answer('/3', [ { delay => 20 }, { status => 200 } ]);

    my $id = begin();

    ok(wait_until(10, sub { $target->count == 3 }), 'it is');
    is_deeply([ map { $_->{calls} } entries('pending') ],
        [ { done => 2, dead => 0, of => 4 } ], 'two are done');
    $t->kill_worker;
    is(made($id), '1 2 3 3 4', 'that call is made again');
    $target->answer('/3', status => 200);
    accounted();
};


subtest 'M4: all are answered, killed before the event was settled' => sub {
    my $id = begin(crash => 'attempt-ok');

    crashed();
    is(made($id), '1 2 3 4 4', 'the last call is made again');
    accounted();
};


subtest 'M5: one was refused; killed before the dead letter' => sub {
    $target->answer('/2', status => 410);

    my $id = begin(crash => 'call:4');

    crashed();
    is(made($id), '1 2 3 4 4', 'the last call is made again, no other');
    is_deeply([ map { $_->{calls} } entries('dead') ],
        [ { done => 3, dead => 1, of => 4 } ], 'a dead letter');

    $target->answer('/2', status => 200);
    replay();
    is(made($id), '1 2 3 4 4 2', 'replayed, the one that was refused is made');
    is(scalar(entries('dead')), 0, 'no dead letter');
    accounted();
};


subtest 'M6: reload and quit between calls' => sub {
    $target->answer("/$_", delay => 0.3) for 1 .. 4;

    my $id = begin();

    ok(wait_until(10, sub { $target->count == 1 }), 'the first one');
    ok($t->reload, 'a reload');
    is(made($id), '1 2 3 4', 'each call once');

    $id = send_event();
    ok(wait_until(10, sub { $target->count == 6 }), 'the second one');
    ok($t->quit, 'nginx ends');
    delete $t->{pid};
    cmp_ok($target->count, '<', 8, 'before all calls are made');
    $t->run;
    is(made($id), '1 2 3 4', 'each call once');
    $target->answer("/$_", status => 200) for 1 .. 4;
    accounted();
};


subtest 'M7: the store is away' => sub {
    $redis || $disk or plan skip_all => 'no C compiler';

    $t->expect_log($redis ? qr/redis/ : qr/cannot be written/, 'it is away');
    $target->answer('/2', delay => 1);

    my $id = begin();

    ok(wait_until(10, sub { $target->count == 2 }), 'the second one');
    $redis ? $redis->stop : fault(1);
    sleep 4;
    is($target->count, 2, 'the third one waits until the store knows');
    $redis ? $redis->start : fault(0);
    is(made($id), '1 2 3 4', 'each call once');
    $target->answer('/2', status => 200);
    accounted();
};


subtest 'M8: another number of calls' => sub {
    $target->answer('/3', status => 503);

    my $id = begin();

    ok(wait_until(10, sub {
        join(' ', sort map { $_->{uri} } $target->requests)
            =~ m{^/1 /2 /3 /3 /3.* /4$} }), 'three of four are done');

    config(split => 'split data.few;');
    ok($t->reload, 'another nginx.conf');
    ok($t->wait_old_workers, 'alone');
    ok(wait_until(20, sub { entries('dead') }), 'a dead letter');

    my ($letter) = entries('dead');

    is($letter->{reason}, 'mapping_changed', 'says why');
    is($letter->{answer}, 'the mapping makes 2 calls of it now, and 3 of 4 '
        . 'are done already; replayed, all are made anew', 'in words');
    is_deeply($letter->{calls}, { done => 3, dead => 0, of => 4 }, 'its calls');

    # the old one is back

    $target->answer('/3', status => 200);
    config();
    ok($t->reload, 'the old nginx.conf');
    ok($t->wait_old_workers, 'alone');
    $target->forget;
    replay();
    is(made($id), '3', 'goes on where it was');

    # and once more, for good

    $target->answer('/3', status => 503);
    $target->forget;
    $id = send_event();
    ok(wait_until(10, sub {
        join(' ', sort map { $_->{uri} } $target->requests)
            =~ m{^/1 /2 /3 /3 /3.* /4$} }), 'three of four are done');
    config(split => 'split data.few;');
    ok($t->reload, 'another nginx.conf');
    ok(wait_until(20, sub { entries('dead') }), 'a dead letter');
    ok($t->wait_old_workers, 'alone');
    $target->forget;
    replay();
    is(made($id), '1 2', 'all calls are made anew');
    is(scalar(entries('dead')), 0, 'no dead letter');

    # an array that is empty now

    $target->answer('/3', status => 200);
    accounted();
};


# what is sent then is the event as a whole, which no mapping makes

for my $lines ('', 'batch max=2 wait=100ms;') {

    subtest "M8: no \"split\" any more: \"$lines\"" => sub {
        $target->answer('/3', status => 503);

        my $id = begin();

        ok(wait_until(10, sub {
            join(' ', sort map { $_->{uri} } $target->requests)
                =~ m{^/1 /2 /3 /3 /3.* /4$} }), 'three of four are done');

        config(split => " $lines");
        ok($t->reload, 'another nginx.conf');
        ok($t->wait_old_workers, 'alone');
        ok(wait_until(20, sub { entries('dead') }), 'a dead letter');

        my ($letter) = entries('dead');

        is($letter->{reason}, 'mapping_changed', 'says why');
        is($letter->{answer}, 'the mapping makes 1 calls of it now, and 3 of 4 '
            . 'are done already; replayed, all are made anew', 'in words');
        is((grep { $_->{uri} eq '/' } $target->requests), 0, 'nothing is sent');

        $target->answer('/3', status => 200);
        config();
        ok($t->reload, 'the old nginx.conf');
        ok($t->wait_old_workers, 'alone');
        $target->forget;
        replay();
        is(made($id), '3', 'goes on where it was');
        accounted();
    };
}

$t->done;
