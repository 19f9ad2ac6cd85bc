#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Duplicates with keys in shared memory: what is a duplicate and what is not,
# how long and how many are remembered, what is known to other workers, after a
# crash and after a reload; and that neither forgers nor ids that look alike can
# make the router drop an event.

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;
my $t = Test::EventRouter->new(workers => 2);
my %target = (one => $t->target(8081), two => $t->target(8082));

$t->secret($secret);
$t->write_file('secret', "$secret\n");

my $id = 'id "{json:id}";';

my %source = (
    other => 'verify shopify; secret file:%%TESTDIR%%/secret;',
    off => "verify off; $id dedup off;",
    body => "verify hmac-sha256; secret file:%%TESTDIR%%/secret; "
            . "signed \"{body}\"; signature header:X-Signature; $id",
    unsigned => "verify off; $id",
    by => "verify off; $id dedup 1h by=data.a by=data.b;",
    bylist => 'verify off; dedup 1h by=data.list;',
    byheader => 'verify off; dedup 1h by=header.X-Key;',
    window => "verify off; $id dedup 1s;",
    noid => 'verify off;',
    bulk => "verify off; $id deadline 300ms;",
    wide => "verify off; $id",
);

my $targets = join ' ', map { "w$_" } 1 .. 40;

sub config {
    my (%o) = @_;

    my $sources = join '', map { <<"EOC" } sort keys %source;
    event_source $_ { $source{$_} }
    event_route $_ { from $_; to @{[ $_ eq 'wide' ? $targets : 'one' ]}; }
EOC

    my $doors = join '', map { <<"EOC" } sort keys %source;
        location = /$_ {
            event_receive $_;
            add_header X-Dedup \$event_dedup always;
            add_header X-Outcome \$event_status always;
            add_header X-Worker \$pid always;
        }
EOC

    my $wide = join '', map { "        location = /to/$_ { event_deliver $_; "
        . "proxy_pass http://127.0.0.1:%%PORT_8082%%; }\n" }
        split ' ', $targets;

    return router(store => "event_store memory:$o{size};", http => $sources,
        to => [ 'one' ], server => $doors . $wide,
        listen => 'keepalive_requests 100000;');
}

$t->config(config(size => '1m'));
$t->run;


# ---- what is a duplicate

my $r = order($t, 'a');

is(outcome($r), '200 delivered memory', 'first');
is($r->header('X-Event-Duplicate'), undef, 'is no duplicate');
is($r->json->{attempt}, 1, 'attempt 1');

$r = order($t, 'a');

is(outcome($r), '200 duplicate memory', 'second');
is($r->header('X-Event-Duplicate'), 1, 'is one');
is($r->json->{outcome}, 'duplicate', 'receipt says so');
is_deeply($r->json->{targets}, [], 'and lists no target');
is(attempts($target{one}, 'a'), '1', 'delivered once');

is(outcome(order($t, 'b')), '200 delivered memory', 'another id');
is(outcome(order($t, 'a', uri => '/other')), '200 delivered memory',
    'another source');
is(outcome(order($t, 'a', uri => '/other')), '200 duplicate memory',
    'has keys of its own');
is(outcome(post('off', { id => 'a' })), '200 delivered off', 'off');
is(outcome(post('off', { id => 'a' })), '200 delivered off', 'off: again');

# a signed id alone is the key: the producer may write the rest anew

is(outcome(post('body', { id => 'a', n => 1 })), '200 delivered memory',
    'id in the body');
is(outcome(post('body', { id => 'a', n => 1, at => 2 })),
    '200 duplicate memory', 'with another body');

# where nobody signs, the body counts as well

is(outcome(post('unsigned', { id => 'a', n => 1 })), '200 delivered memory',
    'unsigned');
is(outcome(post('unsigned', { id => 'a', n => 1 })), '200 duplicate memory',
    'unsigned: again');
is(outcome(post('unsigned', { id => 'a', n => 2 })), '200 delivered memory',
    'unsigned: another body');

# the window

my %first = map { $_ => post($_, { id => 'w' })->{status} } qw(window body);

is(outcome(post('window', { id => 'w' })), '200 duplicate memory',
    'within the window');
ok(wait_until(5, sub {
    outcome(post('window', { id => 'w' })) eq '200 delivered memory';
}), 'after the window');
is(outcome(post('body', { id => 'w' })), '200 duplicate memory',
    'other windows are longer');


# ---- ids that look alike, or are none

for my $case ([ 'missing', '{"n":1}' ], [ 'null', '{"id":null}' ],
              [ 'empty', '{"id":""}' ], [ 'object', '{"id":{"a":1}}' ],
              [ 'list', '{"id":["a"]}' ], [ 'nothing', '{}' ])
{
    my ($name, $body) = @$case;

    for my $other ($body, $body, $body =~ s/\}$/ }/r) {
        like(outcome(raw('body', $other)), qr/^200 delivered (off|memory)$/,
            "id $name: delivered");
    }
}

isnt(outcome(raw('noid', '{"n":1}')), '200 duplicate off', 'no id at all')
    for 1 .. 2;

my $long = 'x' x 300;

for my $case ([ 'long ids', "${long}1", "${long}2" ],
              [ 'very long ids', 'y' x 200_000 . 1, 'y' x 200_000 . 2 ],
              [ 'ids with a control byte', "k\n", 'k%0A' ],
              [ 'numbers and strings', 5, 50 ],
              [ 'case', 'Key', 'key' ],
              [ 'a blank at the end', 'blank', 'blank ' ],
              [ 'a NUL', "nul\0a", "nul\0b" ])
{
    my ($name, $one, $two) = @$case;

    is(outcome(post('body', { id => $one })), '200 delivered memory', $name);
    is(outcome(post('body', { id => $two })), '200 delivered memory',
        "$name: the other, too");
    is(outcome(post('body', { id => $two })), '200 duplicate memory',
        "$name: is known");
}

# E1: fields

for my $case ([ 'a,bc', { a => 'a', b => 'bc' } ],
              [ 'ab,c', { a => 'ab', b => 'c' } ],
              [ 'abc,', { a => 'abc', b => '' } ],
              [ 'abc', { a => 'abc' } ], [ ',abc', { b => 'abc' } ],
              [ 'number', { a => 1, b => 2 } ],
              [ 'string', { a => '1', b => 2 } ],
              [ 'lists', { a => [ 'a', 'b' ] } ],
              [ 'list and field', { a => 'a', b => 'b' } ],
              [ 'null', { a => undef, b => 'abc' } ])
{
    my ($name, $data) = @$case;

    is(outcome(post('by', { id => 1, %$data })), '200 delivered memory',
        "by two fields: $name");
    is(outcome(post('by', { id => 2, %$data })), '200 duplicate memory',
        "by two fields: $name again");
}

for my $is ('delivered', 'duplicate') {
    is(outcome(post('by', { id => $_ })), "200 $is memory",
        'by fields that are not there: by the id') for 1 .. 2;
}

for my $list ([ 'a', 'bc' ], [ 'ab', 'c' ], [ 'abc' ], [ 'a', 'b', 'c' ],
              [ 'a' x 70_000 . 1 ], [ 'a' x 70_000 . 2 ])
{
    is(outcome(post('bylist', { list => $list })), '200 delivered memory',
        'by a list: ' . substr join(',', @$list), 0, 10);
}

is(outcome(raw('byheader', '{"n":1}', 'X-Key' => 'k')), '200 delivered memory',
    'by a header');
is(outcome(raw('byheader', '{"n":2}', 'X-Key' => 'k')), '200 duplicate memory',
    'by a header: again');
is(outcome(raw('byheader', '{"n":2}')), '200 delivered off',
    'by a header: missing') for 1 .. 2;


# ---- replay under another id: Shopify does not sign it

my $body = '{"id":820982911946154508,"total_price":"1.00"}';

order($t, 'genuine', body => $body);

is(outcome(order($t, 'forged', body => $body)), '200 delivered memory',
    'replay under another id: one more delivery');
is(outcome(order($t, 'next', body => '{"id":2}')), '200 delivered memory',
    'an event');
is(outcome(order($t, 'genuine', body => '{"id":3}')), '200 delivered memory',
    'known id on another body: not suppressed');
is(outcome(order($t, 'genuine', body => $body)), '200 duplicate memory',
    'the genuine one is still known');


# ---- at the same time

$target{one}->answer('/to/one', delay => 0.1);

my @clients = map { $t->connect } 1 .. 100;

$_->send(order_request('e3')) for @clients;

my %answers;

$answers{outcome($_->response)}++ for @clients;
$_->close for @clients;

is($answers{'200 delivered memory'}, 1, '100 at once: one is delivered');
is(join(', ', grep { !/^200 (delivered|duplicate)|^409 busy/ } keys %answers),
    '', 'the others are duplicates or wait');
is(attempts($target{one}, 'e3'), '1', 'called once');
is(outcome(order($t, 'e3')), '200 duplicate memory', 'then a duplicate');

# while the first attempt may still fail, nobody gets a 2xx

$target{one}->answer('/to/one', [ { delay => 0.3, status => 500 }, {} ]);

my $c = $t->connect;

$c->send(order_request('e4'));
wait_until(5, sub { calls($target{one}, 'e4') });

$r = order($t, 'e4');
is(outcome($r), '409 busy memory', 'busy');
cmp_ok($r->header('Retry-After'), '<=', 4, 'until the lease ends');
is($c->response->{status}, 502, 'and it fails');
$c->close;
is(outcome(order($t, 'e4')), '200 delivered memory', 'the next delivers');
is(attempts($target{one}, 'e4'), '1 2', 'called twice');

# both workers know

my %workers;

wait_until(10, sub {
    my $r = post('body', { id => 'both' });

    push @{ $workers{$r->header('X-Worker')} }, outcome($r);
    return keys %workers == 2;
});

is(scalar(keys %workers), 2, 'two workers asked');
is(scalar(grep { /delivered/ } map { @$_ } values %workers), 1,
    'delivered by one of them');

# many targets at one key

$target{two}->answer('/to/w17', [ { status => 500 }, {} ]);
is(post('wide', { id => 'wide' })->{status}, 502, '39 of 40 targets took it');
$target{two}->forget;
is(outcome(post('wide', { id => 'wide' })), '200 delivered memory', 'retry');
is(join(' ', map { $_->{uri} } $target{two}->requests), '/to/w17',
    'calls the one that did not');


# ---- crash and reload

$t->kill_worker;
is(outcome(order($t, 'a')), '200 duplicate memory',
    'known after a worker died');

ok($t->reload, 'reload');
is(outcome(order($t, 'a')), '200 duplicate memory', 'known after a reload');

# E5: forgers leave nothing behind, E6: a full zone forgets the oldest

$t->config(config(size => '256k'));
ok($t->reload, 'a smaller zone');
ok($t->wait_log(qr/\[warn\] .*dedup keys changes from 1048576 to 262144 /),
    'says that keys are forgotten');
ok($t->wait_old_workers, 'old workers left');
is(outcome(order($t, 'a')), '200 delivered memory', 'forgotten');

$c = $t->connect;

for my $n (1 .. 2500) {
    my ($method, $uri, $headers, $body) = order_request("forged-$n");

    $c->request($method, $uri, $headers, "$body ")->{status} == 401
        or die "a forged event was taken\n";
}

is(outcome(order($t, 'a')), '200 duplicate memory',
    '2500 forged events leave no key');

# "10000 events need 2m", so these need all of it

is(scalar(grep { fill($c, $_) ne '200 delivered memory' } 1 .. 1249), 0,
    '1249 events');
is(outcome(order($t, 'a')), '200 duplicate memory',
    'the first of 1250 is known');
is(scalar(grep { fill($c, $_) ne '200 delivered memory' } 1250 .. 2500), 0,
    '1251 more');
is(fill($c, 2500), '200 duplicate memory', 'the last is known');
is(fill($c, 2000), '200 duplicate memory', 'one of the last is known');
is(fill($c, 1), '200 delivered memory', 'the first is forgotten');

# only the source that has most of them forgets

is(outcome(order($t, 'a')), '200 duplicate memory',
    'what another source said is known');

my $forgotten = counters($t, 'body')->{dedup_forgotten};

cmp_ok($forgotten, '>', 100, 'keys of the flood went');
is(counters($t, $_)->{dedup_forgotten}, 0, "none of $_")
    for qw(shop other unsigned);
ok($t->wait_log(qr/\[warn\].*memory for dedup keys is full: source "body" has most of them, and keys of it were forgotten before their time, \d+ since/),
    'which is said');

my @said = grep { /has most of them/ } $t->log_lines;
my %seconds = map { /^(\S+ \S+)/ ? ($1 => 1) : () } @said;

cmp_ok(scalar(@said), '<=', 2 * keys %seconds, 'once a second and worker');

# and two floods share what there is

fill($c, "x$_", 'unsigned') for 1 .. 2500;
is(outcome(order($t, 'a')), '200 duplicate memory', 'it is known still');
cmp_ok(scalar(grep { fill($c, "x$_", 'unsigned') =~ /duplicate/ }
        2100 .. 2500), '==', 401, 'a second flood has the last of its own');
cmp_ok(scalar(grep { fill($c, $_) =~ /duplicate/ } 2100 .. 2500), '==', 401,
    'and so has the first one');
$c->close;

# full of events under way

$t->config(config(size => '32k'));
ok($t->reload, 'the smallest zone');
ok($t->wait_old_workers, 'old workers left');
$target{one}->answer('/to/one', fault => 'hang');
$t->expect_log(qr/memory for dedup keys is full/, 'that is the test');

@clients = map { $t->connect } 1 .. 300;
$clients[$_ - 1]->send(POST => '/bulk', json(''), qq({"id":"held-$_"}))
    for 1 .. 300;

is(scalar(grep { $_->response->{status} == 504 } @clients), 300,
    '300 events under way in a zone for 200');
$_->close for @clients;
ok($t->wait_log(qr/is full of events under way, \d+ were forgotten/),
    'a warning');

$target{one}->answer('/to/one');
is(outcome(post('body', { id => 'after' })), '200 delivered memory',
    'it works on');
is(outcome(post('body', { id => 'after' })), '200 duplicate memory',
    'and remembers');


# ---- keys are where the events are: a source that is queued from now on

my $other = Test::EventRouter->new;

$other->secret($secret);
$other->write_file('secret', "$secret\n");
$other->target($_) for 8081, 8082, 8083;

my @ways = ('sync', 'queued', 'sync');

for my $n (0 .. 2) {
    my $way = $ways[$n];
    my $accepted = $way eq 'queued' ? '202 queued' : '200 delivered';

    $other->config(router(to => [ 'one' ], source => "delivery $way;",
        store => 'event_store file:%%TESTDIR%%/store size=4m;'));

    if ($other->{pid}) {
        ok($other->reload && $other->wait_old_workers, "now $way");
        like(outcome(order($other, 'of-' . ($n - 1))), qr/^$accepted/,
            "$way: not known from before");

    } else {
        $other->run;
    }

    like(outcome(order($other, "of-$n")), qr/^$accepted/, "$way: new");
    like(outcome(order($other, "of-$n")), qr/^200 duplicate/, "$way: known");
}

$other->_check;

$t->done;


# ---- helpers

sub json {
    my ($body) = @_;

    return [ 'Content-Type' => 'application/json',
             'X-Signature' => hmac_sha256_hex($body, $secret) ];
}


sub raw {
    my ($source, $body, @headers) = @_;

    return $t->post("/$source", $body, [ @{ json($body) }, @headers ]);
}


sub post {
    my ($source, $data) = @_;

    return raw($source, JSON::PP->new->canonical->encode($data));
}


sub fill {
    my ($c, $n, $source) = @_;

    my $body = qq({"id":"fill-$n"});

    return outcome($c->request(POST => '/' . ($source // 'body'),
        json($body), $body));
}
