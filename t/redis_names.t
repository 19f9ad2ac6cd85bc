#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Where Redis is: names that move, have several addresses, are not known yet or
# are looked up slowly; sentinels with a password, and what they answer; and who
# we are: client certificates.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use FakeRedis qw(:all);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

my $t = node();
my $library = "$t->{dir}/hosts.so";

plan skip_all => 'no compiler'
    if system("cc -shared -fPIC -o $library $FindBin::Bin/fault/hosts.c -ldl");

$t->{environment} = { LD_PRELOAD => $library,
    ER_FAULT_HOSTS => "$t->{dir}/hosts" };
$t->expect_log(qr/redis|"event_store"|cannot load cert/,
    'that is what is tested');
$t->workers_may_change('reload');

my $target = target($t);
my $redis = $t->redis(6379);
my $port = $redis->port;
my $serial = 0;


# ---- a name that moves

my $other = server('127.0.0.2');

hosts('redis.test 127.0.0.1');
begin("redis://redis.test:$port");
is(post($t, event())->{status}, 202, 'a name');
is(looked('main'), 0, 'is not looked up in the event loop');
cmp_ok(looked('thread'), '>', 0, 'but in a thread');

hosts('redis.test 127.0.0.2');
$redis->stop;
ok(accepts(), 'it has moved: found again');
is($other->command(EXISTS => "n$serial:{q0}:m"), 1, 'where it is now');
$redis->start;
ok($t->stop, 'nginx ends');


# ---- several addresses

hosts('redis.test 127.0.0.3 127.0.0.4 127.0.0.1');
begin("redis://redis.test:$port");
is(post($t, event())->{status}, 202, 'the third of three addresses');
is(said(qr/meanwhile/, 0), '', 'it was not away for that');

hosts('redis.test 127.0.0.3 127.0.0.2');
$redis->stop;
ok(accepts(), 'another one, the second of two');
$redis->start;
ok($t->stop, 'nginx ends');

# the first address is a replica

$other->command(REPLICAOF => '127.0.0.1', $port);
hosts('redis.test 127.0.0.2 127.0.0.1');
begin("redis://redis.test:$port");
ok(accepts(), 'the first one is a replica: the second one');
$other->command(REPLICAOF => 'NO', 'ONE');
ok($t->stop, 'nginx ends');


# ---- not known, and slow

hosts('redis.test');
configure($t, store => "redis://redis.test:$port" . fresh());

my ($good, $out) = $t->check_config;

ok($good, 'a name that nobody knows: nginx -t takes it');
like($out, qr/\[warn\].*"redis.test" cannot be resolved now .*nginx.conf:\d+/,
    'and warns');

begin("redis://redis.test:$port");
like(told(post($t, event())), qr/^503, later/, 'nginx starts, events wait');
ok(said(qr/"redis.test" cannot be resolved: \w+/), 'the log says why');
hosts('redis.test 127.0.0.1');
ok(accepts(), 'it is known now');
ok($t->stop, 'nginx ends');

for my $on_error (qw(local open closed)) {
    hosts('redis.test');
    begin("file:$t->{dir}/store size=8m", dedup => "redis://redis.test:$port",
        source => "dedup 1h on_error=$on_error;");
    is(post($t, event())->{status}, $on_error eq 'closed' ? 503 : 202,
        "on_error=$on_error holds");
    ok($t->stop, 'nginx ends');
}

hosts('redis.test sleep=700 127.0.0.1');
begin("redis://redis.test:$port");

my $begin = time;

is($t->get('/status')->{status}, 200, 'a slow look-up holds up nobody');
cmp_ok(time - $begin, '<', 0.5, 'at all');
ok(accepts(), 'and is of use when it is over');
is(looked('main'), 0, 'all in threads');
ok($t->stop, 'nginx ends');


# ---- sentinels

hosts('sentinel.test 127.0.0.1', 'master.test 127.0.0.1');

my $sentinel = FakeRedis->start(commands => {
    AUTH => sub {
        my ($conn, @args) = @_;
        my $mode = $conn->{redis}->mode;

        return err('ERR AUTH <password> called without any password '
                   . 'configured for the default user') if $mode eq 'open';

        my $want = $mode eq 'user' ? 'watch good' : 'good';

        $conn->{in_ok} = "@args[1 .. $#args]" eq $want;

        return $conn->{in_ok} ? status('OK')
             : err('WRONGPASS invalid username-password pair or user is '
                   . 'disabled.');
    },
    SENTINEL => sub {
        my ($conn) = @_;
        my $mode = $conn->{redis}->mode;

        return err('NOAUTH Authentication required.')
            if !$conn->{in_ok} && $mode ne 'open';

        return $mode eq 'none' ? "*-1\r\n"
             : $mode eq 'unknown' ? err('IDONTKNOW I am not sure')
             : $mode eq 'loading' ? err('LOADING Redis is loading')
             : $mode eq 'redis' ? err("ERR unknown command 'SENTINEL'")
             : array(bulk($mode eq 'name' ? 'master.test' : '127.0.0.1'),
                     bulk($port));
    } });

my $at = 'redis-sentinel://sentinel.test:' . $sentinel->port . '/main';

$t->write_file('good', "good\n");
$t->write_file('bad', "bad\n");

my $pass = "sentinel_password_file=$t->{dir}/good";

$sentinel->mode('');
begin($at, more => $pass);
is(post($t, event())->{status}, 202, 'a sentinel with a password');
ok($t->stop, 'nginx ends');

$sentinel->mode('user');
begin($at, more => "$pass sentinel_user=watch");
is(post($t, event())->{status}, 202, 'and a user');
ok($t->stop, 'nginx ends');

$sentinel->mode('name');
begin($at, more => $pass);
is(post($t, event())->{status}, 202, 'the master by its name');
ok($t->stop, 'nginx ends');

for my $case (
    [ '', '', 'wants a password.*sentinel_password_file=' ],
    [ '', "sentinel_password_file=$t->{dir}/bad",
        'refuses the password.*sentinel_password_file=' ],
    [ 'open', $pass, 'refuses AUTH.*remove sentinel_password_file=' ],
    [ 'none', $pass, 'does not know this master.*name behind the last' ],
    [ 'unknown', $pass, 'does not know where the master is yet' ],
    [ 'loading', $pass, 'is not ready yet' ],
    [ 'redis', $pass, 'does not know SENTINEL.*26379' ])
{
    my ($mode, $more, $re) = @$case;

    $sentinel->mode($mode);
    begin($at, more => $more);
    is(post($t, event())->{status}, 503, "$re: 503");
    ok(said(qr/the sentinel "sentinel.test" $re/), 'the log says why');
    $sentinel->mode($mode eq 'open' ? '' : $mode);
    ok($t->stop, 'nginx ends');
}

is((grep { /\bgood\b|\bbad\b/ } grep { /redis/ } $t->log_lines), 0,
    'no password in the log');


# ---- client certificates

my ($crt, $key) = $t->certificate('redis');
my ($ours, $our_key) = $t->certificate('client');
my ($wrong) = $t->certificate('wrong');
my $tls = eval { $t->redis(6385, 'tls-port' => $t->port(6386),
    'tls-cert-file' => $crt, 'tls-key-file' => $key,
    'tls-ca-cert-file' => $ours, 'tls-auth-clients' => 'yes') };

SKIP: {
    skip 'this Redis has no TLS', 12 if !$tls;

    my $url = 'rediss://localhost:' . $t->port(6386);

    begin($url, more => "ssl_ca=$crt ssl_cert=$ours ssl_key=$our_key");
    is(post($t, event())->{status}, 202, 'our certificate');
    ok($t->stop, 'nginx ends');

    begin($url, more => "ssl_ca=$crt");
    is(post($t, event())->{status}, 503, 'without one: away');
    ok($t->stop, 'nginx ends');

    for my $case ([ "ssl_cert=$ours", 'needs both ssl_cert= and ssl_key=' ],
        [ "ssl_key=$our_key", 'needs both' ],
        [ "ssl_cert=$ours ssl_key=$key", 'its own key in PEM' ],
        [ "ssl_cert=$ours ssl_key=/none", '"/none".*No such file' ],
        [ "ssl_cert=/none ssl_key=$key", '"/none".*No such file' ])
    {
        refused("$url $case->[0]", $case->[1]);
    }

    # a passphrase that nobody can type

    system("openssl ec -in $our_key -aes128 -passout pass:x"
           . " -out $t->{dir}/locked.key 2>/dev/null");
    refused("$url ssl_cert=$ours ssl_key=$t->{dir}/locked.key",
        'without a passphrase');
    refused("redis://localhost ssl_cert=$ours ssl_key=$our_key",
        'need rediss://');
}

refused("redis://localhost $pass", 'need redis-sentinel://');
refused("$at sentinel_user=watch", 'needs sentinel_password_file=');

nodes_done();


# ---- helpers

sub fresh { return ' prefix=n' . ++$serial }


# nginx anew, with a store of its own

sub begin {
    my ($store, %o) = @_;

    my $more = delete $o{more} // '';

    $t->stop;
    $t->{from} = length $t->read_file('logs/error.log');
    unlink "$t->{dir}/hosts.log";
    start($t, store => $store . ($store =~ /^redis/ ? fresh() : '') . " $more",
        %o);
}


sub hosts { $t->write_file('hosts', join '', map { "$_\n" } @_) }


# look-ups since begin()

sub looked {
    my ($where) = @_;

    return scalar grep { / $where$/ } split /\n/, $t->read_file('hosts.log');
}


sub accepts {
    return wait_until(15, sub { post($t, event())->{status} == 202 });
}


sub said {
    my ($re, $seconds) = @_;

    return wait_until($seconds // 5, sub {
        my $log = substr $t->read_file('logs/error.log'), $t->{from};
        my ($line) = grep { /$re/ } split /\n/, $log;

        return $line // '';
    });
}


# another Redis, on the same port of another address

sub server {
    my ($address) = @_;

    mkdir "$t->{dir}/redis-$address";

    my $server = Test::EventRouter::Redis->new(port => $port,
        dir => "$t->{dir}/redis-$address", options => [ bind => $address ]);

    wait_until(10, sub {
        $server->{socket} = IO::Socket::INET->new(PeerAddr => $address,
            PeerPort => $port) }) or die "$address: $!\n";

    return $t->own($server);
}


sub refused {
    my ($store, $re) = @_;

    configure($t, store => $store);

    my ($good, $out) = $t->check_config;

    ok(!$good && $out =~ /$re/, "refused: $re") or diag($out);
}
