#!/usr/bin/perl

# Copyright (C) Event Router contributors

# target= of event_admin: a name that neither nginx.conf nor the queue knows is
# 404 with the nearest one, and nothing is done.  A target that was removed is
# known as long as the queue has something of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my %targets = map { $_ => 'breaker off; retry off;' } qw(erp gone crm);

$q->config(targets => \%targets);
$t->run;

$target->answer("/$_/ok", status => 400) for qw(erp gone);
$q->send('gone') for 1 .. 3;
$q->send('erp');
is(scalar $q->wait_dead(4, 10), 4, 'four dead letters');

for my $name ('epr', 'erpp', 'ERPX') {
    for my $case ([ get => 'dead' ], [ get => 'pending' ], map { [ change =>
                  $_ ] } qw(replay purge pause resume probe))
    {
        my ($how, $verb) = @$case;
        my $r = $q->$how($verb, target => $name);

        is($r->{status}, 404, "$verb?target=$name");
        like($r->json->{detail}, qr/did you mean "erp"\?/, 'the nearest one');
    }
}

for my $name ('nothing-like-it', 'x' x 200, '%22%3Cb%3E', '%00', '..') {
    my $r = $q->change(purge => target => $name);

    is($r->{status}, 404, "purge?target=$name");
    unlike($r->json->{detail} // 'mean', qr/mean|<b>|xxx/, 'nothing is near');
}

is($q->change(replay => target => 'gone', deliver_to => 'cmr')->{status}, 400,
    'deliver_to= is an argument');
is(scalar $q->dead, 4, 'nothing was changed');
is($q->get(dead => target => 'crm')->{status}, 200,
    'one that is configured has none');
is(scalar $q->dead(target => 'crm'), 0, 'so the list is empty');
is($q->change(purge => target => 'crm')->json->{purged}, 0, 'nothing to purge');


# ---- removed

delete $targets{gone};
$q->config(targets => \%targets);
ok($t->reload, 'a target is removed');

is(scalar $q->dead(target => 'gone'), 3, 'its dead letters are listed');
is(scalar $q->dead(target => 'gone', from => 4_000_000_000), 0,
    'none that a filter wants');
is($q->get(dead => target => 'gone', from => 4_000_000_000)->{status}, 200,
    'though it is known');
is($q->get(pending => target => 'gone')->{status}, 200, 'nothing is pending');
is($q->change($_ => target => 'gone')->{status}, 404, "$_: it cannot be")
    for qw(pause resume probe);
is($q->change(replay => target => 'gone', deliver_to => 'crm')->json->{replayed},
    3, 'they go elsewhere');
ok(wait_until(10, sub { $q->get(dead => target => 'gone')->{status} == 404 }),
    'then it is unknown');
is($q->change(purge => target => 'gone')->{status}, 404, 'to all');

$t->done;
