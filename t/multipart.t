#!/usr/bin/perl

# Copyright (C) Event Router contributors

# multipart/form-data: its fields are those of a form, for signatures,
# attributes, rules, variables and bodies; files are not there.  Targets get the
# bytes as they came.  What readers would read differently is refused, or no
# rule reads it, and what has too many parts is refused in no time.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex hmac_sha1);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;
use Time::HiRes ();

my $TYPE = 'multipart/form-data; boundary=xYzBnd';
my $SECRET = 'a-secret-of-this-test';

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($SECRET);
$t->write_file('secret', "$SECRET\n");
$t->write_file('t.json',
    '{ "subject": "{data.subject}", "from": "{data.from?}" }');

$t->config(<<"EOC");

    event_store file:%%TESTDIR%%/store size=64m;
    event_history 1h index=data.token;

    event_set \$subject data.subject;
    log_format event escape=json '{"id":"\$event_id","type":"\$event_type",'
        '"subject":"\$subject"}';
    access_log %%TESTDIR%%/logs/events.log event;

    event_source mail {
        verify hmac-sha256;
        secret file:%%TESTDIR%%/secret;
        signed "{form:timestamp}{form:token}";
        signature form:signature;
        accept multipart/form-data application/x-www-form-urlencoded;
        id "{form:token}";
        type "{form:event}";
    }

    event_source open { verify off; dedup off; accept multipart/form-data;
                        limits nodes=2000 key=20 string=30000; max_size 2m; }

    event_source sorted {
        verify hmac-sha1;
        secret file:%%TESTDIR%%/secret;
        signed "{form_sorted}";
        signature header:X-Signature encoding=base64;
        accept multipart/form-data;
        dedup off;
    }

    event_source shy {
        verify off;
        accept multipart/form-data text/plain;
        require data.never exists;
        redact data.pin;
        quarantine 1h;
        dedup off;
    }

    event_source dead { verify off; delivery queued; redact data.pin;
                        accept multipart/form-data; }

    event_source jotform { verify jotform; }

    event_source mapped { verify off; dedup off; accept multipart/form-data;
                          type "{form:subject}"; }

    event_target bad { retry off; }
    event_target form { body form s=data.subject f=data.from; }
    event_target template { body template %%TESTDIR%%/t.json; }
    event_target data { body data; }
    event_target envelope { body cloudevents; }

    event_route all { from mail open sorted shy; to erp; }
    event_route dead { from dead; to bad; }
    event_route bounced { from mail; when type = bounced;
                          when data.code >= 500; to erp; }
    event_route ann { from jotform; when data.q3_name.first = Ann; to erp; }
    event_route file { from open; when data.file exists; to erp; }
    event_route plus { from open; when data.plus = "a+b %20"; to erp; }
    event_route mapped { from mapped; to form template data envelope; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 32m;

        location = /mail    { event_receive mail; }
        location = /open    { event_receive open; }
        location = /sorted  { event_receive sorted; }
        location = /shy     { event_receive shy; }
        location = /dead    { event_receive dead; }
        location = /jotform { event_receive jotform; }
        location = /mapped  { event_receive mapped; }
        location = /explain { event_explain open; }
        location /admin/    { event_admin access=nginx reveal; }

        location = /erp      { event_deliver erp;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /bad      { event_deliver bad;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /form     { event_deliver form;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /template { event_deliver template;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /data     { event_deliver data;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /envelope { event_deliver envelope;
                               proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

# ---- a producer that signs fields of the form

my @bounce = (event => 'bounced', timestamp => '1795942939', token => 'tok1',
    code => '550', subject => "caf\xc3\xa9");

my $r = mail(@bounce);

is($r->{status}, 200, 'signed');
is_deeply([ @{ $r->json }{qw(id type routes)} ],
    [ 'tok1', 'bounced', [ qw(all bounced) ] ], 'attributes and routes');

my ($got) = $erp->requests;

is($got->{body}, signed(@bounce), 'the same bytes');
is($got->header('Content-Type'), $TYPE, 'and the same type');
is(logged()->{subject}, "caf\x{e9}", 'a variable');
is(mail(@bounce)->header('X-Event-Duplicate'), 1, 'a repetition');

is(post('/mail', multi(@bounce, signature => 'a' x 64))->{status}, 401,
    'not signed');
is(post('/mail', multi(@bounce[0, 1], @bounce[4 .. 9]))->{status}, 401,
    'a signed field is missing');
is(mail(@bounce, token => 'tok1')->{status}, 401, 'a signed field twice');
is(mail(@bounce, event => 'delivered')->json->{detail},
    'duplicate key "event"', 'a field of the type twice');
ok($t->wait_log(qr/duplicate key "event" at byte \d+/), 'and where');

$r = $t->post('/mail', 'event=bounced&timestamp=1&token=2&code=500&signature='
    . hmac_sha256_hex('12', $SECRET),
    [ 'Content-Type' => 'application/x-www-form-urlencoded' ]);
is_deeply($r->json->{routes}, [ qw(all bounced) ], 'a form as ever');

# ---- {form_sorted}: as of a form, but a file is not signed

my $sorted = sub {
    my ($signed, @parts) = @_;

    return post('/sorted', multi(@parts), $TYPE, 'X-Signature' =>
        encode_base64(hmac_sha1($signed, $SECRET), ''))->{status};
};

is($sorted->('a1b2c3', b => 2, c => 3, a => 1), 200, 'sorted');
is($sorted->('a1b2c3', b => 2, c => 4, a => 1), 401, 'sorted: another value');
is($sorted->('a1b2', b => 2, a => 1, 'x"; filename="x' => 1), 401,
    'sorted: a file');

# ---- answers are a document in a field

$r = post('/jotform', multi(formID => '7', submissionID => '5912',
    rawRequest => '{"slug":"submit","q3_name":{"first":"Ann"}}'));

is_deeply([ @{ $r->json }{qw(type routes)} ], [ 'submission', [ 'ann' ] ],
    'jotform');
like($r->json->{id}, qr/^5912\./, 'its id') or diag($r->{body});
is(($erp->requests)[0]->header('ce-subject'), '7', 'its subject');

# ---- files are not there, and the rest is as in a form

read_as('a file', multi('file"; filename="x.pdf' => "%PDF\0\xff\r\n--"));
read_as('a field', multi(file => ''), 'file');
read_as('a field beside a file', multi(file => 1,
    'file"; filename="x.pdf' => '2'), 'file');
read_as('nothing is decoded', multi(plus => 'a+b %20'), 'plus');
read_as('twice', multi(plus => 1, plus => 'a+b %20'), 'plus');
read_as('a value in another charset', multi(plus => "Ren\xe9"));
read_as('no parts', "--xYzBnd--\r\n");
read_as('LF', multi(plus => 'a+b %20') =~ s/\r\n/\n/gr, 'plus');

for my $case ([ 'no end', "--xYzBnd\r\n\r\n1\r\n", qr/last part does not end/ ],
              [ 'JSON', '{}', qr/boundary is missing/ ],
              [ 'empty', '', qr/body is empty/ ],
              [ 'the boundary goes on', multi(a => "1\r\n--xYzBndX"),
                qr/begins with it goes on/ ],
              [ 'LF before the boundary', multi(a => "1\n--xYzBnd\r\n"),
                qr/otherwise than the first/ ],
              [ 'a header without a colon', "--xYzBnd\r\nabc\r\n\r\n",
                qr/bad headers of a part/ ],
              [ 'long name', multi('n' x 21 => 1), qr/key too long/ ],
              [ 'long value', multi(a => 'v' x 30001), qr/string too long/ ],
              [ 'no boundary', multi(a => 1), qr/no boundary/,
                'multipart/form-data' ],
                            [ 'long headers', "--xYzBnd\r\nA: " . 'x' x 9000 . "\r\n\r\n",
                qr/bad headers/ ])
{
    my ($name, $body, $why, $type) = @$case;

    $r = post('/open', $body, $type);
    ok($r->{status} == 400 && $r->json->{detail} =~ $why
       && $erp->requests == 0, "refused: $name") or diag($r->{body});
}

$r = $t->post('/open', multi(a => 1), [ 'Content-Type' => $TYPE,
    'Content-Type' => 'multipart/form-data; boundary=other' ]);
is($r->json->{detail}, 'Content-Type names two boundaries',
    'two boundaries in two lines');

$r = $t->post('/explain', multi(plus => 'a+b %20'),
    [ 'Content-Type' => $TYPE ]);
is($r->{status}, 200, 'explained');
like($r->{body}, qr/"plus"/, 'with the route');

# ---- 100,000 parts

my $began = Time::HiRes::time;

$r = post('/open', ("--xYzBnd\r\n\r\n\r\n" x 100_000) . "--xYzBnd--");
is($r->{status}, 400, '100,000 parts');
like($r->json->{detail}, qr/too many parts/, 'are too many');
like(post('/open', multi(map { ("n$_" => '') } 1 .. 1001))->json->{detail},
    qr/too many parts/, '1,001 parts');
is(post('/open', multi(map { ("n$_" => '') } 1 .. 1000))->{status}, 200,
    '1,000 parts');
cmp_ok(Time::HiRes::time - $began, '<', 5, 'in no time');

# ---- bodies

post('/mapped', multi(subject => 'a b&c', from => "x\"y", 'f"; filename="f' => 1));

is(($erp->requests(uri => '/form'))[0]{body}, 's=a+b%26c&f=x%22y',
    'body form');
is_deeply(decoded(($erp->requests(uri => '/template'))[0]{body}),
    { subject => 'a b&c', from => 'x"y' }, 'body template');
like(($erp->requests(uri => '/data'))[0]{body}, qr/^--xYzBnd.*--xYzBnd--\r\n$/s,
    'body data');
is(($erp->requests(uri => '/data'))[0]->header('Content-Type'), $TYPE,
    'with its type');
is(decoded(($erp->requests(uri => '/envelope'))[0]{body})->{datacontenttype},
    $TYPE, 'body cloudevents');

# ---- what is hidden

my $hidden = 's3cr3t-pin';

for my $case ([ 'a field', multi(n => 1, pin => $hidden), 1 ],
              [ 'two', multi(pin => $hidden, n => 1, pin => "b$hidden"), 2 ],
              [ 'a file', multi(n => 1, 'pin"; filename="x' => $hidden), 1 ],
              [ 'LF', multi(n => 1, pin => $hidden) =~ s/\r\n/\n/gr, 1 ],
              [ 'no name', multi(n => 1)
                =~ s/\A/--xYzBnd\r\n\r\n$hidden\r\n/r, 1 ],
              [ 'a name that cannot be read',
                multi(n => 1, 'p\\in' => $hidden), 1 ],
              [ 'in front', "$hidden\r\n" . multi(n => 1, pin => 'x'), 2 ],
              [ 'behind', multi(n => 1, pin => 'x') . $hidden, 2 ],
              [ 'broken', multi(n => 1, pin => $hidden) =~ s/--\r\n\z//r ],
              [ 'another boundary', multi(n => 1, pin => $hidden), undef,
                'multipart/form-data; boundary=other' ],
              [ 'no JSON', "pin $hidden", undef, 'text/plain' ])
{
    my ($name, $body, $n, $type) = @$case;
    my $kept;

    like(post('/shy', $body, $type)->{status}, qr/^4/, "hidden: $name");

    wait_until(10, sub {
        ($kept) = @{ $t->get('/admin/v1/quarantine?source=shy&limit=1')->json
                     ->{requests} };
        return $kept && $kept->{size} == length $body;
    });

    my $shown = $t->get("/admin/v1/quarantine/$kept->{id}?body=1")->json;

    like($shown->{body}, qr/\*\*\*/, "hidden: $name, a mask");
    unlike($shown->{body}, qr/$hidden/, "hidden: $name, nothing of it");
    is($shown->{redacted}, $n, "hidden: $name, how many");
    is(length $shown->{withheld} > 0, !$n, "hidden: $name, or why")
        if !$n;
}

# a dead letter, which is edited

my $dead;

$erp->answer('/bad', status => 400, body => 'no');
post('/dead', multi(n => 1, pin => $hidden));

wait_until(10, sub {
    ($dead) = @{ $t->get('/admin/v1/dead?body=1')->json->{entries} };
    return $dead;
});

unlike($dead->{body}, qr/$hidden/, 'a dead letter in a list');
$dead = $t->get("/admin/v1/stored?event=$dead->{event}")->json;
is($dead->{body}, multi(n => 1, pin => '***'), 'a dead letter');

$erp->forget;
$erp->answer('/bad', status => 200, body => 'yes');

$r = $t->post("/admin/v1/replay?event=$dead->{event}&target=bad",
    $dead->{body} =~ s/\r\n1\r\n/\r\n2\r\n/r,
    [ 'X-Event-Admin' => 1,
      'Content-Type' => 'application/x-www-form-urlencoded' ]);
is($r->{status}, 200, 'edited') or diag($r->{body});
wait_until(10, sub { $erp->requests });
is(($erp->requests)[0]{body}, multi(n => 2, pin => $hidden),
    'what was hidden is put back');

$t->done;


# ---- helpers

sub multi {
    my @parts = @_;
    my $body = '';

    while (my ($name, $value) = splice @parts, 0, 2) {
        $body .= "--xYzBnd\r\nContent-Disposition: form-data; name=\"$name\""
            . "\r\n\r\n$value\r\n";
    }

    return "$body--xYzBnd--\r\n";
}


sub signed {
    my @parts = @_;
    my %parts = @parts;

    return multi(@parts, signature =>
        hmac_sha256_hex("$parts{timestamp}$parts{token}", $SECRET));
}


sub mail {
    my @parts = @_;

    return post('/mail', signed(@parts));
}


sub post {
    my ($uri, $body, $type, @headers) = @_;

    $erp->forget;

    return $t->post($uri, $body, [ 'Content-Type' => $type // $TYPE,
                                   @headers ]);
}


sub read_as {
    my ($name, $body, $route) = @_;

    my $r = post('/open', $body);

    is_deeply([ $r->{status}, ($r->json // {})->{routes},
                ($erp->requests)[0]{body} ],
        [ 200, [ 'all', $route || () ], $body ], $name);
}


sub decoded {
    my ($text) = @_;

    return JSON::PP->new->utf8->decode($text);
}


sub logged {
    my @lines;

    wait_until(5, sub {
        @lines = split /\n/, $t->read_file('logs/events.log');
        return @lines > 0;
    });

    return decoded($lines[-1]);
}
