#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/openapi.json in the hands of others: a validator of OpenAPI 3.1 takes it, a
# client that is generated from it talks to a running nginx, and schemathesis
# finds no request that is answered otherwise than it says.  pip installs them
# into build/interop-python at the first run, by t/interop/requirements.txt;
# where it cannot this test is skipped.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Path qw(make_path remove_tree);
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $from = "$FindBin::Bin/interop";
my $bin = install() . '/venv/bin';

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my %token = map { $_ => $t->secret("canary-$_-0123456789") } qw(look act);
my $dir = $t->dir;

for my $role (sort keys %token) {
    $t->write_file("conf/$role", $token{$role});
    chmod 0600, "$dir/conf/$role";
}

$q->config(targets => { erp => 'retry off; breaker off;', crm => '' },
    http => 'large_client_header_buffers 4 64k;', server => <<'EOC');

        location /api/ {
            event_admin token=file:%%TESTDIR%%/conf/look role=look
                        token=file:%%TESTDIR%%/conf/act;
        }
EOC

$t->run;

$target->answer('/erp/ok', status => 400, body => 'no');
$q->send('erp') for 1 .. 3;
is(scalar $q->wait_dead(3, 10), 3, 'three dead letters');

my $api = Test::EventRouter::OpenApi->new($t, '/api/v1',
    Authorization => "Bearer $token{look}");
my $file = $t->write_file('openapi.json', $api->text);


# ---- it is OpenAPI

my $said = run("$bin/openapi-spec-validator --schema 3.1 '$file'");

is($?, 0, 'a validator takes it') or diag(short($said));


# ---- a client

remove_tree("$dir/client");
make_path("$dir/client");
$said = run("cd '$dir/client' && PATH='$bin':\$PATH "
            . "openapi-python-client generate --path '$file' --meta none "
            . "--output-path routerclient");
is($?, 0, 'a client is generated') or diag(short($said));

# an answer without an end, of lines, is the only one that it has no words for

is(join(' ', $said =~ /parsing (\w+ \S+) within/g), 'GET /tail',
    'of all that there is') or diag(short($said));

my $port = $t->port(8080);
my @got = map { JSON::PP->new->utf8->decode($_) } grep { /^\{/ }
          split /\n/, run("$bin/python3 '$from/client.py' '$dir/client' "
    . "http://127.0.0.1:$port/api/v1 $token{look} $token{act}");

is(join(' ', map { "$_->{name}:$_->{status}:$_->{kind}" } @got),
    'get_config:200:Config get_status:200:Status get_dead:200:Entries'
    . ' get_dead:200:Entries get_dead:200:Entries get_pending:200:Entries'
    . ' get_dead:404:Problem post_pause:403:Problem post_pause:200:Pause'
    . ' post_resume:200:Pause post_pause:404:Problem', 'which works');

SKIP: {
    skip('it does not', 5) if @got != 11;

    is($got[0]{answer}{nroutes}, 2, 'the configuration');
    isnt($got[3]{answer}{entries}[0]{event},
        $got[2]{answer}{entries}[0]{event}, 'the next page');
    is_deeply([ map { $_->{event} } @{ $got[4]{answer}{entries} } ],
        [ $got[2]{answer}{entries}[0]{event} ], 'an event');
    is(scalar @{ $got[6]{answer}{entries} }, 0, 'a name that is encoded');
    is($got[8]{answer}{paused}, JSON::PP::true, 'a pause');
}


# ---- nothing is answered otherwise than it says

# A request that only looks right may be refused: no document says which
# targets there are.  nginx itself answers TRACE, and what is longer than its
# buffers.  A tail is tried elsewhere.

for my $case ([ look => '' ], [ act => '' ]) {
    my ($role) = @$case;

    $said = run("cd '$dir' && timeout 240 $bin/schemathesis run '$file' "
        . "--url http://127.0.0.1:$port/api/v1 --seed 1 --max-examples 10 "
        . "--exclude-path /tail --phases coverage,fuzzing --no-color "
        . "--generation-database none --exclude-checks "
        . "positive_data_acceptance,unsupported_method "
        . "--header 'Authorization: Bearer $token{$role}'");
    is($?, 0, "schemathesis, role=$role") or diag(short($said));
    like($said, qr/No issues found|\d+ passed/, 'which has tried');
}

is($t->get('/api/v1/status',
    [ Authorization => "Bearer $token{look}" ])->{status}, 200,
    'nginx is well after that');

$t->done;


# ---- helpers

sub run {
    my ($command) = @_;

    return scalar `($command) 2>&1`;
}


# with lines that can be read

sub short { $_[0] =~ s/^(.{300}).+$/$1 .../mgr }


sub install {
    my $home = "$FindBin::Bin/../build/interop-python";
    my $list = "$from/requirements.txt";
    my $sum = Digest::SHA->new(256)->addfile($list)->hexdigest;

    make_path($home);

    return $home if -e "$home/installed.$sum";

    my $said = run("cd '$home' && rm -rf venv installed.* "
        . "&& timeout 60 python3 -m venv venv && timeout 200 venv/bin/pip -q "
        . "install --retries 1 --disable-pip-version-check -r '$list'");

    plan(skip_all => 'pip cannot install what reads OpenAPI: '
        . ($said =~ s/\s+/ /gr)) if $? != 0;

    open my $f, '>', "$home/installed.$sum" or die "installed: $!\n";

    return $home;
}
