#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The quarantine beside "encrypt=": of a request that was refused no byte can
# be read in the store, in files and in Redis; it is listed, shown and judged
# again as without, also after the keys were rotated, and waits for a key that
# is missing.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Test::EventRouter;

my @key = ('BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=',
           'fedcba9876543210' x 4);
my @canary = qw(canary-body canary-argument canary-header canary-id
                canary-subject);

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $new = $t->secret('the-secret-since-it-was-rotated!');

$t->expect_log(qr/sealed with the key|cannot be read/,
    'that is what is tested');

for my $store (qw(file redis)) {
    subtest($store => sub { all($store) });
}

$t->done;


sub keys_are {
    my $path = $t->write_file('keys', join '', map { "$_\n" } @_);

    chmod 0600, $path or die;
}


sub config {
    my ($store, $secret) = @_;

    my $in = ($store eq 'file' ? 'file:%%TESTDIR%%/store size=64m'
                               : 'redis://127.0.0.1:%%PORT_6379%%')
             . ' encrypt=file:%%TESTDIR%%/keys';

    $t->write_file('conf/secret', $secret);
    $t->config(<<"EOC");

    event_store $in;

    event_source shop {
        verify hmac-sha256;
        secret file:secret;
        signature header:X-Signature;
        signed "{body}";
        id "{json:id}";
        type "{json:type}";
        subject "{json:shop}";
        delivery queued;
        quarantine 1h size=8m;
    }

    event_target erp { retry off; }
    event_route known { from shop; when type = order; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop   { event_receive shop; }
        location = /status { event_status; }
        location /admin/   { event_admin access=nginx reveal; }
        location = /erp    { event_deliver erp;
                             proxy_pass http://127.0.0.1:%%PORT_8081%%/erp; }
    }
EOC
}


# the canaries that are in the store as they are, whatever sort of key has them

sub in_store {
    my ($store) = @_;

    my $all = '';

    if ($store eq 'file') {
        $all = join '', map { $t->read_file("store/$_") } qw(data.mdb);

    } else {
        for my $key (@{ $redis->command(KEYS => '*') }) {
            my $type = $redis->command(TYPE => $key);
            my %of = (hash => [ 'HGETALL' ], string => [ 'GET' ],
                      list => [ LRANGE => 0, -1 ], set => [ 'SMEMBERS' ],
                      zset => [ ZRANGE => 0, -1 ]);
            my ($verb, @args) = @{ $of{$type} // die "a $type\n" };
            my $value = $redis->command($verb => $key, @args);

            $all .= join "\n", $key, ref $value ? @$value : $value, '';
        }
    }

    ok(length $all > 500, 'there is something to look at');

    return join ' ', grep { index($all, $_) >= 0 } @canary;
}


sub shop {
    my ($n) = @_;

    my $body = qq({"id":"canary-id-$n","type":"order",)
               . qq("shop":"canary-subject","note":"canary-body-$n"});

    return $t->post('/shop?x=canary-argument', $body, [
        'Content-Type' => 'application/json',
        'X-Signature' => hmac_sha256_hex($body, $new),
        'X-Shop' => 'canary-header' ])->{status};
}


sub kept {
    my ($n) = @_;

    my @list;

    ok(wait_until(10, sub {
        my $r = $t->get('/admin/v1/quarantine?source=shop');

        @list = $r->{status} == 200 ? @{ $r->json->{requests} } : ();
        return @list == $n;
    }), "$n are kept") or diag(scalar @list);

    return @list;
}


# what stands in them, in any order: two workers keep them

sub bodies {
    return join ' ', sort map {
        ($t->get("/admin/v1/quarantine/$_->{id}?body=1")->json->{body} // '')
            =~ /"(canary-body-\d)"/
    } @_;
}


sub recheck {
    return $t->post('/admin/v1/recheck?source=shop', '',
        [ 'X-Event-Admin' => 1 ])->json;
}


sub delivered {
    my %n;

    $n{ $_->json->{id} }++ for $target->requests;

    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}


sub all {
    my ($store) = @_;

    $target->forget;

    # refused, since the secret is the old one

    keys_are($key[0]);
    config($store, 'the-secret-before-it-was-rotated');
    $t->run;
    is(shop($_), 401, 'refused') for 1 .. 3;

    my @list = kept(3);

    is(in_store($store), '', 'no byte of it is to be read');
    is(bodies(@list), 'canary-body-1 canary-body-2 canary-body-3',
        'but shown');

    # another key before the old one, and one more

    keys_are($key[1], $key[0]);
    ok($t->reload, 'a new key before the old one');
    is(shop(4), 401, 'refused');
    @list = kept(4);
    is(in_store($store), '', 'nor is it with the new key');
    is(bodies(@list), join(' ', map { "canary-body-$_" } 1 .. 4),
        'sealed with the new one, and with the old one');

    # without the old key that one cannot be read; it is neither lost nor wrong

    if ($store eq 'redis') {
        keys_are($key[1]);
        ok($t->reload, 'without the old key');
        kept(1);
        keys_are($key[1], $key[0]);
        ok($t->reload, 'it is back');

    } else {
        keys_are($key[1]);

        my ($ok, $said) = $t->check_config;

        ok(!$ok, 'a key that is in use is not taken away');
        like($said, qr/sealed with the key [0-9a-f]{16}, which is not in/,
            'which is said');
        keys_are($key[1], $key[0]);
    }

    # the secret is right now

    config($store, $new);
    ok($t->reload, 'with the new secret');
    is(recheck()->{admitted}, 4, 'all are genuine');
    ok(wait_until(10, sub { $target->count == 4 }), 'and delivered');
    is(delivered(), join(' ', map { "canary-id-$_:1" } 1 .. 4), 'each once');
    kept(0);
    is(in_store($store), '', 'and nothing was left to be read');
    unlike($t->read_file('logs/error.log'), qr/canary-body/,
        'nor in error.log');

    $t->stop;
}
