#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Dead letters and their administration: what is listed and to whom, replay,
# purge, the archive, expiry, removed targets, and pausing a target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

my $canary = $t->secret('canary-of-the-producer');
my $token = $t->secret('t0ken-of-the-operator-0123456789');

$t->write_file('token', "$token\n");

my $off = 'breaker off; retry off;';


# ---- the configuration; "gone" can be removed and "fresh" added

my %targets = (
    erp    => "$off forward_headers X-Canary;",
    crm    => $off,
    shy    => 'breaker off; retry for=1h base=50ms max=50ms;',
    brief  => "$off dead_for 2s;",
    old    => "$off expires 1s;",
    gone   => $off,
    late   => $off,
);

my $server = <<"EOC";
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Test-From;

        location = /b    { event_receive b; }
        location /shown/ { event_admin reveal; }
        location /token/ { event_admin token=file:%%TESTDIR%%/token; }
        location /open/  { event_admin access=nginx; }
        location /shut/  { event_admin access=nginx; deny all; }
EOC

my $more = <<'EOC';
    event_source b {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        retain 7d;
    }

    event_route of-b { from b; when type = kept; to crm; }
    event_route both { from a; when type = both; to crm erp; }
EOC

sub config {
    my (%more) = @_;

    my %all = (%targets, %more);

    delete $all{$_} for grep { !defined $all{$_} } keys %all;

    $q->config(targets => \%all, routes => { late => 'delay 2s;' },
        source => 'dedup 24h;', server => $server, more => $more);
}

config();
$t->run;


sub uris { return join ' ', map { $_->{uri} } $target->requests }

sub replayed { return ($_[0]->json // {})->{replayed} // $_[0]->{status} }

sub purged { return ($_[0]->json // {})->{purged} // $_[0]->{status} }

sub settled {
    my ($n) = @_;

    wait_until(10, sub { $target->count >= $n });
    $q->wait_drained(10);
    sleep 0.3;

    return $target->count;
}


# ---- what is told of a dead letter

$target->answer('/erp/outsystems', status => 400,
    headers => [ 'Content-Type' => 'application/json' ],
    body => '{"Errors":["Order 5 is unknown","Call us"],"StatusCode":400}');
$target->answer('/erp/long', status => 422, body => "y\x01\xff" x 2000);
$target->answer('/erp/none', status => 401, body => '');
$target->answer('/erp/quiet', fault => 'close');

my $begun = time;
my %id;

for my $kind (qw(outsystems long none quiet)) {
    my ($id, $body) = $q->event('erp', kind => $kind, secret => $canary);

    $id{$kind} = $id;
    is($t->post('/a', $body, [ 'Content-Type' => 'application/json',
        'X-Canary' => $canary ])->{status}, 202, "$kind: accepted");
}

is(scalar $q->wait_dead(4, 10), 4, 'four dead letters');

my %dead = map { $_->{id} => $_ } $q->dead;
my $d = $dead{$id{outsystems}};

is($d->{reason}, 'final', 'the reason');
is($d->{status}, 400, 'the status');
is($d->{target}, 'erp', 'the target');
is($d->{routes}, 'to-erp', 'the route');
is($d->{source}, 'a', 'the source');
is($d->{type}, 'erp', 'the type');
is($d->{epoch}, 0, 'never replayed');
is($d->{attempts}, 1, 'one attempt');
is(join('|', @{ $d->{errors} }), 'Order 5 is unknown|Call us',
    'the errors of OutSystems');
like($d->{answer}, qr/"StatusCode":400/, 'and its answer');
like($d->{event}, qr/^[0-9a-f]{16}$/, 'the event');
like($d->{$_}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, $_)
    for qw(accepted died);
is($d->{size}, length(($q->attempts($target, $id{outsystems}))[0]{body}),
    'the size of the body');

my $past = $d->{history}[0];

is(scalar @{ $d->{history} }, 1, 'a history of one attempt');
is("$past->{attempt} $past->{status}", '1 400', 'its number and status');
ok($past->{ms} >= 0 && $past->{ms} < 10_000, 'and how long it took');

$d = $dead{$id{long}};
is($d->{status}, 422, 'a long answer');
is(length($d->{answer} =~ s/%[0-9A-F]{2}/./gr), 1024, 'its first 1024 bytes');
unlike($d->{answer}, qr/[^\x20-\x7e]/, 'printable');
ok(!exists $d->{errors}, 'is none of OutSystems');
ok(!exists $dead{$id{none}}{answer}, 'an empty answer');
is("$dead{$id{quiet}}{reason} $dead{$id{quiet}}{status}", 'exhausted 502',
    'no answer and no retries');


# ---- who may look and change

my $r = $q->get('dead');

is($r->{status}, 200, 'from this machine');
unlike($r->{body}, qr/canary/, 'no body and no header of the producer');
like($r->header('Content-Type'), qr{^application/json}, 'is JSON');
is(($q->get('dead', body => 1)->json->{entries}[0] // {})->{body}, undef,
    'no body without "reveal"');

$r = $t->get('/shown/dead?body=1');
like($r->{body}, qr/"secret\\":\\"canary/, 'with both the body is shown');
unlike($r->{body}, qr/X-Canary/i, 'but no header');
unlike($t->get('/shown/dead')->{body}, qr/canary/, 'not without body=1');

is($t->get('/admin/dead', [ 'X-Test-From' => $_ ])->{status}, 403,
    "$_ may not look") for qw(10.1.2.3 126.255.255.255 128.0.0.1);
is($t->get('/admin/dead', [ 'X-Test-From' => '127.9.9.9' ])->{status}, 200,
    'this machine by another address');

my @foreign = ('X-Test-From' => '10.1.2.3');

is($t->get('/open/dead', [ @foreign ])->{status}, 200, 'access=nginx');
is($t->get('/shut/dead', [ @foreign ])->{status}, 403, 'and its own rules');

for my $case ([ 'the token', 200, "Bearer $token" ],
    [ 'in lower case', 200, "bearer $token" ],
    [ 'none', 403 ], [ 'an empty one', 403, 'Bearer ' ],
    [ 'a wrong one', 403, 'Bearer ' . 'x' x length $token ],
    [ 'half of it', 403, 'Bearer ' . substr $token, 0, 10 ],
    [ 'more than it', 403, "Bearer ${token}x" ],
    [ 'another scheme', 403, "Basic $token" ])
{
    my ($name, $status, $value) = @$case;

    is($t->get('/token/dead', [ @foreign,
        defined $value ? (Authorization => $value) : () ])->{status},
        $status, "token=: $name");
}

# each byte of it counts

my @wrong = map {
    my $wrong = $token;

    substr($wrong, $_, 1) ^= "\1";

    $t->get('/token/dead', [ @foreign, Authorization => "Bearer $wrong" ])
        ->{status};
} 0 .. length($token) - 1;

is("@wrong", join(' ', (403) x length $token), 'token=: one wrong byte');

for my $verb (qw(replay purge pause resume)) {
    my $uri = "/admin/$verb?target=erp&all=1";
    my @sure = ('X-Event-Admin' => 1);

    is($t->get($uri)->{status}, 405, "$verb is no GET");
    $r = $t->get($uri, [ @sure ]);
    is($r->{status}, 405, 'with the header neither');
    is($r->header('Allow'), 'POST', 'but a POST');
    is($t->request(HEAD => $uri, [ @sure ])->{status}, 405, 'nor a HEAD');
    is($t->post($uri, '')->{status}, 403, 'nor without the header');
    is($t->post($uri, '', [ @sure, Origin => $_ ])->{status}, 403,
        "nor from $_")
        for qw(http://evil.example http://localhost.evil.example null
               http://xlocalhost localhost);
    is($t->post($uri, '', [ @sure, @foreign ])->{status}, 403,
        'nor from elsewhere');
}

$r = $t->post('/admin/dead', '', [ 'X-Event-Admin' => 1 ]);
is($r->{status}, 405, 'a list is no POST');
like($r->header('Allow') // '', qr/^GET/, 'but a GET');
is($t->get('/admin/')->{status}, 404, 'nothing at the root');
is($t->get('/admin/deadly')->{status}, 404, 'nor elsewhere');
is(scalar $q->dead, 4, 'nothing was changed');
is($target->count, 4, 'nor sent');


# ---- mistakes

for my $case ([ 'purge' ], [ purge => archive => 'b' ],
    [ purge => target => '' ], [ purge => target => '', all => 1 ],
    [ purge => all => 0 ], [ purge => target => 'a', target => 'erp' ],
    [ purge => target => 'erp', deliver_to => 'crm' ],
    [ purge => targte => 'erp', from => 1 ],
    [ purge => all => 1, tagret => 'erp' ],
    [ purge => target => 'erp', event => 'xyz' ],
    [ purge => target => 'erp', event => '0' x 16 ],
    [ purge => target => 'erp', from => 'yesterday' ],
    [ purge => target => 'erp', to => -1 ],
    [ 'replay' ], [ replay => archive => 'b' ],
    [ replay => target => 'erp', deliver_to => 'nobody' ],
    [ replay => target => 'erp', deliver_to => '' ],
    [ 'pause' ], [ resume => target => '' ],
    map { my $verb = $_;
          map { [ $verb, @$_ ] } [], [ target => '' ], [ foo => 'bar' ],
              [ target => 'erp', foo => 'bar' ], [ target => 'erp', foo => '' ],
              [ target => 'erp', target => 'erp' ],
              [ target => 'erp', target => 'nobody' ],
              [ target => 'erp', all => 1 ], [ target => 'erp', to => 1 ],
              [ target => 'erp', event => '0' x 15 . '1' ],
              [ target => 'erp', deliver_to => 'crm' ] }
        qw(pause resume probe))
{
    my ($verb, @args) = @$case;

    $r = $q->change($verb, @args);
    is($r->{status}, 400, "a mistake: $verb @args");
    like($r->header('Content-Type'), qr/problem\+json/, 'is a problem');
    ok(length(($r->json // {})->{detail} // ''), 'with a sentence');
}

is($q->get(dead => @$_)->{status}, 400, "a mistake: dead @$_")
    for [ limit => 0 ], [ limit => 1001 ], [ limit => 'x' ], [ after => 'x' ],
        [ after => '0' x 33 ], [ event => '1' ], [ targte => 'erp' ],
        [ limit => '' ];
is(scalar $q->dead, 4, 'nothing was changed');
ok(!$t->get('/status')->json->{queue}{targets}{erp}{paused}, 'nor paused');
like($q->get(dead => event => '0' x 16)->json->{detail}, qr/no event has/,
    'no event is 0');


# ---- filters and pages

$target->answer('/crm/ok', status => 400);
$target->answer('/erp/ok', status => 400);
sleep 1.1;

my $later = POSIX::floor(time);
my @both = map { $q->send('both') } 1 .. 4;

is(scalar $q->wait_dead(12, 10), 12, 'twelve dead letters');
is(scalar $q->dead(target => 'crm'), 4, 'those of a target');
is($q->get(dead => target => 'nobody')->{status}, 404, 'or of none');
is(scalar $q->dead(route => 'both'), 8, 'those of a route');
is(scalar $q->dead(route => 'bot'), 0, 'whose name is whole');
is(scalar $q->dead(from => $later), 8, 'those since');
is(scalar $q->dead(to => $later), 4, 'those before');
is(scalar $q->dead(from => $later, to => $later), 0, 'or at no time');
is(scalar $q->dead(target => 'erp', from => $later), 4, 'all must hold');

my ($one) = $q->dead(target => 'erp', route => 'both');

is(join(' ', map { $_->{target} } $q->dead(event => $one->{event})),
    join(' ', map { $_->{target} } grep { $_->{event} eq $one->{event} }
                  $q->dead), 'those of an event');
is(scalar $q->dead(event => $one->{event}), 2, 'for each target');

my (@pages, @after);

do {
    $r = $q->get(dead => limit => 5, @after)->json;
    push @pages, $r->{entries};
    @after = (after => $r->{next} // '');
} while (defined $r->{next} && @pages < 9);

is(join(' ', map { scalar @$_ } @pages), '5 5 2', 'in pages');

my %seen;

$seen{"$_->{target} $_->{event}"}++ for map { @$_ } @pages;
is(join(' ', sort { $a <=> $b } values %seen), join(' ', (1) x 12),
    'each once');


# ---- replay

$target->forget;
$target->answer('/crm/ok', status => 200);

$r = $q->change(replay => event => $one->{event}, target => 'crm');
is(replayed($r), 1, 'one is replayed');
is(settled(1), 1, 'and sent again');

my ($sent) = $target->requests;

is($sent->{uri}, '/crm/ok', 'to its target only');
is($sent->header('Webhook-Id'), $one->{id}, 'with its id');
is($sent->header('X-Event-Attempt'), 1, 'as a first attempt');
is(scalar $q->dead, 11, 'and is dead no more');
is(replayed($q->change(replay => event => $one->{event}, target => 'crm')), 0,
    'so it is not there for another replay');

$target->forget;
is(replayed($q->change(replay => target => 'erp', route => 'both')), 4,
    'those of a target and a route are replayed');
settled(4);
is(uris(), join(' ', ('/erp/ok') x 4), 'each once, though it fails again');
is(scalar $q->wait_dead(11, 10), 11, 'and is dead again');

my ($again) = $q->dead(target => 'erp', route => 'both');

is($again->{epoch}, 1, 'in its second life');
is($again->{attempts}, 1, 'whose attempts are counted anew');
is(scalar @{ $again->{history} }, 2, 'with the history of both');

$target->forget;
is(replayed($q->change(replay => target => 'erp', route => 'both',
    deliver_to => 'shy')), 4, 'to another target');
is(settled(4), 4, 'each once');
is(uris(), join(' ', ('/shy/ok') x 4), 'is where they go');
is(scalar $q->dead, 7, 'and they are dead no more');

$target->forget;
is(replayed($q->change(replay => from => $later)), 3, 'by time');
settled(3);
is(uris(), join(' ', ('/crm/ok') x 3), 'those');

$target->forget;
$target->answer("/erp/$_", status => 200) for qw(outsystems long none quiet);
is(replayed($q->change(replay => all => 1)), 4, 'all');
is(settled(4), 4, 'each once');
is(scalar $q->dead, 0, 'none is left');
is(replayed($q->change(replay => all => 1)), 0, 'for the next time');


# ---- purge

$target->answer('/erp/ok', status => 400);
$q->send('erp') for 1 .. 3;
$q->wait_dead(3, 10);
($one) = $q->dead;
is(purged($q->change(purge => event => $one->{event})), 1, 'one is purged');
is(scalar $q->dead, 2, 'and gone');
is(purged($q->change(purge => all => 1)), 2, 'all are purged');
is(scalar $q->dead, 0, 'and gone');


# ---- a replay of many, in several transactions

$q->send_many(40, 'erp');
$q->wait_dead(40, 20);
$target->answer('/erp/ok', status => 200);
$target->forget;
is(replayed($q->change(replay => target => 'erp')), 40, 'many are replayed');
is(settled(40), 40, 'each once');
is(scalar keys %{ $q->seen($target) }, 40, 'each of them');


# ---- dead letters and events end

$target->answer('/brief/ok', status => 400);
$q->send('brief');
is(scalar $q->wait_dead(1, 10), 1, 'a dead letter for a while');
ok(wait_until(15, sub { !$q->dead }), 'dead_for is over');

is($q->change(pause => target => 'old')->json->{paused} ? 1 : 0, 1, 'paused');
$target->forget;
my $old = $q->send('old');
sleep 1.3;
$q->change(resume => target => 'old');
($d) = $q->wait_dead(1, 10);
is($d->{reason}, 'expired', 'too old for its target');
is($target->count, 0, 'which does not get it');
is($d->{attempts}, 0, 'no attempt was made');
like($t->read_file('logs/error.log'),
    qr/letter now: expired, "\Q$old\E" of source "a"/, 'it is named in the log');
$q->change(purge => all => 1);


# ---- pause and resume

$target->forget;
$q->change(pause => target => 'shy');

my @ids = map { $q->send('shy') } 1 .. 5;

sleep 1.5;
is($target->count, 0, 'a paused target gets nothing');
is(scalar $q->pending(target => 'shy'), 5, 'events wait');

my ($p) = $q->pending(target => 'shy');

like($p->{due}, qr/^20\d\d-/, 'pending ones have a time when they are due');
$t->reload;
sleep 1.2;
is($target->count, 0, 'also after a reload');
$q->change(resume => target => 'shy');
is(settled(5), 5, 'resumed, it gets them');
is(scalar keys %{ $q->seen($target) }, 5, 'each once');


# ---- delay

$target->forget;
$begun = time;
$q->send('late');
($p) = $q->pending(target => 'late');
ok($p, 'it waits');
is(settled(1), 1, 'is delivered');
($sent) = $target->requests;
cmp_ok($sent->{begun} - $begun, '>=', 1.99, 'after the delay');
cmp_ok($sent->{begun} - $begun, '<=', 8, 'and not long after');


# ---- a target that is removed

$q->change(pause => target => 'gone');
@ids = map { $q->send('gone') } 1 .. 3;
config(gone => undef, fresh => $off);
$t->reload;
is(scalar $q->wait_dead(3, 15), 3, 'its entries are dead letters');

my @gone = $q->dead(target => 'gone');

is(join(' ', map { $_->{reason} } @gone), join(' ', ('target_removed') x 3),
    'for that reason');
is(join(' ', map { $_->{id} } @gone), join(' ', @ids), 'oldest first');
like($t->read_file('logs/error.log'),
    qr/"gone" is not configured any more and has 3 dead letters/,
    'the log says so');
$target->forget;
is(replayed($q->change(replay => target => 'gone', deliver_to => 'fresh')), 3,
    'they can go elsewhere');
is(settled(3), 3, 'each once');
is(uris(), join(' ', ('/fresh/ok') x 3), 'to the other target');
is(scalar $q->dead, 0, 'none is left');


# ---- the archive

$target->forget;
@ids = ();

for (1 .. 5) {
    my ($id, $body) = $q->event('kept');

    push @ids, $id;
    is($q->post($body, '/b')->{status}, 202, 'accepted, to be kept');
}

is(settled(5), 5, 'delivered');

for my $time (1, 2) {
    $target->forget;
    is(replayed($q->change(replay => archive => 'b',
        deliver_to => 'fresh')), 5, "the archive is replayed, $time");
    is(settled(5), 5, 'each once');
    is(uris(), join(' ', ('/fresh/ok') x 5), 'to the new target');
    is(join(' ', sort map { $_->header('Webhook-Id') } $target->requests),
        join(' ', sort @ids), 'each of them');
}

$r = $q->change(replay => archive => 'a', deliver_to => 'fresh');

is($r->{status}, 400, 'a source that keeps nothing');
like($r->json->{detail}, qr/no archive.*"retain"/, 'and what would');
is(replayed($q->change(replay => archive => 'b', deliver_to => 'fresh',
    to => $later)), 0, 'nor what came at another time');


# ---- what a person sees

my @lines = $t->log_lines;

is(scalar(grep { /deliveries to target "shy" are paused by an operator/ }
    @lines), 1, 'who paused is in the log');
ok((grep { /40 dead letters were replayed by an operator/ } @lines),
    'and who replayed');

$t->done;
