#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What event_status says: JSON and Prometheus text that parse, a counter for
# every outcome that really counts, by all workers together and over reloads,
# and no series that an event could add.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA ();
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);

my $serial = 0;

$t->write_file('secret', 'hush');
$t->secret('hush');


# options: http (further lines), dedup, sources (further ones)

sub config {
    my (%o) = @_;

    my $http = $o{http} // '';
    my $dedup = $o{dedup} // '';
    my $more = join ' ', @{ $o{sources} // [] };

    my $conf = <<"EOC";

    $http

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 5s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 300ms;
        $dedup
    }

    event_source shop  { verify shopify; secret file:%%TESTDIR%%/secret; }
    event_source slack { verify slack; secret file:%%TESTDIR%%/secret; }

    event_target spare { optional; }

    event_route one   { from a; when type = one; to one; }
    event_route two   { from a; when type = two; to one two; }
    event_route spare { from a; when type = spare; to one spare; }
    event_route big   { from a; when type = big; to one two three; }
    event_route shop  { from shop; to one; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a     { event_receive a; }
        location = /shop  { event_receive shop; }
        location = /slack { event_receive slack; }

        location /status/ { event_status; }
        location = /here  { event_status; }
        location = /deny  { event_status; deny all; }
EOC

    $conf .= "location = /$_ { event_receive $_; }\n"
        for @{ $o{sources} // [] };
    $conf .= "location = /deliver/$_ { event_deliver $_;
                                       proxy_pass http://target/$_; }\n"
        for qw(one two three spare);
    $conf .= "    }\n";
    $conf = "    event_source $_ { verify off; }\n$conf"
        for @{ $o{sources} // [] };

    $t->config($conf);
}


sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 's' . ++$serial, type => 'one', %o });
}


sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json',
                                   @headers ]);
}


# all counters: "a delivered" => 3, "target one ok" => 4

sub json {
    my $r = $t->get('/status/');
    my %counters;

    my $json = $r->json or die "not JSON: $r->{body}\n";

    for my $source (keys %{ $json->{sources} }) {
        my $of = $json->{sources}{$source};
        $counters{"$source $_"} = $of->{$_} for results($of);
    }

    for my $name (keys %{ $json->{targets} }) {
        my $of = $json->{targets}{$name};
        $counters{"target $name $_"} = $of->{$_} for results($of);
    }

    return \%counters;
}


# what has several numbers, bytes and times are of other metrics: t/numbers.t

sub results {
    my ($of) = @_;

    return grep { !ref $of->{$_} && !/_(?:bytes|seconds)$/ } keys %$of;
}


# the same out of the text, which must be what Prometheus reads

sub metrics {
    my $r = $t->get('/status/metrics');
    my (%counters, %type, @wrong);

    push @wrong, 'the last line does not end' if $r->{body} !~ /\n\z/;

    for my $line (split /\n/, $r->{body}) {
        if ($line =~ /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*$/) {
            push @wrong, $line if exists $type{$1};

        } elsif ($line =~ /^# TYPE (\w+) (?:counter|gauge|histogram)$/) {
            push @wrong, $line if $type{$1}++;

        } elsif ($line =~ /^(event_router_build_info)
                           \{version="[\d.]+",nginx="[\d.]+"\}[ ]1$/x
                 && $type{$1})
        {
            next;

        } elsif ($line =~ /^(\w+)\{(source|target)="([A-Za-z0-9_.-]+)",
                           result="([a-z_]+)"\}[ ](\d+)$/x && $type{$1})
        {
            my $name = ($2 eq 'target' ? "target $3 $4" : "$3 $4");

            push @wrong, "twice: $line" if exists $counters{$name};
            $counters{$name} = $5;

        } elsif ($line !~ /^\w+(?:\{(?:\w+="[\w.+-]+",?)+\})? [\d.]+$/)
        {
            push @wrong, $line;
        }
    }

    is(join("\n", @wrong), '', 'each line of the metrics parses');

    return \%counters;
}


# what has changed, when it is what is wanted or time is up

sub changed {
    my ($before, $want) = @_;

    my $said;

    wait_until(5, sub {
        my $after = json();

        my %more = map { ($_ => $after->{$_} - ($before->{$_} // 0)) }
                   keys %$after;

        $said = join ', ', map { "$_ +$more{$_}" }
                           sort grep { $more{$_} } keys %more;

        return $said eq $want;
    });

    return $said;
}


sub counts {
    my ($name, $want, $code) = @_;

    my $before = json();

    $code->();

    is(changed($before, $want), $want, $name);
}


config();
$t->run;


# ---- the form

my $r = $t->get('/status/');

is($r->{status}, 200, 'status');
is($r->header('Content-Type'), 'application/json', 'status is JSON');
ok($r->json, 'status parses');
is(join(' ', sort keys %{ $r->json }),
    'loop_lag_seconds routes sources targets version zones', 'its members');
is(join(' ', sort keys %{ $r->json->{sources} }), 'a shop slack', 'sources');
is(join(' ', sort keys %{ $r->json->{targets} }), 'one spare three two',
    'targets');
is(join(' ', sort keys %{ $r->json->{sources}{a} }),
    'body_memory busy dead dedup_forgotten dedup_local dedup_none delivered '
    . 'duplicate duplicate_differs error failed fenced full handshake '
    . 'invalid last_event_seconds limited loop overloaded quarantine_lost '
    . 'quarantined queued received_bytes redelivered refused refused_by '
    . 'rejected '
    . 'timeout unavailable undecided unmet unrouted', 'counters of a source');
is(join(' ', sort keys %{ $r->json->{targets}{one} }),
    'attempt_seconds coalesced cut dead dead_by delivery_seconds failed '
    . 'failed_by fenced filtered ok replaced_bytes retried stale',
    'counters of a target');
is(scalar(grep { $_ != 0 } values %{ json() }), 0, 'all begin at zero');

$r = $t->get('/status/metrics');
like($r->header('Content-Type'), qr{^text/plain; version=0\.0\.4},
    'metrics are text');
is_deeply(metrics(), json(), 'metrics say the same');

is($t->get('/here')->json->{sources}{a}{delivered}, 0, 'an exact location');
is($t->get('/deny')->{status}, 403, 'access is nginx\'s matter');
is($t->post('/status/', '')->{status}, 405, 'POST');
is($t->request(HEAD => '/status/')->{status}, 200, 'HEAD');
is($t->request(HEAD => '/status/')->{body}, '', 'HEAD has no body');


# ---- each outcome counts

my $known = event(type => 'two');

counts('delivered', 'a delivered +1, target one ok +1, target two ok +1',
    sub { post('/a', $known) });

counts('duplicate', 'a duplicate +1', sub { post('/a', $known) });

counts('unrouted', 'a unrouted +1',
    sub { post('/a', event(type => 'nothing')) });

$target->answer('/two', status => 500);

counts('failed', 'a failed +1, target one ok +1, target two failed +1',
    sub { post('/a', event(type => 'two')) });

$target->answer('/two', [ { delay => 1 }, {} ]);

my $late = event(type => 'two');

counts('timeout', 'a timeout +1, target one ok +1, target two ok +1',
    sub { post('/a', $late) });

counts('late, then delivered', 'a duplicate +1', sub { post('/a', $late) });

$target->answer('/two', [ { delay => 1 }, {} ]);
$late = event(type => 'two');

counts('busy', 'a busy +1, a timeout +1, target one ok +1, target two ok +1',
    sub { post('/a', $late) for 1 .. 2 });

$target->answer('/two', [ { fault => 'hang' }, {} ]);

counts('cut', 'a timeout +1, target one ok +1, target two cut +1',
    sub { post('/a', event(type => 'two')) });

$target->answer('/spare', status => 404);

counts('optional', 'a delivered +1, target one ok +1, target spare failed +1',
    sub { post('/a', event(type => 'spare')) });

counts('refused', 'shop refused +1',
    sub { $t->post('/shop', '{}', [ shopify('{}', 'wrong') ]) });

counts('invalid', 'shop invalid +1',
    sub { $t->post('/shop', '{', [ shopify('{', 'hush') ]) });

counts('method rejected', 'a rejected +1', sub { $t->get('/a') });

counts('type rejected', 'a rejected +1',
    sub { $t->post('/a', 'x', [ 'Content-Type' => 'text/html' ]) });

counts('encoding rejected', 'a rejected +1',
    sub { post('/a', event(), 'Content-Encoding' => 'gzip') });

counts('size rejected', 'a rejected +1',
    sub { post('/a', event(fill => 'x' x 1_200_000)) });

counts('loop', 'a loop +1',
    sub { post('/a', event(), 'X-Event-Hops' => 3) });

my $challenge = '{"type":"url_verification","challenge":"x"}';
my $now = int time;

counts('handshake', 'slack handshake +1', sub {
    post('/slack', $challenge, 'X-Slack-Request-Timestamp' => $now,
        'X-Slack-Signature' => 'v0=' . Digest::SHA::hmac_sha256_hex(
            "v0:$now:$challenge", 'hush'));
});

counts('batch: each event', 'a delivered +1, a unrouted +2, target one ok +1',
    sub {
        $t->post('/a', JSON::PP::encode_json([ map { { specversion => '1.0',
            id => "b-$_", source => 's', type => $_ } } qw(one x y) ]),
            [ 'Content-Type' => 'application/cloudevents-batch+json' ]);
    });

counts('reading counts nothing', '', sub { json(); metrics() });

counts('incomplete requests count nothing', '', sub {
    my $c = $t->connect;

    $c->write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    $c->close;
    $t->get('/a/none');
});

is_deeply(metrics(), json(), 'metrics say the same of all');


# ---- all workers together

my @clients = map { $t->connect } 1 .. 50;

counts('many events, all workers',
    'a delivered +50, target one ok +50', sub {
        $_->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
            event()) for @clients;
        $_->response for @clients;
    });

$_->close for @clients;


# ---- bounded

my $lines = () = $t->get('/status/metrics')->{body} =~ /\n/g;

post('/a', event(type => "type-$_", id => "label-$_", shop => "shop-$_"))
    for 1 .. 100;

my $text = $t->get('/status/metrics')->{body};

is(scalar(() = $text =~ /\n/g), $lines, 'types do not add lines');
unlike($text, qr/type-|label-|shop-\d/, 'nothing of an event is in it');


# ---- over a reload

my $before = json();

ok($t->reload, 'reload');
is_deeply(json(), $before, 'counters survive');

counts('and go on', 'a delivered +1, target one ok +1',
    sub { post('/a', event()) });

# the old worker counts in the same place

$target->answer('/one', delay => 0.2);
$before = json();
$target->forget;

my $c = $t->connect;

$c->send(POST => '/a', [ 'Content-Type' => 'application/json' ], event());
$target->answer('/two', status => 200);
wait_until(5, sub { $target->begun });
config(sources => [ 'b1', 'b2' ]);
ok($t->reload, 'reload in flight');
is($c->response->{status}, 200, 'answered by the old worker');
$c->close;
is(changed($before, 'a delivered +1, target one ok +1'),
    'a delivered +1, target one ok +1', 'the old worker counts on');
$target->answer('/one', status => 200);

is(join(' ', sort keys %{ $t->get('/status/')->json->{sources} }),
    'a b1 b2 shop slack', 'new sources are there');

counts('new sources count', 'b1 unrouted +1', sub { post('/b1', event()) });

config();
ok($t->reload, 'reload without them');
is_deeply([ grep { /^b/ } keys %{ json() } ], [], 'old sources are gone');

config(sources => [ 'b1' ]);
ok($t->reload, 'reload with one of them');
is(json()->{'b1 unrouted'}, 1, 'it has not forgotten');

# answers of any length

config(sources => [ map { "many-$_" } 1 .. 60 ]);
ok($t->reload, 'reload with many sources');
cmp_ok(length $t->get('/status/metrics')->{body}, '>', 65536, 'a long answer');
is_deeply(metrics(), json(), 'metrics say the same of many');

$t->quit;


# ---- no room, no store

config(http => 'event_concurrency 1; event_backlog 1;');
$t->run;

counts('overloaded', 'a overloaded +1',
    sub { post('/a', event(type => 'big')) });
post('/a', event(type => 'big')) for 1 .. 3;
my @said = grep { /\[error\] .*no room in "event_backlog"/ } $t->log_lines;
ok(@said == 1 || @said == 2, 'which is logged, once in a second')
    or diag(scalar @said);
like($said[0] // '', qr/event from source "a" answered 503/, 'with the source');

$t->quit;

my $delivered = 'a delivered +1, target one ok +1';

for my $case ([ 'local', "a dedup_local +1, $delivered" ],
              [ 'open', "a dedup_none +1, $delivered" ],
              [ 'closed', 'a unavailable +1' ])
{
    my ($on_error, $want) = @$case;

    config(http => 'event_dedup_store redis://127.0.0.1:%%PORT_6379%%;',
           dedup => "dedup 1h on_error=$on_error;");
    $t->run;
    counts("no Redis, on_error=$on_error", $want,
        sub { post('/a', event()) });
    $t->quit;
}

$t->done;
