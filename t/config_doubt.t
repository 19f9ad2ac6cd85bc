#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about "in_doubt" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();

my $has = 'location ^~ /has { internal; proxy_pass http://127.0.0.1:1; }';
my $off = 'proxy_next_upstream off;';
my @parts = (http => "event_store file:%%TESTDIR%%/store;\n"
                     . 'event_set $order data.id uri;',
    source => 'delivery queued;');

sub with {
    return (once => 1,
            with => { @parts, server => $has, deliver => $off, @_ });
}

part('target');


# ---- right ones

fine($_->[0], $_->[1], with(@$_[2 .. $#$_]))
    for [ 'all', 'in_doubt /has?id=$order { wait 5m; found 2xx; '
                 . 'found when response.body.Found = true; missing 404 410; '
                 . 'missing when response.status = 409; }' ],
        [ 'nothing', 'in_doubt /has { }' ],
        [ 'a path', 'in_doubt /has/$order { missing 404; }' ],
        [ 'braces', 'in_doubt /has/${order}/x?a=$order { missing 404; }' ],
        [ 'no wait', 'in_doubt /has { wait 0; missing 404; }' ],
        [ 'by the body', 'in_doubt /has { found when response.body.a = 1; '
                         . 'missing when response.body.a = 0; }' ],
        [ 'an exact location', 'in_doubt /has?id=$order { missing 404; }',
          server => 'location = /has { internal; '
                    . 'proxy_pass http://127.0.0.1:1; }' ],
        [ 'a variable', 'in_doubt /has { missing 404; }',
          deliver => "set \$up 127.0.0.1:1; $off" ];


# ---- wrong ones

my $repeat = 'event_target "erp" has "in_doubt", but nginx itself may send a '
             . 'request of its location twice: write "proxy_next_upstream '
             . 'off;" there';

wrong('no URI', 'in_doubt { missing 404; }',
    'invalid number of arguments in "in_doubt" directive: write "in_doubt URI '
    . '{ ... }"', with());
wrong('two', 'in_doubt /has /has2 { missing 404; }',
    'invalid number of arguments', with());
wrong('no block', 'in_doubt /has;',
    'directive "in_doubt" has no opening "{"', with());
wrong('twice', "in_doubt /has { }\nin_doubt /has { }  <<<",
    '"in_doubt" directive is duplicate', with());
wrong('no path', 'in_doubt http://erp/has { missing 404; }',
    'takes the URI of an internal location', with());
wrong('a variable alone', 'in_doubt $order { missing 404; }',
    'takes the URI of an internal location', with());
wrong('no such variable', 'in_doubt /has/$nobody { missing 404; }',
    'unknown "nobody" variable', with(), at => 'nowhere');
wrong('a capture', 'in_doubt /has/$1 { missing 404; }',
    '"$1" or the like', with());
wrong('unknown word', "in_doubt /has {\nmising 404;  <<<\n}",
    'unknown directive "mising" in in_doubt: did you mean "missing"?',
    with());
wrong('word from elsewhere', "in_doubt /has {\nretry off;  <<<\n}",
    'unknown directive "retry" in in_doubt, which takes wait, found, missing '
    . 'and include', with());
wrong('wait', "in_doubt /has {\nwait soon;  <<<\n}", 'soon', with());
wrong('wait too long', "in_doubt /has {\nwait 2d;  <<<\n}", '24h', with());
wrong('wait twice', "in_doubt /has {\nwait 1s;\nwait 1s;  <<<\n}",
    '"wait" directive is duplicate in in_doubt', with());
wrong('no status', "in_doubt /has {\nmissing;  <<<\n}",
    'write "missing STATUS... | when FIELD [not] OP VALUE...;"', with());
wrong('status', "in_doubt /has {\nmissing 4040;  <<<\n}",
    'invalid status "4040"', with());
wrong('timeout', "in_doubt /has {\nmissing timeout;  <<<\n}",
    '"missing timeout" of "in_doubt": who is not answered does not know',
    with());
wrong('timeout among others', "in_doubt /has {\nfound 2xx timeout;  <<<\n}",
    '"found timeout" of "in_doubt"', with());
wrong('one for both', "in_doubt /has {\nfound 2xx;\nmissing 204;  <<<\n}",
    'status 204 means both "found" and "missing" in "in_doubt"', with());
wrong('a range for both',
    "in_doubt /has {\nfound 200 404;\nmissing 400-499;  <<<\n}",
    'status 404 means both', with());
wrong('the default for both', "in_doubt /has {\nfound 404;\n}  <<<",
    'status 404 means both', with());
wrong('the other default', "in_doubt /has {\nmissing 200;\n}  <<<",
    'status 200 means both', with());
wrong('missing by the body alone',
    "in_doubt /has {\nmissing when response.body.n = 0;\n}  <<<",
    '"in_doubt" says by "missing when" what an event is that is not there, '
    . 'but not what one is that is: write "found when ...", too', with());
wrong('a line that does not end', "in_doubt /has {\nmissing 404\n}  <<<",
    'unexpected "}"', with());
wrong('a line behind it', "in_doubt /has { missing 404; }\nmising 404;  <<<",
    'unknown directive "mising" in event_target', with(), once => 0);
wrong('a field of the event',
    "in_doubt /has {\nfound when data.id = 1;  <<<\n}", 'data.id', with());

wrong('a class in a condition',
    "in_doubt /has {\nfound when response.status = 2xx;  <<<\n}",
    '"2xx" is not a number, and response.status is one', with());
wrong('a word for a status',
    "in_doubt /has {\nmissing when response.status = none;  <<<\n}",
    'as in "missing 404"', with());

wrong('no such location', 'in_doubt /other { missing 404; }',
    '"in_doubt" of event_target "erp" calls "/other", and in the server of '
    . 'location "/deliver/erp" there is no internal location for that', with());
wrong('not internal', 'in_doubt /has { missing 404; }',
    'there is no internal location for that', with(server =>
        'location = /has { proxy_pass http://127.0.0.1:1; }'));
wrong('the same', 'in_doubt /deliver/erp { missing 404; }',
    'asks the location by which it is delivered to', with());
wrong('fail_on timeout', "fail_on timeout;\nin_doubt /has { missing 404; }  <<<",
    'take "timeout" out of "fail_on"', with());

for my $other ('', 'proxy_next_upstream error timeout;',
               'proxy_next_upstream error timeout non_idempotent;',
               'set $up 127.0.0.1:1;')
{
    wrong("next upstream: $other", 'in_doubt /has { missing 404; }', $repeat,
        with(deliver => $other), at => 'nowhere');
}

# the other modules, and a location without any

my %pass = (fastcgi => '127.0.0.1:1', uwsgi => '127.0.0.1:1',
    scgi => '127.0.0.1:1', grpc => 'grpc://127.0.0.1:1');

for my $module ('', sort keys %pass) {
    for my $is ('', 'off') {
        next if !$module && $is;

        my $lines = $module ? "${module}_pass $pass{$module};" : 'return 204;';

        $lines .= " ${module}_next_upstream off;" if $is;

        $t->config(<<"EOC");
event_store file:%%TESTDIR%%/store;
event_source a { verify off; delivery queued; }
event_target erp { in_doubt /has { missing 404; } }
event_route x { from a; to erp; }
server {
    listen 127.0.0.1:%%PORT_8080%%;
    location = /a { event_receive a; }
    location = /deliver { event_deliver erp; $lines }
    $has
}
EOC

        my ($ok, $said) = $t->check_config;

        if ($module && !$is) {
            like($said, qr/write "${module}_next_upstream off;" there in/,
                "$module may repeat");

        } else {
            ok($ok, ($module || 'nothing') . ' does not') or diag($said);
        }
    }
}

# what is not encoded

for my $raw (qw($event_id $EVENT_ID ${event_subject} $plain)) {
    (my $name = lc $raw) =~ tr/${}//d;

    warned("raw: $raw", "in_doubt /has?id=$raw { missing 404; }  ",
        "\"\$$name\" in the URI of \"in_doubt\" of event_target \"erp\" is not "
        . 'encoded: nobody is asked for a value with a byte such as ":", "/" '
        . 'or "+", so write "event_set $NAME FIELD uri;" and use that',
        with(http => "event_store file:%%TESTDIR%%/store;\n"
                     . 'event_set $plain data.id;'));
}

fine('none of the event', 'in_doubt /has?t=$event_target&s=$event_source&m=$m '
    . '{ missing 404; }', with(http => "event_store file:%%TESTDIR%%/store;\n"
    . 'map $event_type $m { default a; }'));
fine('the id, encoded', 'in_doubt /has?id=$idu { missing 404; }', with(http =>
    "event_store file:%%TESTDIR%%/store;\nevent_set \$idu id uri;"));

warned('a source that is not queued', 'in_doubt /has { missing 404; }',
    '"in_doubt" of event_target "erp" applies to queued deliveries only',
    with(source => '', http => 'event_set $order data.id uri;'),
    at => 'block');

$t->done;
