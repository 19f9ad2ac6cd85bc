#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "auth oauth2": a token for all workers, fetched by one of them, and what
# becomes of deliveries while there is none.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(decode_base64);
use Time::HiRes qw(sleep);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OAuth2;
use Test::EventRouter::Port qw(wait_until);
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $idp = $t->own(Test::EventRouter::OAuth2->new(port => $t->port(8081)));

my $secret = 'canary-client-secret: "%&+ end';

$t->secret($secret);
$t->secret('canary-token');
chmod 0600, $t->write_file('conf/client', "an id:$secret\n");
chmod 0600, $t->write_file('conf/plain', 'an id:'
    . $t->secret('canary-plain-secret=1'));

my $dir = $t->dir;

system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    . " -out $dir/conf/key-RS256 2>/dev/null && "
    . "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    . " -out $dir/conf/key-ES256 2>/dev/null") == 0 or die;
system("openssl pkey -in $dir/conf/key-$_ -pubout -out $dir/conf/pub-$_") == 0
    or die for qw(RS256 ES256);

chmod 0600, glob "$dir/conf/key-*";

my $serial = 0;
my ($base, $at);

fresh();
$t->run;


subtest 'the request for a token' => sub {
    delivered(1);

    my ($r) = $idp->requests(uri => '/token');

    is($r->{method}, 'POST', 'method');
    is($r->{body}, 'grant_type=client_credentials&scope=orders%20' . $serial
        . '&audience=https%3A%2F%2Ferp.example', 'form');
    is($r->header('Content-Type'), 'application/x-www-form-urlencoded',
        'its type');
    is($r->header('Accept'), 'application/json', 'Accept');

    my ($basic) = $r->header('Authorization') =~ /^Basic (.*)$/;

    is(decode_base64($basic), 'an%20id:canary-client-secret%3A%20%22%25%26%2B'
        . '%20end', 'id and secret, each encoded');
    ok($t->wait_log(qr/a token for target "erp" was fetched, it is good for 3600s/),
        'is told');
};


subtest '200 parallel deliveries' => sub {
    fresh();
    $idp->set(delay => 0.3);
    delivered(200);
    is(issued(), 1, 'one token');
    is(refused(), 0, 'that is good');
    once();
};


subtest 'a token that ends' => sub {
    fresh();
    $idp->set(expires_in => 3, ttl => 3);
    delivered(20);
    sleep 2.3;
    delivered(100);
    sleep 0.2;
    is(issued(), 2, 'is renewed once');
    is(refused(), 0, 'before it ends');
};


# O3

subtest 'a token that was revoked' => sub {
    fresh();
    delivered(10);
    $idp->revoke;
    delivered(100);
    is(issued(), 2, 'is renewed once');
    cmp_ok(refused(), '>', 0, 'after a 401');
    once();
    first();
};


subtest 'one that is wrong from the beginning' => sub {
    fresh();
    $idp->set(bad => 1, delay => 0.2);
    delivered(200);
    is(issued(), 2, 'is replaced once');
    once();
    first();
};


subtest 'one that is never good' => sub {
    fresh();
    $idp->set(bad => 1000);

    my ($id) = $q->send_many(1, 'erp');

    ok(wait_until(10, sub { refused() >= 2 }), 'is refused');

    my @r = grep { $_->{uri} ne '/token' } $idp->requests;

    is(join(' ', map { $_->header('X-Event-Attempt') } @r[0, 1]), '1 1',
        'twice in one attempt');

    my @ids = ($id, $q->send_many(30, 'erp'));

    ok(wait_until(10, sub { refused() >= 64 }), 'all are tried again');
    is(scalar($q->dead(target => 'erp')), 0, 'none is a dead letter');
    cmp_ok(issued(), '<', 8, 'not every event has a new one fetched');

    $idp->set(bad => 0);
    wait_delivered(30, @ids);
    once();

    for my $line ('fail_on 401', 'fail_on 4xx', 'success 2xx; fail_on 400-402')
    {
        fresh("auth oauth2 /oauth/erp client=file:client; $line");
        $idp->set(bad => 1000);
        $idp->revoke;
        $q->send('erp');

        my ($dead) = $q->wait_dead(1, 10, target => 'erp');

        is($dead->{status}, 401, "$line: 401 is the answer");
        is($dead->{attempts}, 1, 'and no other attempt');
        $q->change('purge', target => 'erp');
    }

    for my $line ('success 2xx', 'retry_on 401',
                  'fail_on when response.body.Error exists')
    {
        fresh("auth oauth2 /oauth/erp client=file:client; $line");
        $idp->set(bad => 1000);
        $idp->revoke;

        my $waits = $q->send('erp');

        ok(wait_until(10, sub { refused() >= 3 }), "$line: it is tried again");
        $idp->set(bad => 0);
        wait_delivered(30, $waits);
    }
};


# O1

subtest 'an endpoint that is down' => sub {
    fresh();
    $idp->answer('/token', status => 503, body => 'down');
    my @ids = $q->send_many(50, 'erp');
    sleep 3;
    is(scalar(grep { $_->{uri} ne '/token' } $idp->requests), 0,
        'nothing is sent');
    cmp_ok(scalar($idp->requests(uri => '/token')), '<', 6,
        'it is asked now and then');
    my @p = $q->pending(target => 'erp');
    is(scalar(@p), 50, 'all events wait');
    is(scalar(grep { $_->{attempts} } @p), 0, 'without an attempt');
    $idp->answer('/token');
    wait_delivered(30, @ids);
    once();
    first();
    is(scalar($q->dead(target => 'erp')), 0, 'no dead letter');
};

subtest 'what an endpoint says of an error' => sub {
    fresh();
    $idp->answer('/token', status => 400, headers => [ 'Content-Type',
        'application/json' ], body => '{"error":"invalid_client",'
        . '"error_description":"no \\"such\\" client\\n' . 'y' x 400 . '"}');

    my ($id) = $q->send_many(1, 'erp');
    my $said = 'no  such  client ' . 'y' x 239;

    ok($t->wait_log(qr/\[error\] .* no token for target "erp": the endpoint behind "\/oauth\/erp" answered 400, error "invalid_client": "$said"; it is asked again in \d+ms/),
        'is logged');

    $idp->answer('/token', status => 200, body => 'token=a');
    ok($t->wait_log(qr/answered 200, and its answer is not JSON/),
        'no JSON');

    $idp->answer('/token', fault => 'reset');
    ok($t->wait_log(qr/behind "\/oauth\/erp" gave no answer/, 15),
        'no answer');

    $idp->answer('/token');
    wait_delivered(30, $id);
};


subtest 'an endpoint that repeats what it was sent' => sub {
    fresh('auth oauth2 /oauth/erp client=file:plain style=body');
    $idp->answer('/token', status => 401, body => '{"error":"an id:" ,'
        . '"error_description":"bad: canary-plain-secret=1 or '
        . 'canary-plain-secret%3D1, and canary-plain-sec"}');
    is($q->post(($q->event('erp'))[1], '/now')->{status}, 502, 'an error');
    ok($t->wait_log(qr/answered 401, error "an id:": "bad: \*{21} or \*{23}, and \*{16}"/),
        'is shown with asterisks');

    fresh();
    $idp->answer('/token', status => 400, headers => [], repeat => 1);
    is($q->post(($q->event('erp'))[1], '/now')->{status}, 502, 'an error');
    ok($t->wait_log(qr/error "repeated": "Basic \*{72} grant_type=client/),
        'nor is what the header says');

    for my $alg (qw(RS256 ES256)) {
        my $had = () = $t->read_file('logs/error.log') =~ /": "\*{200,256}"/g;

        fresh("auth oauth2 /oauth/erp grant=jwt-bearer key=file:key-$alg"
            . ' issuer=me audience=https://idp/token');
        $idp->answer('/token', status => 400, headers => [], repeat => 1);
        is($q->post(($q->event('erp'))[1], '/now')->{status}, 502, $alg);
        ok(wait_until(5, sub {
            my $has = () = $t->read_file('logs/error.log')
                           =~ /": "\*{200,256}"/g;
            $has > $had }), 'nor an assertion');
    }

    unlike($t->read_file('logs/error.log'), qr/"[^"\n]*eyJ/,
        'of which nothing is seen');
};


subtest 'answers of an endpoint' => sub {
    for my $row (
        [ '"token_type" of its answer is not "Bearer"', type => 'mac' ],
        [ 'the token is longer than 16 KB', length => 16385 ],
        [ 'its answer is cut off or too long', length => 65536 ],
        [ 'its answer is not JSON', more => ',"access_token":7' ],
        [ 'its answer is not JSON', more => ',"a":' . '[' x 20 . ']' x 20 ],
        [ 'that a header cannot carry', body => '{"access_token":"a b",'
          . '"token_type":"bearer"}' ],
        [ 'that a header cannot carry', body => '{"access_token":"a\\r\\nX: y"'
          . ',"token_type":"bearer"}' ],
        [ 'there is no "access_token"', body => '{"access_token":"",'
          . '"token_type":"bearer"}' ],
        [ 'there is no "access_token"', body => '[]' ],
    ) {
        my ($what, %set) = @$row;

        fresh();

        $idp->answer('/token', body => $set{body}) if $set{body};
        $idp->set(%set);
        is($q->post(($q->event('erp'))[1], '/now')->{status}, 502, $what);
        ok($t->wait_log(qr/answered 200, and [^\n]*\Q$what\E/), 'is logged');
    }

    for my $row ([ 'type' => 'bEARER', 3600 ], [ length => 16384, 3600 ],
                 [ expires_in => '"77"', 77 ], [ expires_in => undef, 300 ],
                 [ expires_in => '61.9', 61 ], [ expires_in => '"soon"', 300 ],
                 [ expires_in => -5, 300 ], [ expires_in => 0, 1 ],
                 [ expires_in => '1' . '0' x 18, 31536000 ],
                 [ more => ',"scope":null,"x":{"access_token":"no"}', 3600 ])
    {
        my ($name, $value, $lifetime) = @$row;

        fresh();

        my $had = () = $t->read_file('logs/error.log')
                       =~ /it is good for ${lifetime}s/g;

        $idp->set($name => $value);
        is($q->post(($q->event('erp'))[1], '/now')->{status}, 200,
            "$name " . substr($value // 'none', 0, 40));
        ok(wait_until(5, sub {
            my $has = () = $t->read_file('logs/error.log')
                           =~ /it is good for ${lifetime}s/g;
            $has > $had }), "is good for $lifetime s");
    }
};


subtest 'credentials in the body' => sub {
    fresh('auth oauth2 /oauth/erp client=file:client style=body');
    delivered(1);

    my ($r) = $idp->requests(uri => '/token');

    is($r->{body}, 'grant_type=client_credentials&client_id=an%20id'
        . '&client_secret=canary-client-secret%3A%20%22%25%26%2B%20end', 'form');
    is($r->header('Authorization'), undef, 'no header');
};


subtest 'a location with lines of its own' => sub {
    fresh(undef, token => 'proxy_intercept_errors on; error_page 400 = /now;'
        . ' proxy_cache tokens; proxy_cache_valid any 1h;'
        . ' proxy_set_header X-Of $event_target;',
        http => 'proxy_cache_path %%TESTDIR%%/cache keys_zone=tokens:1m;');
    $idp->answer('/token', status => 400, body => '{"error":"canny"}');
    is($q->post(($q->event('erp'))[1], '/now')->{status}, 502, 'an error');
    ok($t->wait_log(qr/answered 400, error "canny"/),
        'is read though nginx would have a page for it');

    sleep 1.5;
    $idp->answer('/token', headers => [ 'X-Accel-Redirect' => '/status' ],
        body => '{"error":"canny"}');
    is($q->post(($q->event('erp'))[1], '/now')->{status}, 502,
        'X-Accel-Redirect');
    ok($t->wait_log(qr/answered 200, and there is no "access_token" in its answer, error "canny"/),
        'is not followed');

    sleep 3;
    $idp->answer('/token');
    wait_until(5, sub { $q->post(($q->event('erp'))[1], '/now')->{status}
                        == 200 });
    $idp->revoke;
    delivered(3);
    is(issued(), 2, 'and no cache gives an old token');

    my ($r) = $idp->requests(uri => '/token');

    is($r->header('X-Of'), 'erp', '$event_target');
};


subtest 'a target that repeats the token' => sub {
    fresh();
    $idp->answer('/erp/loud', status => 400, headers => [], echo => 1);

    my $id = $q->send('erp', kind => 'loud');
    my ($dead) = $q->wait_dead(1, 10, target => 'erp');

    like($dead->{answer}, qr/^\["Authorization","Bearer \*{20}/,
        'is shown with asterisks');
    $q->change('purge', target => 'erp');
};


# O4

subtest 'workers that stop while there is no token' => sub {
    fresh(undef, token => 'proxy_read_timeout 3s;');
    $idp->answer('/token', fault => 'hang');

    my @ids = $q->send_many(10, 'erp');

    sleep 0.3;

    my $start = time;

    $t->reload;
    ok($t->wait_old_workers(6), 'a reload');
    cmp_ok(time - $start, '<', 6, 'does not wait for the endpoint');
    is(scalar(@{[ $q->pending(target => 'erp') ]}), 10, 'all events wait');

    sleep 0.3;
    $t->kill_worker($_, 'TERM') for $t->workers;
    $idp->answer('/token');
    wait_delivered(20, @ids);
    once();
    first();
};


subtest 'a reload' => sub {
    fresh();
    delivered(4);
    is(issued(), 1, 'one token');
    $t->reload;
    delivered(10);
    is(issued(), 1, 'is kept if the line is the same');
    $serial++;
    configure();
    $t->reload;
    delivered(10);
    is(issued(), 2, 'and not if it is another one');
};


subtest 'targets that come and go' => sub {
    fresh();
    delivered(2);

    my $rest = 'retry base=100ms max=1s; breaker off;';
    my $crm = "auth oauth2 /oauth/erp client=file:client; $rest";
    my $erp = 'auth oauth2 /oauth/erp client=file:client "scope=orders '
        . "$serial\" audience=https://erp.example leeway=1s; $rest";

    for my $n (1 .. 9) {
        configure(undef, targets => { erp => $erp, "crm-$n" => $crm });
        $t->reload;

        my $id = $q->send("crm-$n");

        ok($id && wait_until(10, sub { good($id) }), "crm-$n has a token")
            or last;
    }

    delivered(4);
    is(issued(), 10, 'one for each, and the one that stayed is kept');
};


subtest 'a worker whose line was changed' => sub {
    fresh();
    delivered(4);
    $idp->revoke;
    $idp->answer('/erp/slow', delay => 1);

    my $id = $q->send('erp', kind => 'slow');

    ok(wait_until(5, sub { $idp->begun > 5 }), 'has an attempt under way');
    $serial++;
    configure();
    $t->reload;
    wait_delivered(10, $id);
    is(issued(), 2, 'fetches a token of its own');
    first();
    $idp->answer('/erp/slow');
    delivered(4);
    is(issued(), 3, 'and the new workers one of theirs');
    ok($t->wait_old_workers(10), 'it goes');
};


subtest 'no leeway' => sub {
    fresh('auth oauth2 /oauth/erp client=file:client leeway=0s');
    $idp->set(expires_in => 1, ttl => 1.5);
    delivered(5);
    sleep 1.2;
    delivered(50);
    is(issued(), 2, 'is renewed when it is over');
    is(refused(), 0, 'and not used any more');
};


# O2

subtest 'a worker that dies while it fetches one' => sub {
    fresh();
    $idp->answer('/token', [ { fault => 'hang' }, {} ]);

    my @ids = $q->send_many(20, 'erp');

    ok(wait_until(10, sub { $idp->begun - $idp->count || $idp->requests }),
        'it asks');
    my ($pid) = fetcher();
    ok($pid, 'is found');
    $t->kill_worker($pid);
    wait_delivered(20, @ids);
    is(issued(), 1, 'another one takes over');
};


subtest 'a producer that waits' => sub {
    fresh();

    my $r = $q->post(($q->event('erp'))[1], '/now');

    is($r->{status}, 200, 'gets an answer');

    $idp->revoke;
    is($q->post(($q->event('erp'))[1], '/now')->{status}, 200,
        'after a 401, too');

    $idp->revoke;
    $idp->answer('/token', status => 500, body => '{}');
    $r = $q->post(($q->event('erp'))[1], '/now');
    is($r->{status}, 502, 'without a token: 502');
    like($r->header('Retry-After') // '', qr/^[12]$/, 'and Retry-After');
    ok($t->wait_log(qr/\[warn\] .* there is no token, nothing was sent while delivering event "\w+" of source "s" to target "erp"/),
        'why is logged');

    sleep 2;
    $idp->answer('/token', fault => 'hang');

    my $start = time;

    $r = $q->post(($q->event('erp'))[1], '/now');
    is($r->{status}, 504, 'an endpoint that hangs: 504');
    cmp_ok(time - $start, '<', 4, 'at the deadline');
    $idp->answer('/token');
};


subtest 'a signed assertion' => sub {
    for my $alg (qw(RS256 ES256)) {
        fresh('auth oauth2 /oauth/erp grant=jwt-bearer key=file:key-' . $alg
            . " issuer=me\@$alg \"subject=o'n\" audience=https://idp/token"
            . ' scope=a.b');
        delivered(3);

        my ($r) = $idp->requests(uri => '/token');
        my ($jwt) = $r->{body} =~ /^grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=([\w.-]+)$/;

        ok($jwt, 'form') or next;
        is($r->header('Authorization'), undef, 'no client');

        my ($head, $claims, $sig) = split /\./, $jwt;

        is(url($head), qq({"alg":"$alg","typ":"JWT"}), 'header');
        like(url($claims), qr/^\{"iss":"me\@$alg","sub":"o'n","scope":"a.b",(?#
            )"aud":"https:\/\/idp\/token","iat":(\d+),"exp":(\d+)\}$/,
            'claims');
        ok(signed($alg, "$head.$claims", url($sig)), "$alg");
    }
};


unlike($t->read_file('logs/access.log'), qr/canary/, 'nor in access.log');
unlike(join('', map { $t->get($_)->{body} } '/status', '/status?format=json',
            '/admin/targets', '/admin/pending', '/admin/dead'),
    qr/canary/, 'nor in a page');
is(system("grep -rlq canary $dir/store") >> 8, 1, 'nor in the store');

$t->done;


sub fresh {
    my ($line, %o) = @_;

    $serial++;
    configure($line, %o);
    $t->reload if $at;
    $at = 1;
    $base = $idp->issued;
    $idp->set(delay => 0, expires_in => 3600, ttl => 3600, bad => 0,
              type => 'Bearer', more => undef, length => 0);
    $idp->answer('/token');
    $idp->forget;
}

sub configure {
    my ($line, %o) = @_;

    $line //= 'auth oauth2 /oauth/erp client=file:client "scope=orders '
        . $serial . '" audience=https://erp.example leeway=1s';

    $q->config(targets => { erp => "$line; retry base=100ms max=1s; "
            . "concurrency 200; breaker off;" },
        server => 'location = /oauth/erp { internal;'
            . ' proxy_pass http://127.0.0.1:%%PORT_8081%%/token; '
            . ($o{token} // '') . '}'
            . ' location = /now { event_receive s; }',
        more => 'event_source s { verify off; id "{json:id}"; dedup off;'
            . ' deadline 2s; } event_route now { from s; to erp; }', %o);
}


# the worker that has a connection to a port of ours beside the kept ones

sub fetcher {
    my $port = sprintf '%04X', $t->port(8081);
    my %inode;

    open my $tcp, '<', '/proc/net/tcp' or return;

    while (<$tcp>) {
        my @f = split;
        $inode{ $f[9] } = 1 if $f[2] =~ /:$port$/ && $f[3] eq '01';
    }

    return grep {
        my $pid = $_;
        grep { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ && $inode{$1} }
            glob "/proc/$pid/fd/*";
    } $t->workers;
}


sub url { return decode_base64($_[0] =~ tr{-_}{+/}r) }


sub signed {
    my ($alg, $text, $sig) = @_;

    if ($alg eq 'ES256') {
        my @n = map { s/^\0+//r } unpack 'a32 a32', $sig;
        my $der = join '', map { my $n = ord($_) & 0x80 ? "\0$_" : $_;
                                 "\2" . chr(length $n) . $n } @n;
        $sig = "\x30" . chr(length $der) . $der;
    }

    $t->write_file('text', $text);
    $t->write_file('sig', $sig);

    my $dir = $t->dir;

    return `openssl dgst -sha256 -verify $dir/conf/pub-$alg -signature $dir/sig $dir/text`
           =~ /Verified OK/;
}


sub issued { return $idp->issued - $base }

sub refused { return scalar grep { $_->{refused} } $idp->requests }

sub good {
    my ($id) = @_;

    return scalar grep { !$_->{refused} } $q->attempts($idp, $id);
}

sub delivered {
    my ($n) = @_;

    wait_delivered(20, $q->send_many($n, 'erp'));
}

sub wait_delivered {
    my ($s, @ids) = @_;

    my $left = sub {
        my %good = map { $_->header('Webhook-Id') => 1 }
                   grep { !$_->{refused} && $_->{uri} ne '/token' }
                   $idp->requests;

        return scalar grep { !$good{$_} } @ids;
    };

    wait_until($s, sub { !$left->() });
    is($left->(), 0, scalar(@ids) . ' delivered');
}

sub once {
    my %n;

    $n{ $_->header('Webhook-Id') }++
        for grep { !$_->{refused} && $_->{uri} ne '/token' } $idp->requests;

    is(scalar(grep { $_ != 1 } values %n), 0, 'each event once');
}

sub first {
    is(scalar(grep { $_->{uri} ne '/token'
                     && $_->header('X-Event-Attempt') != 1 } $idp->requests),
        0, 'no attempt counts twice');
}
