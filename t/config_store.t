#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about the stores, and about sources whose events are
# queued in one.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();

my ($crt) = $t->certificate('ec');


# ---- stores

part('http');

for my $store (qw(event_store event_dedup_store)) {
    wrong("$store without arguments", "$store;",
        "invalid number of arguments in \"$store\" directive");
    wrong("$store twice", "$store memory:1m;\n$store memory:2m;  <<<",
        "\"$store\" directive is duplicate");
    wrong("$store of another scheme", "$store http://:%%SECRET%%\@127.0.0.1/;",
        "\"$store\" must be memory:SIZE, "
        . ($store eq 'event_store' ? 'file:DIR, ' : '') . 'redis://HOST:PORT, '
        . 'rediss://HOST:PORT, unix:/PATH or redis-sentinel://HOST,.../NAME');
}

my @redis = (
    [ 'database is no number', 'redis://:%%SECRET%%@127.0.0.1:6379/a',
      'the database behind "/" must be a number' ],
    [ 'database is too high', 'redis://:%%SECRET%%@127.0.0.1:6379/65536',
      'the database behind "/" must be a number' ],
    [ 'port is no number', 'redis://:%%SECRET%%@127.0.0.1:port/0',
      'the port must be a number from 1 to 65535' ],
    [ 'port is too high', 'redis://:%%SECRET%%@127.0.0.1:65536/0',
      'the port must be a number from 1 to 65535' ],
    [ 'slash in a password', 'redis://:a/%%SECRET%%@127.0.0.1:6379/0',
      'a "/" or "@" in a password is written %2F or %40' ],
    [ 'bad percent-encoding', 'redis://:%%SECRET%%%zz@127.0.0.1:6379/0',
      'the password is not percent-encoded properly' ],
    [ 'empty password', 'redis://user:@127.0.0.1:6379/0',
      'the password before "@" is empty' ],
    [ 'user without a password', 'redis://user@127.0.0.1:6379/0',
      'has a user but no password, write USER:PASSWORD@ or add '
      . 'password_file=PATH' ],
    [ 'no host', 'redis://:%%SECRET%%@:6379/0', 'no host' ],
    [ 'IPv6 address not closed', 'redis://:%%SECRET%%@[::1/0',
      '"]" is missing behind the IPv6 address' ],
    [ 'relative path', 'unix:redis.sock',
      'the path behind "unix:" must begin with "/"' ],
    [ 'unknown parameter', 'redis://:%%SECRET%%@127.0.0.1 retries=5',
      'invalid parameter "retries=" of "event_store", a Redis store has '
      . 'connect_timeout=, timeout=, prefix=, password_file=' ],
    [ 'bad time', 'redis://127.0.0.1 timeout=5x',
      'invalid value "timeout=5x" in "event_store": it is a time from 1ms to '
      . '60s' ],
    [ 'time of zero', 'redis://127.0.0.1 connect_timeout=0',
      'invalid value "connect_timeout=0" in "event_store": it is a time from '
      . '1ms to 60s' ],
    [ 'time overflows', 'redis://127.0.0.1 timeout=9999999999999999999m',
      'invalid value "timeout=9999999999999999999m" in "event_store"' ],
    [ 'prefix with a brace', 'redis://127.0.0.1 "prefix={x}"',
      'invalid "prefix={x}", it must be 1 to 64 printable characters without '
      . 'blanks and braces' ],
    [ 'empty prefix', 'redis://127.0.0.1 prefix=', 'invalid "prefix="' ],
    [ 'two passwords', 'redis://:%%SECRET%%@127.0.0.1 password_file=secret',
      'has two passwords, remove the one in the URL or password_file=' ],
    [ 'password file is missing', 'redis://127.0.0.1 password_file=none',
      'cannot open password_file "%%TESTDIR%%/conf/none"' ],
    [ 'password file is empty', 'redis://127.0.0.1 password_file=empty',
      'password_file "%%TESTDIR%%/conf/empty" is empty or cannot be read' ],
    [ 'password file is too long', 'redis://127.0.0.1 password_file=long',
      'password_file "%%TESTDIR%%/conf/long" is longer than' ],
    [ 'TLS parameter without TLS', 'redis://127.0.0.1 ssl_verify=off',
      'ssl_ca=, ssl_cert=, ssl_key=, ssl_name= and ssl_verify= of '
      . '"event_store" need rediss://' ],
    [ 'ssl_verify of a word', 'rediss://127.0.0.1 ssl_verify=no',
      'invalid value "ssl_verify=no" in "event_store": it is "off" or "on"' ],
    [ 'CA file is missing', 'rediss://127.0.0.1 ssl_ca=none.pem',
      'cannot use ssl_ca= of "event_store", it must be a file of CA '
      . 'certificates in PEM' ],
    [ 'memory without a size', 'memory:',
      'invalid size in "event_store memory:", write for example memory:16m' ],
    [ 'memory of a word', 'memory:big',
      'invalid size in "event_store memory:big"' ],
    [ 'memory is too small', 'memory:4k',
      '"event_store memory:4k" is too small, 10000 events need 2m' ],
    [ 'memory overflows', 'memory:9999999999999999999m',
      'invalid size in "event_store memory:9999999999999999999m"' ],
    [ 'memory with a parameter', 'memory:1m prefix=x',
      'invalid parameter "prefix=x" of "event_store", memory:SIZE has none' ],
);

wrong("store: $_->[0]", "event_store $_->[1];", $_->[2]) for @redis;

warned('store: host is unknown',
    'event_store redis://:%%SECRET%%@no..such:6379/0;',
    'the name "no..such" cannot be resolved now');

fine('store in memory', 'event_store memory:1m;');
fine('store in Redis', 'event_store redis://user:pass%40word@127.0.0.1:6379/3 '
    . 'connect_timeout=100ms timeout=100ms prefix=shop;');
fine('store with TLS', 'event_dedup_store rediss://127.0.0.1:6380 '
    . "password_file=secret ssl_ca=$crt ssl_name=localhost;");
fine('store behind a socket', 'event_dedup_store unix:/run/redis.sock/3;');


# ---- the file store

part('http');

fine('file', 'event_store file:%%TESTDIR%%/events;');
fine('file with all', 'event_store file:%%TESTDIR%%/events/ size=2g memory=8m '
    . 'window=5ms high_water=90%;');
wrong('file without a directory', 'event_store file:;',
    '"event_store file:" needs a directory');
wrong('event_dedup_store file', 'event_dedup_store file:%%TESTDIR%%/events;',
    '"event_dedup_store" must be memory:SIZE, redis://HOST:PORT');
wrong('file twice', "event_store file:%%TESTDIR%%/a;\n"
    . "event_store file:%%TESTDIR%%/b;  <<<",
    '"event_store" directive is duplicate');
wrong('file and memory', "event_store file:%%TESTDIR%%/a;\n"
    . "event_store memory:1m;  <<<", '"event_store" directive is duplicate');
wrong('file with an unknown parameter',
    'event_store file:%%TESTDIR%%/events depth=1;',
    'invalid parameter "depth=1" of "event_store", a store in a directory has '
    . 'size=SIZE (1m or more), memory=SIZE (1m or more), window=TIME (at most '
    . '1s), high_water=N% (20% to 95%), encrypt=file:KEYS and plain=on|off');
wrong("plain=off of $_", "event_store $_ plain=off;",
    '"plain=off" is for what "encrypt=" seals: add encrypt=file:PATH')
    for 'file:%%TESTDIR%%/events', 'redis://127.0.0.1:%%PORT_6379%%';
wrong("file $_->[0]", "event_store file:%%TESTDIR%%/events $_->[0];",
    "invalid value \"$_->[0]\" in \"event_store\": it is a $_->[1]")
    for [ 'size=1', 'size of 1m or more' ], [ 'size=x', 'size of 1m or more' ],
        [ 'size=', 'size of 1m or more' ],
        [ 'memory=1k', 'size of 1m or more' ],
        [ 'window=2s', 'time of at most 1s' ],
        [ 'window=x', 'time of at most 1s' ],
        [ 'high_water=10%', 'number from 20% to 95%' ],
        [ 'high_water=96%', 'number from 20% to 95%' ],
        [ 'high_water=85', 'number from 20% to 95%' ];

# a directory that cannot be used keeps queued sources from receiving, nothing
# else

my $until = '; until it can be, events of queued sources are answered 503';

warned('file larger than the disk', 'event_store file:%%TESTDIR%%/events '
    . 'size=999999g;', "make room on the disk or give \"size\" a smaller value"
    . $until);

mkdir "$t->{dir}/open", 0755;
chmod 0755, "$t->{dir}/open";
warned('file, a directory for all', "event_store file:$t->{dir}/open;",
    "\"event_store file:$t->{dir}/open\" cannot be used: the directory "
    . "\"$t->{dir}/open\" is open to others than its owner, and events are in "
    . "it: chmod 700 $t->{dir}/open$until");
$t->write_file('plain', '');
warned('file, not a directory', "event_store file:$t->{dir}/plain;",
    "cannot be used: \"$t->{dir}/plain\" is not a directory$until");
mkdir "$t->{dir}/strange", 0700;
$t->write_file('strange/owner', "ngx_event_router 2\nx\n");
warned('file, of another format', "event_store file:$t->{dir}/strange;",
    'is of a format that this version does not know; it is left as it is: use '
    . "another directory, or the version that made it$until");
is($t->read_file('strange/owner'), "ngx_event_router 2\nx\n",
    'another format is left untouched');


# ---- queued deliveries

my %file = (http => "event_store file:$t->{dir}/events size=128m;");

part('source');

fine('queued', 'delivery queued;', with => { %file });
wrong('queued without a place to wait for the store', 'delivery queued;',
    'event_source "shop" has "delivery queued", and "event_backlog 0" leaves '
    . 'no place for an event that waits for the store: make it larger',
    at => 'block', with => { http => "$file{http} event_backlog 0;" });
fine('queued and kept', "retain 7d;\ndelivery queued;", with => { %file });
fine('producer that sends once, queued', "verify github;\ndelivery queued;",
    with => { %file });
fine('producer that sends once, queued, closed',
    "verify github;\ndelivery queued;\ndedup on_error=closed;",
    with => { %file });
fine('time-outs beyond the deadline, queued', 'delivery queued;',
    with => { %file, deliver => 'proxy_read_timeout 60s;' });
fine('batch beyond the places, queued', "delivery queued;\nmax_batch 10000;\n"
    . 'accept application/cloudevents-batch+json;', with => { %file });
fine('delay', 'delivery queued;', with => { %file, route => 'delay 10m;' });

$t->done;
