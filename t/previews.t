#!/usr/bin/perl

# Copyright (C) Event Router contributors

# How many an act would take is what it takes, also where there are more than
# one step of the store looks at, in a file, in Redis and in several shards.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

use constant MANY => 2300;

my $t = Test::EventRouter->new(workers => 1);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);

for my $in (undef, '/0', '/0 shards=4') {
    my $where = $in ? "redis $in" : 'file';

    $redis->command('FLUSHALL');
    $q->config(
        targets => { erp => 'breaker off; retry off;',
                     wait => 'breaker off; retry for=1h base=1h max=1h;' },
        $in ? (in => 'redis://127.0.0.1:%%PORT_6379%%' . $in) : ());
    $t->run;

    $target->answer('/erp/bad', status => 400);

    act('pause?target=wait');
    $q->send_many(MANY, 'erp', kind => 'bad');
    $q->send_many(MANY, 'wait');

    ok(wait_until(60, sub { status('erp', 'dead') == MANY
                            && status('wait', 'pending') == MANY }),
        "$where: dead ones, and some that wait");

    is(act('replay?target=erp&preview=1')->{total}, MANY, 'replay');
    is(act('replay?all=1&preview=1')->{total}, MANY, 'of all');
    is(act('purge?target=erp&preview=1')->{purged}, MANY, 'purge');
    is(act('purge?target=wait&state=pending&preview=1')->{purged}, MANY,
        'of what waits');
    is(act('move?target=wait&deliver_to=erp&preview=1')->{moved}, MANY, 'move');
    is(act('purge?target=erp')->{purged}, MANY, 'and so many are taken');

    $t->stop;
}

done_testing();


sub act {
    my ($path) = @_;

    my $r = $t->post("/admin/v1/$path", '', [ 'X-Event-Admin' => 1 ]);

    return $r->json // {};
}


sub status {
    my ($name, $member) = @_;

    my ($row) = grep { $_->{name} eq $name }
                @{ $t->get('/admin/v1/targets')->json->{targets} };

    return $row->{$member eq 'dead' ? 'dead_now' : $member} // 0;
}
