#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "encrypt=": what waits in a store cannot be read there, is delivered as it
# came, also after new keys were put before the old ones, and waits if its key
# is missing.  What was changed or put in another place is a dead letter.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my @key = ('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
           '0123456789abcdef' x 4);

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $store;

$t->expect_log(qr/were sealed with the key|changed since it was sealed/,
    'that is what is tested');
$t->expect_log(qr/dead letter now: corrupt/, 'that is what is tested');
$t->expect_log(qr/that are not sealed/, 'and that');


sub keys_are {
    my $path = $t->write_file('keys', join '', map { "$_\n" } @_);

    chmod 0600, $path or die;
}

# 1: the bytes are somewhere in the store

sub in_store {
    my ($text) = @_;

    if ($store eq 'file') {
        return index($t->read_file('store/data.mdb'), $text) >= 0;
    }

    for my $key (@{ $redis->command(KEYS => '*') }) {
        my $type = $redis->command(TYPE => $key);
        my $value = $type eq 'hash' ? $redis->command(HGETALL => $key)
                  : $type eq 'string' ? [ $redis->command(GET => $key) ]
                  : [];

        return 1 if grep { defined && index($_, $text) >= 0 } @$value;
    }

    return 0;
}

sub events {
    my ($q, @kinds) = @_;

    return map { $q->send('erp', kind => $_, data => "canary-$_",
        pad => 'x' x 3000) } @kinds;
}

# when nobody has it in hand: somebody with access to the store changes a byte
# of each record, or puts one in the place of the other

sub tamper {
    my ($how) = @_;

    if ($store eq 'file') {
        my $data = $t->read_file('store/data.mdb');
        my @at;

        # a large record has pages of its own, behind whose heads it begins

        while ($data =~ /\x8cER\x01/g) {
            push @at, $-[0] if $-[0] % 4096 == 16;
        }

        substr($data, $_ + 41, 1) ^= "\1" for @at;
        $t->write_file('store/data.mdb', $data);

        return @at > 0;
    }

    my @events = sort grep { /:e:/ } @{ $redis->command(KEYS => '*') };
    my @records = map { $redis->command(HGET => $_, 'r') } @events;

    @records = reverse @records if $how eq 'swap';
    substr($_, 60, 1) ^= "\1" for $how eq 'swap' ? () : @records;

    $redis->command(HSET => $events[$_], 'r', $records[$_]) for 0 .. $#events;

    return @events == 2;
}


for (qw(file redis)) {
    $store = $_;

    my $in = $store eq 'file'
             ? 'file:%%TESTDIR%%/store size=16m encrypt=file:%%TESTDIR%%/keys'
             : 'redis://127.0.0.1:%%PORT_6379%% shards=2 '
               . 'encrypt=file:%%TESTDIR%%/keys';
    my $q = Test::EventRouter::Queue->new($t, prefix => $store);
    my %targets = (erp =>
        'retry for=1h base=300ms max=300ms; breaker off; dead_for 1h;');

    $target->forget;
    for my $kind (qw(one two later)) {
        $target->answer("/erp/$kind", status => 503, body => 'canary-said');
    }

    keys_are($key[0]);
    $q->config(in => $in, targets => \%targets,
        http => 'event_history 1h index=data.data;');
    $t->run;

    # what cannot be read

    my ($one) = events($q, 'one');

    ok(wait_until(10, sub { $q->attempts($target, $one) >= 2 }),
        "$store: it is tried");
    ok(!in_store('canary-one'), "$store: its body is not to be read");
    ok(!in_store($one), "$store: nor is its id");

    my ($entry) = grep { $_->{id} eq $one } $q->pending(target => 'erp');

    is($entry->{id}, $one, "$store: it is listed");

    # other keys

    keys_are($key[1], $key[0]);
    ok($t->reload, "$store: a new key before the old one");
    $target->answer('/erp/one', status => 200);
    ok(wait_until(10, sub { !$q->pending(target => 'erp') }),
        "$store: delivered");
    like(($q->attempts($target, $one))[-1]{body}, qr/"canary-one"/,
        "$store: as it came");

    # its history, which was begun with the old key

    for my $by ("id=$one", 'key=data.data:canary-one') {
        my $found = $t->get("/admin/v1/events?$by")->json->{events};

        is(join(' ', map { $_->{id} } @$found), $one, "history: $by");
    }

    # a dead letter, with what the target said

    $target->answer('/erp/bad', status => 400, body => 'canary-said');
    events($q, 'bad');
    ok(wait_until(10, sub { $q->dead(target => 'erp') }), "$store: dead");
    ok(!in_store('canary-said'), "$store: what the target said is sealed");
    is(($q->dead(target => 'erp'))[0]{answer}, 'canary-said',
        "$store: and listed");

    # a key that is missing

    my ($later) = events($q, 'later');

    ok(wait_until(10, sub { $q->attempts($target, $later) }),
        "$store: with the new key");
    keys_are($key[0]);

    if ($store eq 'file') {
        my ($ok, $said) = $t->check_config;

        ok(!$ok, 'a key that is in use is not taken away');
        like($said, qr/sealed with the key [0-9a-f]{16}, which is not in/,
            'which is said');

    } else {
        $t->reload;
        ok($t->wait_log(qr/sealed with the key [0-9a-f]{16}, which "encrypt="/),
            'redis: a key is missing');
        is(scalar $q->pending(target => 'erp'), 1, 'redis: it waits');
    }

    # history needs the old one, too

    keys_are($key[1], $store eq 'file' ? $key[0] : ());
    $t->reload;
    $target->answer('/erp/later', status => 200);
    ok(wait_until(25, sub { !$q->pending(target => 'erp') }),
        "$store: its key is back");
    like(($q->attempts($target, $later))[-1]{body}, qr/"canary-later"/,
        "$store: as it came");

    # what was never sealed, where all is

    {
        my ($with, $without) = ($in, $in =~ s/ encrypt=\S+//r);
        my $in_is = sub {
            $q->config(in => $_[0], targets => \%targets,
                http => $store eq 'file'
                        ? 'event_history 1h index=data.data;' : '');

            # a reload refuses what is not to be read

            $store eq 'file' ? ($t->stop, $t->run) : $t->reload;
        };

        $q->change(purge => all => 1);
        $target->answer("/erp/one", status => 503);
        $in_is->($without);
        my ($planted) = events($q, 'one');
        ok(wait_until(10, sub { $q->attempts($target, $planted) }),
            "$store: a plain event");

        $in_is->("$with plain=off");
        ok($t->wait_log(qr/has events that are not sealed, which "plain=off"/),
            "$store: it is not read");

        if ($store eq 'file') {
            like(($t->check_config)[1], qr/"plain=off" does not read these/,
                'which nginx -t says');
        }

        $target->answer_anew('/erp/one', status => 200);
        sleep 1;
        is($target->count, 0, "$store: nor sent");
        is(scalar $q->pending(target => 'erp'), 1, "$store: it waits");

        $in_is->($with);
        ok(wait_until(25, sub { !$q->pending(target => 'erp') }),
            "$store: until it may be read");
    }

    # what was changed, or is in another place

    for my $how ($store eq 'file' ? 'flip' : qw(flip swap)) {
        $q->change(purge => all => 1);
        $target->answer("/erp/$_", status => 503) for qw(one two);

        my @sent = events($q, qw(one two));

        wait_until(10, sub { !grep { !$q->attempts($target, $_) } @sent });
        $t->stop;
        ok(tamper($how), "$store, $how: two records");
        $target->answer_anew("/erp/$_", status => 200) for qw(one two);
        $t->run;

        ok(wait_until(15, sub { $q->dead(target => 'erp') == 2 }),
            "$store, $how: both are dead letters");
        is(join(' ', map { $_->{reason} } $q->dead(target => 'erp')),
            'corrupt corrupt', "$store, $how: corrupt");
        is($target->count, 0, "$store, $how: nothing was sent");
    }

    like($t->read_file('logs/error.log'),
        qr/\[crit\].*was changed since it was sealed/, "$store: told");
    unlike($t->read_file('logs/error.log'), qr/canary-(?:one|two|later)/,
        "$store: no body in the log");
    unlike($t->read_file('logs/error.log'), qr/\Q$key[0]\E|\Q$key[1]\E/,
        "$store: no key in the log");

    $t->stop;
}

$t->done;
