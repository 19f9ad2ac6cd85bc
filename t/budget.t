#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What rules may cost.  Texts that are made to be slow for a regular expression
# or a text operator do not keep a worker: another client is answered in time
# while a batch of them is routed, with machine code and where the system
# forbids it.  An event whose rules took too long is undecided: 503, no target
# is called, nothing is stored or claimed, and it is as new when it comes again.
# A batch is routed one event a turn, and a worker that shuts down ends it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);
use Time::HiRes qw(time sleep);

my $BATCH = 'application/cloudevents-batch+json';
my $SLOW = 'a' x 28 . '!';

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

# some of the expressions let PCRE walk far within a step

my @patterns = ('^(a+)+$', '(?=.*b)(?=.*c)(?=.*d)zz', '[a-z]+@[a-z]+\.com$');

$t->write_file('conf/wild.json', '{"x":[' . join(',', map { '{"wildcard":"*'
    . 'a' x 900 . "$_*\"}" } 0 .. 200) . ']}');
$t->config(configuration());
$t->run;

is($t->post('/x', '{"x":"aaa"}')->json->{outcome}, 'delivered',
    'a quick event');
ok(scalar(grep { /rwxp/ } maps()), 'expressions are machine code');


# ---- one event

$erp->forget;

for my $path (qw(/x /not /queued)) {
    my $r = $t->post($path, slow());

    is($r->{status}, 503, "$path: undecided");
    is($r->json->{outcome}, 'undecided', "$path: so it says");
    cmp_ok($r->header('Retry-After') // 0, '>', 0, "$path: come again");
    is_deeply($r->json->{routes}, [], "$path: no route");
}

ok($t->wait_log(qr/\[error\].*event "one" from source "x" answered 503: its rules took more than 50 ms of CPU at event_route "x0" in \S+nginx.conf:\d+/),
    'the log names the route');
is($t->post('/x', '{"x":"aaa"}')->json->{outcome}, 'delivered',
    'the next event has all of the time');
is($t->get('/status/')->json->{sources}{x}{undecided}, 1, 'it is counted');
is($t->get('/status/')->json->{sources}{x}{unrouted}, 0, 'and not unrouted');

wait_until(5, sub { $erp->requests == 1 });
is(scalar(grep { $_->{body} =~ /!/ } $erp->requests), 0,
    'no target was called for those');


# ---- it is as new when it comes again, to rules that are quicker

for my $path (qw(/seen /queued)) {
    is($t->post($path, slow())->json->{outcome}, 'undecided', "$path: slow");
}

$t->config(configuration('^a+!$'));
ok($t->reload, 'the rules are mended');

is($t->post('/seen', slow())->json->{outcome}, 'delivered', '/seen: taken');
is($t->post('/seen', slow())->json->{outcome}, 'duplicate', '/seen: once');
is($t->post('/queued', slow())->json->{outcome}, 'queued', '/queued: taken');
is($t->post('/queued', slow())->json->{outcome}, 'duplicate',
    '/queued: once');

$t->config(configuration());
ok($t->reload, 'and made slow again');


# ---- a batch

batches('machine code');

# some of a batch are quick: each is routed wholly or not at all

$erp->forget;

my $r = $t->post('/x', batch(map { $_ % 3 ? '"aaa"' : texts(250) } 1 .. 12),
    [ 'Content-Type' => $BATCH ]);
my @got = map { $_->{outcome} } @{ $r->json->{events} };

is("@got", join(' ', map { $_ % 3 ? 'delivered' : 'undecided' } 1 .. 12),
    'quick ones and slow ones');
is($r->{status}, 503, 'the worst status');
wait_until(5, sub { $erp->requests == 8 });
is(join(' ', sort { $a <=> $b } map { $_->{body} =~ /"id":"(\d+)"/ }
        $erp->requests),
    join(' ', grep { $_ % 3 } 1 .. 12), 'the quick ones were delivered');

# a worker that shuts down ends what it began

my $client = $t->connect;

$client->send('POST', '/plain', [ 'Content-Type' => $BATCH ],
    batch(map { '"aaa"' } 1 .. 2000));
sleep 0.02;
$t->signal('HUP');
@got = map { $_->{outcome} } @{ $client->response->json->{events} };
is(scalar(grep { $_ eq 'delivered' } @got), 2000,
    'a batch while nginx reloads');
ok($t->wait_old_workers, 'old workers have gone');


# ---- text operators

for my $case ([ '/like', '"' . 'ab' x 250_000 . '"' ],
              [ '/contains', '"' . 'a' x 900_000 . '"' ],
              [ '/folded', '"' . 'a' x 900_000 . '"' ],
              [ '/pattern', '"' . 'a' x 900_000 . '"' ])
{
    my ($path, $text) = @$case;
    my $cpu = cpu();
    my $r = $t->post($path, qq({"x":$text}));

    like($r->{status}, qr/^(?:200|503)$/, "$path: a status");
    cmp_ok(cpu() - $cpu, '<', 0.2, "$path: a little time");
}

is($t->post('/like', '{"x":"AbAz"}')->json->{routes}[0], 'like0',
    'they hold as ever');


# ---- explanations

my $cpu = cpu();

$r = $t->post('/explain', slow())->json;
is($r->{events}[0]{undecided}, JSON::PP::true, 'explained: undecided');

$r = $t->post('/explain', batch((texts(250)) x 40),
    [ 'Content-Type' => $BATCH ])->json;
is(scalar(grep { $_->{undecided} } @{ $r->{events} }), 40,
    'explained: all of a batch');
cmp_ok(cpu() - $cpu, '<', 0.4, 'which has the time of one event');


# ---- the same without machine code

$t->stop;

{
    local $ENV{FORBID_CODE_IN} = $t->binary;
    local $ENV{TEST_NGINX_BINARY} = $t->root . '/t/bin/forbid_code';

    $t->run;
}

is($t->post('/x', '{"x":"aaa"}')->json->{outcome}, 'delivered',
    'nothing may be run that was written');
is(scalar(grep { /rwxp/ } maps()), 0, 'expressions are interpreted');
batches('interpreted');

$t->done;


# ---- what a batch of slow events does to others

sub batches {
    my ($how) = @_;

    my %texts = ('^(a+)+$' => texts(250),
                 '(?=.*b)(?=.*c)(?=.*d)zz' => '"' . 'a' x 16_000 . 'bcd"',
                 '[a-z]+@[a-z]+\.com$' => '"' . 'a' x 16_000 . '"');

    for my $text (sort values %texts) {
        my $n = int(900_000 / length $text);
        my $cpu = cpu();
        my $slow = $t->connect;
        my $longest = 0;
        my ($asked, $served) = (0, 0);

        $n = 60 if $n > 60;

        $slow->send('POST', '/x', [ 'Content-Type' => $BATCH ],
            batch(($text) x $n));

        my $end = time + 30;

        until (readable($slow) || time > $end) {
            my $start = time;

            $served += ($t->get('/ok')->{status} == 200);
            $asked++;
            $longest = time - $start if time - $start > $longest;
        }

        my $r = $slow->response;
        my @outcomes = map { $_->{outcome} } @{ $r->json->{events} };

        my $name = "$how: $n times " . substr $text, 0, 40;

        is(scalar(@outcomes), $n, "$name: all are in the receipt");
        is(scalar(grep { !/^(?:undecided|unrouted|delivered)$/ } @outcomes), 0,
            "$name: told");
        cmp_ok(cpu() - $cpu, '<', 1.2, "$name: the time is bounded");
        cmp_ok($longest, '<', 0.7, "$name: others do not wait");
        is($served, $asked, "$name: $asked were served");
    }
}


sub readable {
    my ($client) = @_;

    return IO::Select->new($client->{socket})->can_read(0);
}


# seconds of all workers, in steps of 10 ms

sub cpu {
    my $ticks = 0;

    for my $pid ($t->workers) {
        open my $f, '<', "/proc/$pid/stat" or next;

        my @fields = split ' ', <$f> =~ s/^.*\) //r;

        $ticks += $fields[11] + $fields[12];
    }

    return $ticks / 100;
}


sub maps {
    my ($pid) = $t->workers;

    open my $f, '<', "/proc/$pid/maps" or die "maps: $!\n";

    return <$f>;
}


sub texts {
    my ($n) = @_;

    return join ',', ("\"$SLOW\"") x $n;
}


sub slow { return '{"id":"one","x":[' . texts(20) . ']}' }


sub batch {
    my @texts = @_;
    my $id = 0;

    return '[' . join(',', map { $id++;
        qq({"specversion":"1.0","id":"$id","source":"s","type":"t",)
        . qq("data":{"x":[$_]}}) } @texts) . ']';
}


sub configuration {
    my @x = @_ ? @_ : @patterns;
    my $x = $x[0];

    my $routes = join "\n", map {
        "event_route x$_ { from x; when data.x ~ '$x[$_]'; to erp; }"
    } 0 .. $#x;

    return <<"EOC";
    event_store file:%%TESTDIR%%/store size=16m;

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    event_source x      { verify off; dedup off; id "{json:id}";
                          max_batch 100; accept application/json
                          application/cloudevents-batch+json; }
    event_source plain  { verify off; dedup off; max_batch 2000;
                          accept application/cloudevents-batch+json; }
    event_source not    { verify off; dedup off; }
    event_source seen   { verify off; dedup 1h; id "{json:id}"; }
    event_source queued { verify off; dedup 1h; id "{json:id}";
                          delivery queued; }
    event_source like     { verify off; dedup off; }
    event_source contains { verify off; dedup off; }
    event_source folded   { verify off; dedup off; }
    event_source pattern  { verify off; dedup off; }

    $routes
    event_route plain  { from plain; when data.x ~ '^a+\$'; to fast; }
    event_route not    { from not; when data.x !~ '$x'; to erp; }
    event_route seen   { from seen; when data.x ~ '$x'; to erp; }
    event_route queued { from queued; when data.x ~ '$x'; to erp; }

    @{[ join "\n", map { my $a = 'a' x (3000 + $_); my $n = $_; map {
        my ($name, $op) = @$_;
        "event_route $name$n { from $name; when data.x $op; to erp; }"
    } ([ 'like', $n ? "like_ci '*$a*$n*'" : "like_ci '*BA*z'" ],
       [ 'contains', "contains '${a}b'" ], [ 'folded', "contains_ci '${a}B'" ])
    } 0 .. 30 ]}

    event_route pattern { from pattern; pattern wild.json root=data; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        @{[ map { "location = /$_ { event_receive $_; }\n" }
                qw(x plain not seen queued like contains folded pattern) ]}

        location = /ok      { return 200 ok; }
        location = /explain { event_explain x; }
        location /status/   { event_status; }

        proxy_http_version 1.1;
        proxy_set_header Connection "";

        location = /erp  { event_deliver erp; proxy_pass http://erp; }
        location = /fast { event_deliver fast;
                           proxy_pass http://127.0.0.1:%%PORT_8080%%/ok; }
    }
EOC
}
