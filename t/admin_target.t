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

my $r = $q->change(replay => target => 'gone', deliver_to => 'cmr');

is($r->{status}, 400, 'deliver_to= is an argument');
like($r->json->{detail}, qr/no target .*did you mean "crm"\?/,
    'and has a nearest one');
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



# ---- the archive of a source

sub shop {
    my ($lines) = @_;

    $q->config(targets => \%targets, server => $lines
        ? 'location = /orders { event_receive orders; }' : '',
        more => $lines ? "event_source orders { verify off; delivery queued;"
            . " id '{json:id}'; type '{json:type}'; $lines }"
            . " event_route orders { from orders; to crm; }" : '');
}

sub replayed {
    my ($source, %more) = @_;

    my $r = $q->change(replay => archive => $source, deliver_to => 'crm',
                       %more);

    return $r->{status} == 200 ? $r->json->{replayed}
                               : $r->{status} . ' ' . $r->json->{detail};
}

shop('retain 1h;');
ok($t->reload, 'a source that keeps what was delivered');

is(replayed('orders'), 0, 'it has kept nothing yet');
is($q->post(($q->event('any'))[1], '/orders')->{status}, 202, 'an event');
ok(wait_until(10, sub { $target->count && !$q->pending }), 'is delivered');
is(replayed('orders'), 1, 'and kept');

for my $name ('ordres', 'order', 'orderss') {
    like(replayed($name), qr/^404 .*no source .*did you mean "orders"\?/,
        "archive=$name");
}

like(replayed('nothing-like-it'), qr/^404 .*no source (?!.*mean)/, 'none near');
like(replayed('a'), qr/^400 .*no archive.*"retain"/, 'one that keeps nothing');

shop('dedup 1h;');
ok($t->reload, 'it keeps nothing any more');
is(replayed('orders'), 1, 'but what it kept');
like(replayed('orders', to => 1), qr/^400 /, 'of which nothing fits');

shop('');
ok($t->reload, 'it is gone');
is(replayed('orders'), 1, 'the store knows what it kept');
like(replayed('orders', to => 1), qr/^404 /, 'nothing of which fits');

$t->done;
