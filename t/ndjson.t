#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Newline-delimited JSON: each line is an event of its own, with its own bytes,
# attributes and routes.  One bad line, and nothing is taken; more lines than
# max_batch are refused, however many they are.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Test::EventRouter;
use Time::HiRes ();

my $TYPE = 'application/x-ndjson';
my $SECRET = 'a-secret-of-this-test';

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($SECRET);
$t->write_file('secret', "$SECRET\n");

$t->config(<<"EOC");

    event_store file:%%TESTDIR%%/store size=64m;

    event_source log {
        verify hmac-sha256;
        secret file:%%TESTDIR%%/secret;
        signed "{body}";
        signature header:X-Signature;
        accept $TYPE application/jsonl application/json;
        id "{json:id}";
        type "{json:type}";
        subject "{data:shop}";
        max_batch 4;
        max_size 16m;
        limits nodes=10 string=20;
    }

    event_source made { verify off; accept $TYPE; dedup off; }

    event_source array { verify off; accept $TYPE; split data.items;
                         id "{json:id}"; dedup off; }

    event_source any { verify off; accept */*; dedup off; }

    event_source queued { verify off; accept $TYPE; delivery queued;
                          id "{json:id}"; type "{json:type}"; }

    event_source shy { verify off; accept $TYPE; id "{json:id}";
                       require data.never exists; redact data.pin;
                       quarantine 1h; max_size 8m; }

    event_source inner { verify off; accept $TYPE; payload json:doc;
                         dedup off; id "{json:id}"; redact data.pin;
                         require data.n exists; quarantine 1h; }

    event_source cloud { verify off; dedup off;
                         accept application/cloudevents+json $TYPE; }

    event_route all { from *; to erp; }
    event_route inner { from inner; when data.n = 7; to erp; }
    event_route paid { from log; when type = paid; when data.n >= 2; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 32m;

        location = /log     { event_receive log; }
        location = /made    { event_receive made; }
        location = /array   { event_receive array; }
        location = /any     { event_receive any; }
        location = /queued  { event_receive queued; }
        location = /shy     { event_receive shy; }
        location = /inner   { event_receive inner; }
        location = /cloud   { event_receive cloud; }
        location = /explain { event_explain log; }
        location /admin/    { event_admin access=nginx reveal; }

        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

# ---- each line is an event

my @paid = map { qq({"id":"a$_","type":"paid","shop":"s$_", "n":$_}) } 1 .. 3;

my $r = signed(join "\n", @paid);

is($r->{status}, 200, 'three lines');
is_deeply([ map { $_->{id} } @{ $r->json->{events} } ], [ qw(a1 a2 a3) ],
    'three ids');
is_deeply([ sort map { $_->{body} } $erp->requests ], [ sort @paid ],
    'each has its bytes') or diag($r->{body});

my ($got) = grep { $_->header('ce-id') eq 'a2' } $erp->requests;

is($got->header('Content-Type'), 'application/json', 'their type');
is($got->header('ce-subject'), 's2', 'the subject is its own');

is_deeply([ map { scalar @{ $_->{routes} } } @{ $r->json->{events} } ],
    [ 1, 2, 2 ], 'and so are its routes');

$r = signed(join "\r\n", '', @paid, '', '{"id":"a4"}', '', '');
is(scalar(() = $r->{body} =~ /"duplicate"/g), 3, 'repetitions are known');
is_deeply([ map { $_->{body} } $erp->requests ], [ '{"id":"a4"}' ],
    'CR LF, blank lines, and one more');

is(signed("\xef\xbb\xbf" . qq({"id":"b1"}\n[1]\n"x"\n3\n),
    'application/jsonl')->{status}, 200, 'a BOM, and any JSON');
is(scalar $erp->requests, 4, 'four events');
is(signed('{"id":"c1"}', 'application/json')->json->{id}, 'c1', 'JSON as ever');

# none of them

is(signed("\n\n")->{status}, signed('[]', 'application/json')->{status} ? 200 : 0,
    'no lines are no events');

# ---- all or nothing

for my $case ([ 'no JSON', '{', qr/^line 2: not JSON$/ ],
              [ 'two documents', '{} {}', qr/^line 2: something follows/ ],
              [ 'cut', '{"a":1', qr/^line 2: not JSON/ ],
              [ 'the id twice', '{"id":1,"id":2}',
                qr/^line 2: duplicate key "id"$/ ],
              [ 'too long', '{"a":"' . 'x' x 21 . '"}',
                qr/^line 2: string too long/ ],
              [ 'too many values', '[' . join(',', 1 .. 20) . ']',
                qr/^line 2: too many values/ ],
              [ 'five lines', "1\n2\n3\n4", qr/more events .* max_batch/ ])
{
    my ($name, $line, $why) = @$case;

    $r = signed(qq({"id":"z1"}\n$line));
    is($r->{status}, 400, "refused: $name");
    like($r->json->{detail}, $why, "refused: $name, why");
    is(scalar $erp->requests, 0, "refused: $name, nothing is delivered");
}

is(post('/log', qq({"id":"z1"}\n{))->{status}, 401, 'who does not sign is told'
    . ' nothing of it');
is(signed('{"id":"z1"}')->{status}, 200, 'z1 was not taken before');

# ---- 1,000,000 lines

my $began = Time::HiRes::time;
is(signed("{}\n" x 1_000_000)->{status}, 400, '1,000,000 lines');
is(signed("\n" x 10_000_000)->{status}, 200, '10,000,000 blank lines');
cmp_ok(Time::HiRes::time - $began, '<', 5, 'in no time');

# ---- without an id, and twice the same

$r = post('/made', "{}\n{}\n{}");
my %ids = map { $_->header('ce-id') => 1 } $erp->requests;
is(keys %ids, 3, 'lines that are the same are three events');

post('/array', '{"id":"p","items":[{"id":"q"},{"id":"r"}]}');
is_deeply([ map { $_->header('ce-id') . ' ' . $_->{body} } $erp->requests ],
    [ 'p {"id":"p","items":[{"id":"q"},{"id":"r"}]}' ],
    'an array in a line is not split');

# ---- who did not ask for lines

post('/any', "{}\n{}");
is(($erp->requests)[0]{body}, "{}\n{}", 'a type that is accepted by a star');
is(($erp->requests)[0]->header('Content-Type'), $TYPE, 'with its type');

is($t->post('/cloud', "{}\n{", [ 'Content-Type' => $TYPE,
    'ce-specversion' => '1.0', 'ce-id' => 'l1', 'ce-type' => 'lines',
    'ce-source' => '/s' ])->json->{id}, 'l1', 'data of a CloudEvent');
is(($erp->requests(uri => '/erp'))[-1]{body}, "{}\n{", 'are no lines');

# ---- queued, and explained

$r = post('/queued', join "\n", @paid);
is($r->{status}, 202, 'queued');
wait_until(10, sub { $erp->requests == 3 });
is_deeply([ sort map { $_->{body} } $erp->requests ], [ sort @paid ],
    'queued: each of them');

$r = $t->post('/explain', "$paid[1]\n$paid[2]", [ 'Content-Type' => $TYPE ]);
is(scalar(() = $r->{body} =~ /"id":"a[23]"/g), 2, 'explained') or diag($r->{body});

# ---- what is hidden

for my $case ([ 'lines', join("\n", map { qq({"pin":"s3cr3t","id":$_}) } 1, 2),
                2 ],
              [ 'objects', qq({"pin":{"a":["s3cr3t"]}}\n\n{"a":1}\n), 1 ],
              [ 'a bad line', qq({"pin":"s3cr3t"}\n{) ],
              [ 'a key twice', qq({"pin":"s3cr3t","pin":1}) ],
              [ 'many', qq({"pin":"s3cr3t"}\n) . "1\n" x 10_000 ])
{
    my ($name, $body, $n) = @$case;
    my $kept;

    like(post('/shy', $body)->{status}, qr/^4/, "hidden: $name");

    wait_until(10, sub {
        ($kept) = @{ $t->get('/admin/v1/quarantine?source=shy&limit=1')->json
                     ->{requests} };
        return $kept && $kept->{size} == length $body;
    });

    my $shown = $t->get("/admin/v1/quarantine/$kept->{id}?body=1")->json;

    like($shown->{body}, qr/\*\*\*/, "hidden: $name, a mask");
    unlike($shown->{body}, qr/s3cr3t/, "hidden: $name, nothing of it");
    is($shown->{redacted}, $n, "hidden: $name, how many");
    ok($n || length $shown->{withheld}, "hidden: $name, or why");
}

# ---- with a document in each line

$r = post('/inner', qq({"id":"i1","doc":"{\\"n\\":7}"}\n{"id":"i2","n":7}\n)
    . qq({"id":"i3","doc":"{\\"n\\":8}"}));
is_deeply([ map { scalar @{ $_->{routes} } } @{ $r->json->{events} } ],
    [ 2, 2, 1 ], 'documents in lines') or diag($r->{body});

my $inner = qq({"id":"i4","doc":"{\\"pin\\":\\"s3cr3t\\"}"}\n)
    . '{"id":"i5","pin":"s3cr3t"}';
my $kept;

like(post('/inner', $inner)->{status}, qr/^4/, 'hidden in them');

wait_until(10, sub {
    ($kept) = @{ $t->get('/admin/v1/quarantine?source=inner&limit=1')->json
                 ->{requests} };
    return $kept;
});

my $shown = $t->get("/admin/v1/quarantine/$kept->{id}?body=1")->{body};

like($shown, qr/\*\*\*/, 'hidden in them: a mask');
unlike($shown, qr/s3cr3t/, 'hidden in them: nothing of it');

$t->done;


# ---- helpers

sub signed {
    my ($body, $type) = @_;

    return post('/log', $body, $type, 'X-Signature' =>
        hmac_sha256_hex($body, $SECRET));
}


sub post {
    my ($uri, $body, $type, @headers) = @_;

    $erp->forget;

    return $t->post($uri, $body, [ 'Content-Type' => $type // $TYPE,
                                   @headers ]);
}
