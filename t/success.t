#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "took it" means: lines of nginx.conf about status, headers and body of
# an answer, at once and out of the queue; answers whose body decides and is
# lost; what the log, the listing, the counters and the breaker make of it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Raw;

my $t = Test::EventRouter->new;
my $serial = 0;

my $good = '{"Success":true,"Id":7}';
my $bad = '{"Success":false,"ErrorMessage":"no such customer"}';
my $json = 'Content-Type: application/json';
my $busy = '{"Success":true,"Error":"Busy"}';


# ---- what targets say

sub http {
    my ($status, $body, @headers) = @_;

    return join "\r\n", "HTTP/1.1 $status X", @headers,
        'Content-Length: ' . length $body, '', $body;
}


my %raw = (
    '/good'     => [ http(200, $good), 'keep' ],
    '/bad'      => [ http(200, $bad), 'keep' ],
    '/busy'     => [ http(200, $busy), 'keep' ],
    '/empty'    => [ http(200, ''), 'keep' ],
    '/none'     => [ "HTTP/1.1 204 X\r\n\r\n", 'keep' ],
    '/html'     => [ http(200, '<html>Success</html>'), 'keep' ],
    '/page'     => [ http(404, '<html>gone</html>'), 'keep' ],
    '/exists'   => [ http(409, '{"Error":"exists already"}'), 'keep' ],
    '/400'      => [ http(400, $bad), 'keep' ],
    '/500'      => [ http(500, $bad), 'keep' ],
    '/500good'  => [ http(500, $good), 'keep' ],
    '/302'      => [ http(302, '', 'Location: /x'), 'keep' ],
    '/202'      => [ http(202, 'later'), 'keep' ],
    '/said'     => [ http(200, 'x', 'X-Result: Failed'), 'keep' ],
    '/saidok'   => [ http(200, 'x', 'x-result: OK'), 'keep' ],
    '/twice'    => [ http(200, '{"Success":true,"Success":false}'), 'keep' ],
    '/latin1'   => [ http(200, "{\"Success\":true,\"Name\":\"M\xfcller\"}"),
                     'keep' ],
    '/utf8'     => [ http(200, "{\"Success\":true,\"Name\":\"M\xc3\xbcller\"}"),
                     'keep' ],
    '/bom'      => [ http(200, "\xef\xbb\xbf$good"), 'keep' ],
    '/jtwice'   => [ http(200, '{"Success":true,"Success":false}', $json),
                     'keep' ],
    '/jlatin1'  => [ http(200, "{\"Success\":true,\"Name\":\"M\xfcller\"}",
                          'content-type: Application/Problem+JSON; a=b'),
                     'keep' ],
    '/jcut'     => [ http(200, '{"Success":true,"Na', $json), 'keep' ],
    '/jgood'    => [ http(200, $good, $json), 'keep' ],
    '/jempty'   => [ http(200, '', $json), 'keep' ],
    '/jhtml'    => [ http(404, '<html>Success</html>', $json), 'keep' ],
    '/401'      => [ http(401, '{"message":"bad token"}', $json), 'keep' ],
    '/404'      => [ http(404, '<html>gone</html>'), 'keep' ],
    '/503'      => [ http(503, '<html>busy</html>'), 'keep' ],
    '/500empty' => [ http(500, ''), 'keep' ],
    '/600good'  => [ http(600, $good), 'keep' ],
    '/999good'  => [ http(999, $good), 'keep' ],
    '/409good'  => [ http(409, $good), 'keep' ],
    '/404said'  => [ http(404, 'x', 'X-Result: OK'), 'keep' ],
    '/503gzip'  => [ http(503, $good, 'Content-Encoding: gzip'), 'keep' ],
    '/br'       => [ http(200, $good, 'content-encoding: br', $json), 'keep' ],
    '/gzempty'  => [ http(200, '', 'Content-Encoding: gzip'), 'keep' ],
    '/ora'      => [ http(200, '{"Message":"ORA-00001 ' . 'x' x 500 . '"}'),
                     'keep' ],
    '/oralong'  => [ http(200, '{"Message":"ORA-00001 ' . 'x' x 17000 . '"}'),
                     'keep' ],
    '/orashort' => [ http(200, '{"Message":"fine","x":"' . 'x' x 17000 . '"}'),
                     'keep' ],
    '/deep'     => [ http(200, '{"Success":true,"x":' . '[' x 70 . ']' x 70
                               . '}'), 'keep' ],
    '/gzip'     => [ http(200, $good, 'Content-Encoding: gzip'), 'keep' ],
    '/identity' => [ http(200, $good, 'Content-Encoding: identity'), 'keep' ],
    '/text'     => [ http(200, $good, 'Content-Type: text/plain'), 'keep' ],

    '/pieces'   => [ "HTTP/1.1 200 X\r\nContent-Length: " . length($good)
                     . "\r\n\r\n", map({ ($_, \0.005) } split //, $good),
                     'keep' ],
    '/chunks'   => [ "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n",
                     map({ (sprintf("%x\r\n%s\r\n", length, $_), \0.01) }
                         $good =~ /(.{1,9})/g), "0\r\n\r\n", 'keep' ],
    '/late'     => [ "HTTP/1.1 200 X\r\nContent-Length: " . length($good)
                     . "\r\n\r\n", \1.4, $good, 'keep' ],
    '/close'    => [ "HTTP/1.1 200 X\r\n\r\n$good" ],
    '/closebad' => [ "HTTP/1.0 200 X\r\n\r\n$bad" ],
    '/64k'      => [ http(200, $good . ' ' x (65536 - length $good)), 'keep' ],
    '/32k'      => [ http(200, $bad . ' ' x 32768), 'keep' ],

    # not the whole of it

    '/closecut' => [ "HTTP/1.1 200 X\r\n\r\n" . '{"Success":fal' ],

    '/cut'      => [ "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n$good" ],
    '/reset'    => [ "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n$good",
                     \0.02, 'reset' ],
    '/hang'     => [ "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n$good",
                     'hang' ],
    '/nochunk'  => [ "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
                     . sprintf("%x\r\n%s\r\n", length $good, $good) ],
    '/badchunk' => [ "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
                     . "zz\r\n$good" ],
    '/long'     => [ http(200, $good . ' ' x (65537 - length $good)), 'keep' ],
    '/longer'   => [ "HTTP/1.1 200 X\r\nContent-Length: 10000000\r\n\r\n$good",
                     map({ ('x' x 20_000, \0.01) } 1 .. 20) ],
    '/interim'  => [ "HTTP/1.1 100 Continue\r\n\r\n", http(200, $good),
                     'keep' ],
    '/cut409'   => [ "HTTP/1.1 409 X\r\nContent-Length: 100\r\n\r\n" ],
    '/cut400'   => [ "HTTP/1.1 400 X\r\nContent-Length: 100\r\n\r\n" ],

    # nothing at all

    '/nothing'  => [ 'hang' ],
    '/garbage'  => [ "SSH-2.0-x\r\n" ],
    '/alert'    => [ "\x15\x03\x01\x00\x02\x02\x46" ],
    '/bare'     => [ "<html>Success</html>" ],
    '/short'    => [ "HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n" ],
    '/zero'     => [ "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", 'keep' ],
    '/odd'      => [ "HTTP/1.1 100 Continue\r\n\r\nSSH-2.0-x\r\n" ],
    '/refuse'   => [ 'reset' ],
);

my $server = Test::EventRouter::Raw->new($t->port(8081), \%raw);

$t->own($server);


# ---- what nginx.conf says, and what becomes of an answer: at once, queued

my %rules = (
    plain => '',
    lists => 'success 2xx 409; success 302; fail_on 404; retry_on 400;',
    narrow => 'success 200 4xx; fail_on 404;',
    body => 'success when response.body.Success = true; success 409;',
    fails => 'fail_on when response.body.Success = false;',
    lacks => 'success when response.body.ErrorMessage not exists;',
    heads => 'success when response.header.X-Result = OK;',
    least => 'success when response.status >= 200;',
    bad502 => 'fail_on 502; retry_on timeout;',
    ora => 'success 2xx; fail_on when response.body.Message ~ "ORA-[0-9]+";',
    order => 'success when response.body.Success = true;
              retry_on when response.body.Error = Busy;
              fail_on when response.body.ErrorMessage exists;',
    header => 'success when response.header.X-Result = OK;
               fail_on when response.header.X-Result = Failed;',
    status => 'success when response.status between 200 299;
               fail_on when response.status = 202;',
    negated => 'fail_on when response.status != 200;',
    never => 'fail_on timeout; success when response.body.Success = true;',
);

my %fates = (
    plain => {
        good => 'ok', bad => 'ok', exists => 'retry', 400 => 'final',
        cut => 'ok', hang => 'ok', long => 'ok', 302 => 'final',
        nothing => 'retry', interim => 'ok',
    },
    lists => {
        good => 'ok', exists => 'ok', 302 => 'ok', page => 'final',
        400 => 'retry', 500 => 'retry', none => 'ok', cut409 => 'ok',
        interim => 'ok', nothing => 'retry',
    },
    narrow => {
        good => 'ok', exists => 'ok', page => 'final', 400 => 'ok',
        none => 'retry', 202 => 'retry', 500 => 'retry', 302 => 'final',
    },
    body => {
        good => 'ok', bad => 'retry', empty => 'retry', none => 'retry',
        html => 'retry', exists => 'ok', 400 => 'final', 500 => 'retry',
        '500good' => 'retry', twice => 'retry', latin1 => 'retry',
        utf8 => 'ok', bom => 'ok', deep => 'retry', gzip => 'doubt',
        identity => 'ok', jtwice => 'doubt', jlatin1 => 'doubt',
        jcut => 'doubt', jgood => 'ok', jempty => 'retry', jhtml => 'retry',
        '600good' => 'final', '999good' => 'final', '409good' => 'ok',
        '503gzip' => 'retry', br => 'doubt', gzempty => 'retry',
        text => 'ok', pieces => 'ok', chunks => 'ok', late => 'ok',
        close => 'ok', closebad => 'retry', closecut => 'doubt',
        '64k' => 'ok', '32k' => 'retry',
        cut => 'doubt', reset => 'doubt', hang => 'doubt',
        nochunk => 'doubt', badchunk => 'doubt', long => 'doubt',
        longer => 'doubt', interim => 'doubt', cut409 => 'ok',
        cut400 => 'final', nothing => 'retry', garbage => 'retry',
        refuse => 'retry',
    },
    fails => {
        good => 'ok', bad => 'final', empty => 'ok', none => 'ok',
        html => 'ok', exists => 'retry', 400 => 'final', 500 => 'final',
        cut => 'doubt', long => 'doubt', nothing => 'retry',
        closecut => 'doubt', closebad => 'final',
        jcut => 'doubt', jtwice => 'doubt', gzip => 'doubt', jhtml => 'doubt',
        '503gzip' => 'doubt',
    },
    lacks => {
        good => 'ok', bad => 'retry', empty => 'ok', none => 'ok',
        401 => 'final', 404 => 'retry', 503 => 'retry', '500empty' => 'retry',
        302 => 'final', gzip => 'doubt', jcut => 'doubt', html => 'ok',
        gzempty => 'ok', jempty => 'ok', bare => 'retry', garbage => 'retry',
    },
    heads => {
        saidok => 'ok', '404said' => 'retry', good => 'retry',
    },
    least => {
        good => 'ok', 302 => 'ok', 503 => 'ok', '999good' => 'ok',
        garbage => 'retry', alert => 'retry', bare => 'retry',
        short => 'retry', zero => 'retry', odd => 'retry', nothing => 'retry',
        refuse => 'retry',
    },
    bad502 => {
        garbage => 'retry', alert => 'retry', bare => 'retry',
        short => 'retry', zero => 'retry', odd => 'retry', refuse => 'retry',
        good => 'ok',
    },
    ora => {
        ora => 'final', oralong => 'doubt', orashort => 'ok', good => 'ok',
        html => 'ok',
    },
    order => {
        good => 'ok', busy => 'retry', bad => 'final', html => 'retry',
        400 => 'final', 500 => 'final',
    },
    header => {
        saidok => 'ok', said => 'final', good => 'retry', interim => 'doubt',
        400 => 'final', nothing => 'retry', cut => 'retry',
    },
    status => {
        good => 'ok', 202 => 'final', none => 'ok', 302 => 'final',
        500 => 'retry', interim => 'ok', nothing => 'retry', cut => 'ok',
    },
    negated => {
        good => 'ok', 500 => 'final', exists => 'final', nothing => 'retry',
        garbage => 'retry', refuse => 'retry',
    },
    never => {
        good => 'ok', nothing => 'final', garbage => 'final', cut => 'doubt',
        bad => 'retry',
    },
);

my ($blocks, $locations) = ('', '');

for my $rule (sort keys %rules) {
    for my $mode (qw(sync queued)) {
        my $queued = $mode eq 'queued'
                     ? 'retry for=1h base=20m max=20m; breaker off;' : '';

        $blocks .= "
    event_target $mode-$rule {
        $rules{$rule}
        $queued
    }
    event_route $mode-$rule { from $mode; when data.rule = $rule;
                              to $mode-$rule; }\n";

        $locations .= "
        location = /deliver/$mode-$rule {
            event_deliver $mode-$rule;
            proxy_pass http://raw\$path;
        }\n";
    }
}

$t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;
    event_set \$path data.path;

    upstream raw { server 127.0.0.1:%%PORT_8081%% max_fails=0; keepalive 8; }

    proxy_http_version 1.1;
    proxy_set_header   Connection "";
    proxy_read_timeout 1800ms;

    event_source sync   { verify off; id "{json:id}"; deadline 8s; }
    event_source queued { verify off; id "{json:id}"; delivery queued; }

    # a 2xx that no line names says nothing about the target

    event_source breaker { verify off; id "{json:id}"; delivery queued; }
    event_route unsaid { from breaker; when data.way = unsaid; to unsaid; }
    event_route dying { from breaker; when data.way = dying; to dying; }
    event_target unsaid {
        success when response.body.Success = true;
        retry base=20m max=20m;
        breaker failures=2;
    }
    event_target dying {
        success when response.body.Success = true;
        retry base=20m max=20m;
        breaker failures=2;
    }

    $blocks

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /sync    { event_receive sync; }
        location = /queued  { event_receive queued; }
        location = /breaker { event_receive breaker; }
        location = /status  { event_status; }
        location /admin/    { event_admin reveal; }
        $locations

        location = /deliver/unsaid {
            event_deliver unsaid;
            proxy_pass http://raw/bad;
        }
        location = /deliver/dying {
            event_deliver dying;
            proxy_pass http://raw/cut;
        }
    }
}
EOC

$t->run;


sub event {
    my (%data) = @_;

    return JSON::PP->new->canonical->encode({ id => 's' . ++$serial, %data });
}


sub post {
    my ($uri, $body) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json' ]);
}


sub list {
    my ($which, $more) = @_;

    return @{ $t->get("/admin/$which?limit=1000" . ($more // ''))
                ->json->{entries} };
}


# ---- all of them, in both modes, at once

my (%open, %id, @wrong);

for my $rule (sort keys %fates) {
    for my $what (sort keys %{ $fates{$rule} }) {
        my %data = (rule => $rule, path => "/$what");
        my $c = $t->connect;

        $c->send(POST => '/sync', [ 'Content-Type' => 'application/json' ],
            event(%data));
        $open{"$rule $what"} = $c;

        my $r = post('/queued', event(%data));
        push @wrong, "$rule $what: $r->{status}" if $r->{status} != 202;
        $id{"s$serial"} = "$rule $what";
    }
}

is_deeply(\@wrong, [], 'queued events are taken');

@wrong = ();

for my $case (sort keys %open) {
    my ($rule, $what) = split / /, $case;
    my $r = $open{$case}->response;
    my $got = $r->{status} . ' ' . ($r->json // {})->{targets}[0]{state};
    my $want = $fates{$rule}{$what} eq 'ok' ? '200 ok' : '502 failed';

    push @wrong, "$case: $got, not $want" if $got ne $want;
}

is_deeply(\@wrong, [], 'at once: what took it and what did not');

my %waits = map { $_ => 1 } grep {
    $fates{(split / /, $id{$_})[0]}{(split / /, $id{$_})[1]}
        =~ /retry|doubt/ } keys %id;

wait_until(20, sub {
    my @left = list('pending');

    return @left == keys(%waits) && !grep { !$_->{attempts} } @left;
});

my %left = map { $_->{id} => $_ } list('pending');
my %dead = map { $_->{id} => $_ } list('dead');

@wrong = ();

for my $id (sort keys %id) {
    my ($rule, $what) = split / /, $id{$id};
    my $want = $fates{$rule}{$what} =~ s/doubt/retry/r;
    my $got = $dead{$id} ? $dead{$id}{reason} : $left{$id} ? 'retry' : 'ok';

    push @wrong, "$id{$id}: $got, not $want" if $got ne $want;
}

is_deeply(\@wrong, [], 'queued: what is taken, tried again, and dead');


# ---- what people are told

my ($file) = $t->dir . '/conf/nginx.conf';
my @log = $t->log_lines;

sub told {
    my ($case) = @_;

    my ($id) = grep { $id{$_} eq $case } keys %id;
    my ($line) = grep { /\[warn\].*"$id" of source/ } @log;

    return ($line // 'nothing') =~ s/.*\[warn\] \S+ (?:\*\d+ )?//r
        =~ s/after \d+ms/after 0ms/r =~ s/ in \Q$file\E:\d+/ in FILE/r
        =~ s/ while delivering .*//r;
}


is(told('fails bad'), 'target answered 200 after 0ms, a failure by "fail_on '
    . 'when response.body.Success = false" in FILE "{ Success :false,'
    . ' ErrorMessage : no such customer }"', 'a line of fail_on');
is(told('order busy'), 'target answered 200 after 0ms, a failure by "retry_on '
    . 'when response.body.Error = Busy" in FILE "{ Success :true, Error :'
    . ' Busy }"', 'a line of retry_on');
is(told('body bad'), 'target answered 200 after 0ms, a failure by no line of '
    . '"success" "{ Success :false, ErrorMessage : no such customer }"',
    'a 2xx that no line names');
is(told('narrow none'), 'target answered 204 after 0ms, a failure by no line '
    . 'of "success"', 'a 2xx without a body');
is(told("body $_->[0]") =~ s/ "\{.*//r, 'target answered 200 after 0ms, in '
    . "doubt: $_->[1]", "doubt: $_->[0]")
    for [ cut => 'the body was cut off' ],
        [ closecut => 'the body was cut off' ], [ hang => 'the body was cut off' ],
        [ nochunk => 'the body was cut off' ],
        [ long => 'the body is longer than 64 KB' ],
        [ longer => 'the body is longer than 64 KB' ];
is(told("body $_") =~ s/ "\{.*//r, 'target answered 200 after 0ms, in doubt: '
    . 'the body cannot be read', "doubt: $_") for qw(gzip br jcut jtwice);
is(told('ora oralong') =~ s/ "\{.*//r, 'target answered 200 after 0ms, in '
    . 'doubt: what it means could not be told', 'doubt: a text that is long');
is(told("least $_"), 'no answer after 0ms', "no HTTP is no answer: $_")
    for qw(garbage alert bare short odd);
is(told('plain 400'), 'target answered 400 after 0ms', 'as before without one');
is(told('lists page'), 'target answered 404 after 0ms', 'and with lists');
is(told('body nothing'), 'no answer after 0ms', 'no answer is none');

my ($bury) = grep { /dead letter now: final.*ErrorMessage/
                    && /by "fail_on when response.body.Success = false"/ }
             @log;

ok($bury, 'a dead letter names the line');

my ($dead) = grep { $id{$_->{id}} eq 'fails bad' } values %dead;

is($dead->{status}, 200, 'the list has the status');
is($dead->{answer}, $bad, 'and the answer');

my ($half) = grep { $id{$_->{id}} eq 'body 32k' } values %left;

is($half->{attempts}, 1, 'what no line names was tried once');


# ---- counters

my $status = $t->get('/status')->json;

sub counter {
    my ($target, $name) = @_;

    return $status->{targets}{$target}{$name};
}


my $fates = $fates{body};
my $taken = grep { $_ eq 'ok' } values %$fates;

is(counter('sync-body', 'ok'), $taken, 'taken, by the verdict');
is(counter('queued-body', 'ok'), $taken, 'queued, too');
is(counter('sync-body', 'failed'), keys(%$fates) - $taken, 'and failures');


# ---- connections are used again

{
    my %before = map { $_->[0] => 1 } $server->requests;

    post('/sync', event(rule => 'body', path => '/good')) for 1 .. 5;

    my %new = map { $_->[0] => 1 } grep { !$before{$_->[0]} }
              $server->requests;

    cmp_ok(keys %new, '<=', 1, 'a body that decides keeps the connection');
}


# ---- the breaker

sub breaker {
    my ($target) = @_;

    return $t->get('/status')->json->{queue}{targets}{$target}{breaker};
}


post('/breaker', event(way => 'unsaid')) for 1 .. 6;
post('/breaker', event(way => 'dying')) for 1 .. 6;

ok(wait_until(5, sub { breaker('dying') eq 'open' }),
    'bodies that are cut off open the breaker');
ok(wait_until(5, sub { 6 == grep { $_->{attempts} }
                           list('pending', '&target=unsaid') }),
    'a 2xx that no line names is tried');
is(breaker('unsaid'), 'closed', 'and says nothing about the target');


$t->done;
