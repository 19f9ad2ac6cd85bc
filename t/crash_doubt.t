#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of "in_doubt" in docs/guarantees.md.  First single ones:
# a worker dies at that very point, and the target is called as often as the row
# says.  Then many: workers are killed between sending and settling, and one
# answer in ten is lost, at a target that counts and says truthfully what it
# has: it gets each event once, with a queue in files and in Redis.  "make soak"
# kills more (t/fault/doubt).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;
use Test::EventRouter::Doubt;

my $kills = $ENV{DOUBT_KILLS} || 20;

$t->expect_log(qr/upstream|reset by peer/, 'answers are lost');


# ---- the rows

# $crm is asked; "says" is what it answers, "does" what the target does

sub begin {
    my (%o) = @_;

    start(%o, erp => 'in_doubt /has?id=$order { wait 400ms; missing 404; }',
        location => 'proxy_next_upstream off; proxy_read_timeout 300ms; '
                    . ($o{location} // ''),
        server => 'location = /has { internal; proxy_pass http://127.0.0.1:'
                  . $crm->port . '; }',
        http => 'event_set $order data.id uri;');

    $target->answer_anew('/erp', $o{does} // [ {} ]);
    $crm->answer_anew('/has', $o{says} // [ {} ]);
}

sub questions {
    my ($e) = @_;

    my $id = id_of($e);

    return scalar grep { $_->{uri} eq "/has?id=$id" } $crm->requests;
}

sub row {
    my ($e, $attempts, $questions) = @_;

    drained();
    is(attempts($e), $attempts, "attempts: $attempts");
    is(questions($e), $questions, "asked: $questions");
    is(scalar(entries('dead')), 0, 'none is dead');
    finish();
}

subtest 'D1: request sent, killed before the answer' => sub {
    begin(does => [ { fault => 'hang' }, {} ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    $target->wait_requests(1);
    kill_workers();
    row($e, '1', 1);
};


subtest 'D2: killed before the target had it' => sub {
    begin(crash => 'missing', does => [ { fault => 'hang' }, {} ],
        says => [ { status => 404 } ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    row($e, '1 3', 2);
};


subtest 'D3: target answered 2xx, not settled' => sub {
    begin(crash => 'attempt-ok');

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    row($e, '1', 1);
};


subtest 'D4: settled, not committed' => sub {
    begin(crash => 'before-commit=settle');

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    row($e, '1', 1);
};


subtest 'D5: the answer was lost, and that is not written' => sub {
    begin(crash => 'attempt-failed', does => [ { fault => 'close' }, {} ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    row($e, '1', 1);
};


subtest 'D6: killed while the target is asked' => sub {
    begin(does => [ { fault => 'close' }, {} ],
        says => [ { delay => 5 }, { status => 200 } ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    $crm->wait_requests(1);
    kill_workers();
    row($e, '1', 2);
};


subtest 'D7: found, not settled' => sub {
    begin(crash => 'found', does => [ { fault => 'close' }, {} ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    crashed();
    row($e, '1', 2);
};


subtest 'D8: nginx is stopped at once' => sub {
    begin(does => [ { delay => 0.2 } ]);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    $target->wait_requests(1);
    kill TERM => $t->{pid};
    waitpid delete $t->{pid}, 0;
    $t->run;
    row($e, '1', 1);
};


subtest 'D9: worker_shutdown_timeout cuts it off' => sub {
    begin(main => 'worker_shutdown_timeout 100ms;', does => [ { delay => 2 },
                                                              {} ]);
    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    $target->wait_requests(1);
    $t->reload;
    row($e, '1', 1);
};


# ---- many

my $redis = $t->redis(6379);

for my $store ("file:$t->{dir}/many size=64m",
               'redis://127.0.0.1:' . $redis->port)
{
    my ($name) = $store =~ /^(\w+)/;
    my $r = Test::EventRouter::Doubt->new($t, store => $store)->kills($kills);

    note(sprintf '%s: %d events, %d kills, asked %d times, %.1f s', $name,
         @$r{qw(sent kills asked seconds)});

    is(join(' ', @{ $r->{twice} }), '', "$name: none twice");
    is(join(' ', @{ $r->{missing} }), '', "$name: none lost");
    is(scalar @{ $r->{dead} }, 0, "$name: none is dead");
    cmp_ok($r->{asked}, '>', $kills / 2, "$name: the target was asked");
}

my $r = Test::EventRouter::Doubt->new($t, wait => 0,
    store => "file:$t->{dir}/without size=64m")->kills(3);

cmp_ok(scalar @{ $r->{twice} }, '>', 0, 'without "in_doubt" some are twice');

nodes_done();
