#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "jwt keys=": sets of keys that a location leads to.  Who waits for them and
# who does not, how often they are fetched whatever tokens come, what becomes
# of events whose key is new, and sets that are none.
#
# A set may be asked for again when a minute has passed: all cases have sources
# of their own, so one minute does for them all.  Where the clock of nginx can
# be set nobody waits for it, and sets also grow old.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(encode_base64url decode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Client;
use Time::HiRes ();

my $t = Test::EventRouter->new(workers => 4);
my $erp = $t->target(8081);
my $idp = $t->target(8082);
my $dir = $t->dir;
my $json = JSON::PP->new->canonical;
my (%jwk, $serial);
my $ahead = 0;                  # seconds that the clock of nginx is

# name => [ algorithm of openssl, its parameter, curve, bytes of a number ]

my %kinds = (
    rsa   => [ 'RSA', 'rsa_keygen_bits:2048' ],
    rsa2  => [ 'RSA', 'rsa_keygen_bits:2048' ],
    p256  => [ 'EC', 'ec_paramgen_curve:P-256', 'P-256', 32 ],
    p384  => [ 'EC', 'ec_paramgen_curve:P-384', 'P-384', 48 ],
    p521  => [ 'EC', 'ec_paramgen_curve:P-521', 'P-521', 66 ],
    ed    => [ 'ED25519', undef, 'Ed25519', 32 ],
);

make_key($_) for sort keys %kinds;

my @names = qw(a storm rot down big broken only many hs use late old quiet
               kid gone claim left slow moved age stale aged short long none
               secret);
my $clock = $t->clock(undef, timers => 1);

configure();
$t->run;

answer($_, 'rsa') for qw(a storm rot late old claim);
$idp->answer('/only', body => set(only => 'rsa'));
$idp->answer('/down', fault => 'close');
$idp->answer('/big', size => 10_000_000);
$idp->answer('/broken', body => '<html>not found</html>');
$idp->answer('/gone', status => 500);
$idp->answer('/many', body => set(map { ($_ => $_) }
    qw(rsa rsa2 p256 p384 p521 ed)));
$idp->answer('/hs', body => '{"keys":[{"kty":"oct","kid":"oct","alg":"HS256",'
    . '"k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"},' . jwk('rsa') . ']}');
$idp->answer('/use', body => '{"keys":['
    . join(',', jwk('rsa', use => 'enc'), jwk('rsa2', alg => 'RS512'),
           jwk('p256', key_ops => [ 'sign' ]), jwk('ed')) . ']}');


subtest 'the first events wait' => sub {
    $idp->answer('/a', body => set(rsa => 'rsa'), delay => 0.7,
        headers => [ 'Cache-Control' => 'public, max-age=7200',
                     Age => 200 ]);

    my @c = map { $t->connect } 1 .. 20;

    $_->send(POST => '/a', headers(token('rsa')), body()) for @c;

    is(join(' ', map { $_->response->{status} } @c), join(' ', (200) x 20),
        'for the set');
    is(fetched('a'), 1, 'which one worker fetches');

    my ($r) = $idp->requests(uri => '/a');

    is($r->{method}, 'GET', 'by GET');
    like($r->header('Accept'), qr{application/jwk-set\+json}, 'Accept');
    is($r->header('Authorization'), undef, 'without the token');
    ok($t->wait_log(qr/the key set of source "a" was fetched: 1 keys, and 0 that are for something else, it is good for 7000s/),
        'its age is told');
    is(status('a', token('rsa')), 200, 'the next one finds it');
    is(fetched('a'), 1, 'there');
};


subtest 'who leaves' => sub {
    $idp->answer('/left', body => set(rsa => 'rsa'), delay => 0.7);

    my @c = map { $t->connect } 1 .. 9;

    $_->send(POST => '/left', headers(token('rsa')), body()) for @c;

    sleep 0.2;
    $_->close for @c[0 .. 2];
    $_->reset for @c[3 .. 5];

    is(join(' ', map { $_->response->{status} } @c[6 .. 8]), '200 200 200',
        'harms nobody');
    is(fetched('left'), 1, 'one set');
    is(status('left', token('rsa')), 200, 'and nothing behind it');
};


subtest 'reload while some wait' => sub {
    $idp->answer('/slow', body => set(rsa => 'rsa'), delay => 1.5);

    my @c = map { $t->connect } 1 .. 5;

    $_->send(POST => '/slow', headers(token('rsa')), body()) for @c;

    sleep 0.2;
    $t->reload;

    is(status('slow', token('rsa')), 202, 'a new worker waits, too');
    is(join(' ', map { $_->response->{status} } @c), join(' ', (202) x 5),
        'and the old ones answer, of a queue');
    is(fetched('slow'), 1, 'for one fetch');
    $t->wait_old_workers;
};


subtest 'all that sign' => sub {
    for (qw(rsa:RS256 rsa:RS384 rsa:RS512 rsa2:PS256 rsa2:PS512 p256:ES256
            p384:ES384 p521:ES512 ed:EdDSA ed:Ed25519))
    {
        my ($key, $alg) = split /:/;

        is(status('many', token($key, alg => $alg)), 200, "$alg");
        is(status('many', token($key, alg => $alg) =~ s/.{5}$/AAAAA/r), 401,
            "$alg, another signature");
    }

    is(fetched('many'), 1, 'one set');
};


subtest 'tokens that are refused' => sub {
    my $pem = do { local (@ARGV, $/) = "$dir/rsa.pub"; <> };
    my @cases = (
        [ 'no algorithm' => 'many', token('rsa', alg => 'none') ],
        [ 'HS256 with the public key as secret' => 'many',
          hs256({ alg => 'HS256', kid => 'rsa' }, $pem) ],
        [ 'HS256 of the set' => 'hs', hs256({ alg => 'HS256', kid => 'oct' },
            'secret-secret-secret-secret') ],
        [ 'no name, and several keys' => 'many',
          token('rsa', alg => 'RS256', kid => undef) ],
        [ 'a name that is a number' => 'many',
          token('rsa', alg => 'RS256', kid => 7) ],
        [ "another key's algorithm" => 'many', token('p256', kid => 'rsa') ],
        [ 'a key that is called otherwise' => 'many',
          token('rsa', kid => 'rsa2') ],
        [ 'one that names RS512' => 'use', token('rsa2', alg => 'RS256') ],
        [ 'another issuer' => 'many', token('rsa', iss => 'other') ],
        [ 'an unknown key and another issuer' => 'many',
          token('rsa', kid => 'no', iss => 'other') ],
        [ 'an unknown key, and too old' => 'many',
          token('rsa', kid => 'no', exp => time - 100) ],
        [ 'no token' => 'many', 'x' ],
    );

    is(status('use', token('ed')), 200, 'a set with a good key');
    is(status('hs', token('rsa')), 200, 'another one');

    for my $case (@cases) {
        my ($name, $source, $token) = @$case;

        is(status($source, $token), 401, $name);
    }

    is(status('use', token('rsa2', alg => 'RS512')), 200, 'RS512 is good');
    is(status('use', token($_)), 503, "$_ is for something else")
        for qw(rsa p256);
    is(fetched($_), 1, "one set of $_") for qw(many use hs);
};


subtest 'a claim' => sub {
    is(status('claim', token('rsa', email => 'push:me')), 200, 'as it is');
    is(status('claim', token('rsa', email => $_)), 401, "another one: $_")
        for 'push', 'push:me2', 'push:m', '';
    is(status('claim', token('rsa')), 401, 'none');
    is(status('claim', token('rsa', email => [ 'push:me' ])), 401, 'a list');
};


subtest 'a token without a name' => sub {
    is(status('only', token('rsa', kid => undef)), 200, 'is of the only key');
    is(status('only', token('rsa2', kid => undef)), 503,
        'if not, there may be another one by now');
    is(fetched('only'), 1, 'one set');
};


subtest 'a thousand names' => sub {
    is(status('storm', token('rsa')), 200, 'a good one first');

    my @c = map { $t->connect } 1 .. 20;
    my (%status, %retry);

    for my $round (1 .. 50) {
        for my $i (0 .. $#c) {
            $c[$i]->send(POST => '/storm',
                headers(forged("kid-$round-$i")), body());
        }

        for (@c) {
            my $r = $_->response;

            $status{ $r->{status} }++;
            $retry{ $r->header('Retry-After') // '' }++;
        }
    }

    is_deeply(\%status, { 503 => 1000 }, 'are told to come again');
    ok(!(grep { $_ !~ /^[1-9]\d?$/ || $_ > 61 } keys %retry),
        'within a minute');
    is(fetched('storm'), 1, 'and nothing is fetched');
    is(status('storm', token('rsa')), 200, 'a good one is as good as ever');
    like($t->post('/storm', body(), headers(forged('x')))->json->{detail},
        qr/the key of the event's token is not known/, 'and why');
};


subtest 'a set that cannot be had' => sub {
    for my $name (qw(down big broken gone)) {
        my $r = $t->post("/$name", body(), headers(token('rsa')));

        is($r->{status}, 503, "$name: 503");
        cmp_ok($r->header('Retry-After'), '<=', 61, "$name: come again");
        is(status($name, token('rsa')), 503, "$name: again");
        is(fetched($name), 1, "$name: one fetch");
    }

    ok($t->wait_log(qr/no key set for source "down": "\/keys\/down" gave no answer, it is asked again in a minute/),
        'nobody answers');
    ok($t->wait_log(qr/no key set for source "big": "\/keys\/big" answered with what is larger than 256 KB/),
        '10 MB');
    ok($t->wait_log(qr/no key set for source "broken": "\/keys\/broken" answered with what is not JSON/),
        'HTML');
    ok($t->wait_log(qr/no key set for source "gone": "\/keys\/gone" answered 500/),
        'an error');
    is(scalar(grep { /no key set for source "down"/ } $t->log_lines), 1,
        'a line a fetch');
    cmp_ok($idp->open, '<', 10, 'the large one was not read to its end');
};


my $new = token('rsa2', kid => 'new');

subtest 'a key that is new' => sub {
    is(status('rot', token('rsa')), 200, 'the old one');
    answer('rot', 'rsa', new => 'rsa2');
    is(status('rot', $new), 503, 'comes again in a minute');
    is(fetched('rot'), 1, 'without a fetch');
};


# the set was fetched since the event came, so that it is no key of its

my $late = token('rsa2', kid => 'late');

subtest 'quarantine' => sub {
    is(status('late', $late), 401, 'an unknown key, and a set behind it');
    is(status('old', token('rsa'), '{"id":"u","type":"x"}'), 422,
        'a good key, and not what is required');

    my @kept = kept('late');

    is(scalar @kept, 1, 'is kept');
    like($kept[0]{why}, qr/the token's key is not in the key set/, 'and why');

    is(scalar(kept('old')), 1, 'so is the other one');
    is(fetched('late'), 1, 'one set');
};


subtest 'explain' => sub {
    my $r = explained('a', token('rsa'));

    is($r->{verification}{verdict}, 'ok', 'a known key');

    $r = explained('a', forged('strange'));
    is($r->{verification}{verdict}, 'failed', 'an unknown one');
    like($r->{verification}{reason}, qr/not in the key set/, 'says so');
    is($r->{refused}{status}, 503, 'and what the producer is told');

    $r = explained('quiet', token('rsa'));
    is($r->{refused}{status}, 503, 'a location that does not answer');
    is(fetched('a'), 1, 'nothing is fetched');
};


subtest 'keys one by one' => sub {
    for (qw(rsa rsa2)) {
        $idp->answer("/kid/$_", body => '{"key":' . jwk($_,
            expired_at => undef, created_at => 1) . ',"request_id":"r"}');
    }

    is(status('kid', token('rsa')), 200, 'one');
    is(status('kid', token('rsa')), 200, 'again');
    is(status('kid', token('rsa2')), 503, 'another one has to wait');
    is(fetched('kid/rsa'), 1, 'asked for by its name');
    is(status('kid', forged('a b')), 401,
        'a name that cannot be asked for is of no key');
    is(status('kid', forged('x&y=%2e')), 401, 'nor is this one');
};


subtest 'reload' => sub {
    $t->reload;

    is(status('a', token('rsa')), 200, 'the keys are there');
    is(status('storm', forged('y')), 503, 'and when they came');
    is(fetched($_), 1, "one set of $_") for qw(a storm);

    # another configuration, whose locations may lead elsewhere

    $t->write_file('conf/more.conf', "# more\n");
    configure(http => 'include more.conf;', require => '');
    $t->reload;
    is(status('a', token('rsa')), 200, 'another nginx.conf: they are used');

    is(post("/admin/v1/recheck?source=old")->{admitted}, 1,
        'what was verified is so, whatever keys there are now');
};


# a worker that ends has asked whom nobody is to ask any more

subtest 'a reload to another key server' => sub {
    $idp->answer('/moved', body => set(rsa => 'rsa'), delay => 1.5);
    $idp->answer('/moved/away', body => set(rsa2 => 'rsa2'));

    my $c = $t->connect;

    $c->send(POST => '/moved', headers(token('rsa')), body());
    sleep 0.3;

    configure(http => 'include more.conf;', require => '', moved => '/away');
    $t->reload;

    is(status('moved', token('rsa2')), 200, 'its keys are known');
    is($c->response->{status}, 200, 'whoever waits for the old one is heard');
    $t->wait_old_workers;
    is(status('moved', token('rsa')), 503, 'whose key is none now');
    is(status('moved', token('rsa2')), 200, 'the new one stays');
    is(fetched($_), 1, "asked once: $_") for 'moved', 'moved/away';
};


# ---- a minute later

$clock ? later(61) : sleep 61;


subtest 'a minute later: a thousand names' => sub {
    my $before = fetched('storm');
    my @c = map { $t->connect } 1 .. 20;
    my %status;

    $idp->answer('/storm', body => set(rsa => 'rsa'), delay => 0.5);

    for my $round (1 .. 10) {
        $_->send(POST => '/storm', headers(forged("again-$round-" . $_)),
            body()) for @c;
        $status{ $_->response->{status} }++ for @c;
    }

    is(fetched('storm') - $before, 1, 'one more fetch');
    cmp_ok($status{401} // 0, '>=', 1, 'some are refused for good');
    is(($status{401} // 0) + ($status{503} // 0), 200, 'and none is taken');
};


subtest 'a key that was new' => sub {
    is(status('rot', $new), 200, 'is known');
    is(status('rot', token('rsa')), 200, 'so is the old one');
    is(fetched('rot'), 2, 'by one more fetch');
};


subtest 'a set that could not be had' => sub {
    answer($_, 'rsa') for qw(down big broken gone);

    for (qw(down big broken gone)) {
        is(status($_, token('rsa')), 200, "$_: works now");
        is(fetched($_), 2, "$_: by one more fetch");
    }
};


subtest 'a set that cannot be had any more' => sub {
    $idp->answer('/a', fault => 'close');
    is(status('a', forged('new')), 503, 'an unknown key');
    is(status('a', token('rsa')), 200, 'the old ones are good');
};


subtest 'judged again' => sub {
    answer('late', 'rsa', late => 'rsa2');

    my $r = post('/admin/v1/recheck?source=late');

    is($r->{admitted}, 1, 'its key is known now');
    is(fetched('late'), 2, 'by one more fetch');
};


subtest 'keys one by one, later' => sub {
    is(status('kid', token('rsa2')), 200, 'another one');
    is(status('kid', token('rsa')), 200, 'beside the first one');
    is(fetched('kid/rsa2'), 1, 'asked for by its name');
    is(fetched('kid/rsa'), 1, 'which is not asked for again');
};


# ---- hours later

SKIP: {
    skip 'no libfaketime', 1 if !$clock;

    subtest 'how long a set is good' => \&ages;
    subtest 'a set that grows old' => \&renewed;
    subtest 'a set that is too old' => \&stale;
    subtest 'keys one by one, which grow old' => \&aged;
}


$t->done;


sub ages {
    my %cases = (
        short  => [ 'public, max-age=20', 300 ],
        long   => [ 'max-age=99999999999', 86400 ],
        secret => [ 'max-age=4000, no-store', 300 ],
        none   => [ 'public', 3600 ],
    );

    for (sort keys %cases) {
        my ($control, $age) = @{ $cases{$_} };

        control($_, $control, rsa => 'rsa');
        is(status($_, token('rsa')), 200, $control);
        ok($t->wait_log(qr/the key set of source "$_" was fetched: 1 keys, .* it is good for ${age}s/),
            "is ${age}s");
    }
}


# at three quarters of its age

sub renewed {
    control('age', 'max-age=4000', rsa => 'rsa');
    is(status('age', token('rsa')), 200, 'a set for 4000 s');

    later(2990);
    is(status('age', token('rsa')), 200, '2990 s later');
    is(fetched('age'), 1, 'is not asked for');

    later(20);
    $idp->answer('/age', body => set(rsa2 => 'rsa2'), delay => 1,
        headers => [ 'Cache-Control' => 'max-age=4000' ]);

    my $begin = Time::HiRes::time();

    is(join(' ', map { status('age', token('rsa')) } 1 .. 5),
        '200 200 200 200 200', '20 s more: its keys are used');
    cmp_ok(Time::HiRes::time() - $begin, '<', 0.9, 'at once');
    ok(wait_until(5, sub { fetched('age') == 2 }), 'it is asked for');
    ok(wait_until(5, sub { status('age', token('rsa2')) == 200 }),
        'there is a new one');
    is(status('age', token('rsa')), 503, 'and the old one is none');

    later(2900);
    is(status('age', token('rsa2')), 200, '2900 s later');
    is(fetched('age'), 2, 'is not asked for again');
}


# who cannot renew it uses it, and asks once a minute

sub stale {
    control('stale', 'max-age=4000', rsa => 'rsa');
    is(status('stale', token('rsa')), 200, 'a set for 4000 s');

    $idp->answer('/stale', fault => 'close');
    later(3010);
    is(status('stale', token('rsa')), 200, 'that is not renewed');
    ok(wait_until(5, sub { fetched('stale') == 2 }), 'is asked for');
    is(status('stale', token('rsa')), 200, 'once') for 1 .. 5;
    is(fetched('stale'), 2, 'a minute');

    later(1000);
    is(status('stale', token('rsa')), 200, 'beyond its age it is used');
    is(fetched('stale'), 3, 'when it was asked for again');

    later(61);
    $idp->answer('/stale', body => set(rsa2 => 'rsa2'), delay => 0.7);

    my $begin = Time::HiRes::time();

    is(status('stale', token('rsa')), 401, 'an event waits for the new one');
    cmp_ok(Time::HiRes::time() - $begin, '>', 0.6,
        'which has no such key and is younger than the token');
    is(status('stale', token('rsa2')), 200, 'but this one is');
    is(fetched('stale'), 4, 'by one fetch');
}


# nothing renews them, so they end

sub aged {
    for (qw(rsa rsa2)) {
        control("aged/$_", 'max-age=4000', $_ => $_);
        is(status('aged', token($_)), 200, "$_ for 4000 s");
        later(100);
    }

    later(3700);
    is(status('aged', token($_)), 200, "$_ is known for 3900 s")
        for qw(rsa rsa2);

    $idp->answer("/aged/$_", status => 404) for qw(rsa rsa2);
    later(200);

    is(status('aged', token('rsa')), 401, 'the first one is no key any more');
    is(fetched('aged/rsa'), 2, 'by one more fetch');
    is(fetched('aged/rsa2'), 1, 'of it alone');
    is(status('aged', token('rsa2')), 503, 'the other one is not known');
}


# ---- what the cases share

sub configure {
    my (%o) = @_;

    my ($sources, $locations) = ('', '');
    my $require = $o{require} // 'require data.n is number;';

    for (@names) {
        my $more = ($_ eq 'late') ? 'quarantine 1h;'
                   : ($_ eq 'old') ? "quarantine 1h; $require" : '';
        my $by = /^(kid|aged)$/ ? 'by=kid'
                 : ($_ eq 'claim') ? 'claim=email:push:me' : '';

        $more = 'delivery queued;' if $_ eq 'slow';

        $sources .= "event_source $_ { verify jwt; id \"{json:id}\";"
            . " type \"{json:type}\"; jwt keys=/keys/$_ $by issuer=idp"
            . " leeway=5s; dedup off; $more }\n";
        $locations .= "location = /$_ { event_receive $_; }\n"
            . "location = /explain/$_ { event_explain $_ access=nginx; }\n"
            . "location = /keys/$_ { internal; proxy_pass "
            . "http://127.0.0.1:%%PORT_8082%%/$_"
            . ($by eq 'by=kid' ? '/$arg_kid' : '')
            . ($_ eq 'moved' ? $o{moved} // '' : '') . ";\n"
            . "proxy_read_timeout 2s; proxy_set_header X-Kid \$arg_kid; }\n";
    }

    $o{http} //= '';

    $t->config(<<"EOC");
    event_store file:%%TESTDIR%%/store size=64m;
    $o{http}
    $sources
    event_route all { from *; to erp; }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        $locations
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
            proxy_read_timeout 5s;
            proxy_connect_timeout 5s;
            proxy_send_timeout 5s;
        }
        allow 127.0.0.1;
        deny all;
        location /admin/ { event_admin role=act access=nginx; }
    }
EOC
}


sub make_key {
    my ($name) = @_;

    my ($type, $option, $crv, $size) = @{ $kinds{$name} };

    system("openssl genpkey -algorithm $type "
        . ($option ? "-pkeyopt $option" : '')
        . " -out $dir/$name 2>/dev/null && openssl pkey -in $dir/$name"
        . " -pubout -out $dir/$name.pub") == 0 or die "openssl $name";

    my $pem = do { local (@ARGV, $/) = "$dir/$name.pub"; <> };
    my $der = decode_base64($pem =~ s/-----.*?-----//gr);

    if (!$crv) {
        my $n = `openssl rsa -pubin -in $dir/$name.pub -modulus -noout`;

        ($n) = $n =~ /=([0-9A-F]+)/ or die;
        $jwk{$name} = { kty => 'RSA', e => 'AQAB',
                        n => encode_base64url(pack 'H*', $n) };
        return;
    }

    my $raw = substr $der, $crv eq 'Ed25519' ? -$size : -2 * $size;

    $jwk{$name} = { kty => $crv eq 'Ed25519' ? 'OKP' : 'EC', crv => $crv,
                    x => encode_base64url(substr $raw, 0, $size) };
    $jwk{$name}{y} = encode_base64url(substr $raw, $size)
        if $crv ne 'Ed25519';
}


# name of the key in the set, name of the key here

sub set {
    my (@keys) = @_;

    my @jwk;

    while (my ($kid, $key) = splice @keys, 0, 2) {
        push @jwk, jwk($key, kid => $kid eq 'only' ? undef : $kid);
    }

    return '{"keys":[' . join(',', @jwk) . ']}';
}


sub jwk {
    my ($name, %more) = @_;

    my %key = (%{ $jwk{$name} }, kid => $name, %more);

    delete $key{kid} if !defined $key{kid};

    return $json->encode(\%key);
}


sub answer {
    my ($path, $key, @more) = @_;

    $idp->answer("/$path", body => set($key => $key, @more));
}


sub token {
    my ($key, %o) = @_;

    my %usual = (rsa => 'RS256', rsa2 => 'RS256', p256 => 'ES256',
        p384 => 'ES384', p521 => 'ES512', ed => 'EdDSA');
    my $alg = $o{alg} // $usual{$key};
    my %head = (alg => $alg, kid => exists $o{kid} ? $o{kid} : $key);

    delete $head{kid} if !defined $head{kid};

    my $text = part(\%head) . '.' . part({ iss => $o{iss} // 'idp',
        exp => $o{exp} // time + $ahead + 600,
        exists $o{email} ? (email => $o{email}) : () });

    return "$text." if $alg eq 'none';

    $t->write_file('message', $text);

    my ($bits) = $alg =~ /(\d+)$/;
    my $sign = $alg =~ /^Ed/
               ? "pkeyutl -sign -rawin -inkey $dir/$key -in $dir/message"
               : "dgst -sha$bits -sign $dir/$key "
                 . ($alg =~ /^PS/ ? '-sigopt rsa_padding_mode:pss -sigopt '
                                    . 'rsa_pss_saltlen:-1 ' : '')
                 . "$dir/message";
    my $sig = `openssl $sign`;

    $sig = raw($sig, $kinds{$key}[3]) if $alg =~ /^ES/;

    return "$text." . encode_base64url($sig);
}


# r and s of the DER of an ECDSA signature

sub raw {
    my ($der, $size) = @_;

    my $at = (ord(substr $der, 1, 1) & 0x80) ? 3 : 2;
    my $raw = '';

    for (1 .. 2) {
        my $len = ord substr $der, $at + 1, 1;
        my $n = substr $der, $at + 2, $len;

        $n =~ s/^\0+//;
        $raw .= ("\0" x ($size - length $n)) . $n;
        $at += 2 + $len;
    }

    return $raw;
}


# the clock of nginx goes on by seconds

sub later {
    my ($seconds) = @_;

    $ahead += $seconds;
    $t->clock(time + $ahead);
}


sub control {
    my ($path, $control, @keys) = @_;

    $idp->answer("/$path", body => set(@keys),
        headers => [ 'Cache-Control' => $control ]);
}


sub part { encode_base64url($json->encode($_[0])) }


# a token of a key that nobody has

sub forged {
    my ($kid) = @_;

    return join '.', part({ alg => 'RS256', kid => "$kid" }),
        part({ iss => 'idp', exp => time + $ahead + 600 }),
        encode_base64url('x' x 256);
}


sub hs256 {
    my ($head, $secret) = @_;

    require Digest::SHA;

    my $text = join '.', part($head),
        part({ iss => 'idp', exp => time + $ahead + 600 });

    return "$text." . encode_base64url(Digest::SHA::hmac_sha256($text,
        $secret));
}


sub headers {
    my ($token) = @_;

    return [ 'Content-Type' => 'application/json',
             Authorization => "Bearer $token" ];
}


sub body { '{"id":"' . ++$serial . '","type":"x","n":1}' }


sub status {
    my ($name, $token, $body) = @_;

    return $t->post("/$name", $body // body(), headers($token))->{status};
}


sub explained {
    my ($name, $token) = @_;

    return $t->post("/explain/$name", body(), headers($token))->json;
}


sub fetched { scalar(my @r = $idp->requests(uri => "/$_[0]")) }


# it is written behind the answer

sub kept {
    my ($name) = @_;

    my $list;

    wait_until(5, sub {
        $list = $t->get("/admin/v1/quarantine?source=$name")->json->{requests};
        return @$list;
    });

    return @$list;
}


sub post { $t->post($_[0], '', [ 'X-Event-Admin' => 1 ])->json }
