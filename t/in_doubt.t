#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "in_doubt": what a target may have is not sent again before it was asked.
# Nearly all cases run side by side, each with a target of its own: what its
# location says of a delivery, what the other location says when it is asked,
# and what becomes of the event.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $has = $t->target(8082);

$t->expect_log(qr/upstream|reset by peer|refused|interim/, 'answers are lost');

my $json = [ 'Content-Type' => 'application/json' ];
my $fast = 'breaker off; retry for=1h base=100ms max=200ms;';
my $brief = 'breaker off; retry for=1500ms base=100ms max=200ms;';
my $off = 'proxy_next_upstream off;';


# ---- the cases: name, lines, what the delivery's location does, what is
# answered when it is asked; location: more of its lines

my %case = (
    found => { does => [ { fault => 'close' } ], says => [ {} ] },
    missing => { does => [ { fault => 'close' }, {} ],
        says => [ { status => 404 } ] },
    reset => { does => [ { fault => 'reset' } ], says => [ {} ] },
    half => { does => [ { fault => 'half' } ], says => [ {} ] },
    slow => { does => [ { fault => 'hang' } ], says => [ {} ],
        location => 'proxy_read_timeout 300ms;' },
    garbage => { does => [ { fault => 'garbage' } ], says => [ {} ] },
    early => { does => [ { fault => 'early_reset' } ], says => [ {} ] },
    later => { does => [ { fault => 'close' } ],
        says => [ { status => 500 }, { status => 403 }, { fault => 'close' },
                  { status => 302, headers => [ Location => '/' ] }, {} ] },
    noise => { does => [ { fault => 'close' } ], block => 'missing 404 502;',
        says => [ { fault => 'garbage' }, {} ] },
    answered => { does => [ { status => 503 }, {} ], says => [ {} ] },
    refused => { port => 8083, says => [ {} ] },
    unknown => { lines => $brief, does => [ { fault => 'close' } ],
        says => [ { status => 500 } ] },
    old => { lines => $brief, does => [ { fault => 'close' } ],
        says => [ { status => 500 }, { delay => 1.6, status => 404 } ] },
    off => { lines => 'breaker off; retry off;',
        does => [ { fault => 'close' } ], says => [ {} ] },
    body => { does => [ { fault => 'close' }, {} ],
        block => 'found when response.body.Found = true;'
                 . 'missing when response.body.Found = false;',
        says => [ { headers => $json, body => '{"Found":1}' },
                  { headers => $json, body => '<html>' },
                  { headers => $json, body => '{"Found":true}',
                    fault => 'truncate' },
                  { headers => $json, body => '{"Found":false}' } ] },
    header => { does => [ { fault => 'close' }, {} ],
        block => 'found when response.header.X-Has = yes; missing 404;',
        says => [ { headers => [ 'X-Has' => 'no' ] },
                  { headers => [ 'X-Has' => 'yes' ] } ] },
    both => { lines => $brief, does => [ { fault => 'close' } ],
        block => 'found 2xx; missing when response.body.Found = false;',
        says => [ { headers => $json, body => '{"Found":false}' } ] },
    empty => { lines => $brief, does => [ { fault => 'close' } ],
        ask => '/has/empty?id=$none', says => [ {} ] },
    path => { does => [ { fault => 'close' } ], ask => '/has/path/$order',
        says => [ {} ] },
    slash => { lines => $brief, does => [ { fault => 'close' } ],
        ask => '/has/slash/$path', says => [ {} ] },
    raw => { lines => $brief, does => [ { fault => 'close' } ],
        ask => '/has/raw?p=$raw', says => [ {} ] },
    query => { does => [ { fault => 'close' } ],
        ask => '/has/query?p=$path', says => [ {} ] },
    bare => { does => [ { fault => 'close' }, {} ], block => undef,
        says => [ { status => 404 } ] },
    cut => { lines => "$fast success when response.body.ok = true;",
        does => [ { headers => $json, body => '{"ok":true}',
                    fault => 'truncate' } ], says => [ {} ] },
    order => { lines => "$fast order by=type; concurrency 8;",
        does => [ { fault => 'close' }, {} ], says => [ { delay => 1 } ] },
);

my %targets;

for my $name (keys %case) {
    my $c = $case{$name};
    my $ask = $c->{ask} // "/has/$name?id=\$order";
    my $block = exists $c->{block} ? $c->{block} : 'missing 404;';

    $targets{$name} = { port => $c->{port} // 8081,
        lines => ($c->{lines} // $fast) . " in_doubt $ask "
            . "{ wait 300ms; " . ($block // '') . ' }',
        location => "$off " . ($c->{location} // '') };
}

$q->config(targets => \%targets,
    http => 'event_set $order data.id uri; event_set $none data.none uri;'
            . 'event_set $path data.path uri; event_set $raw data.path;',
    server => 'location ^~ /has/ { internal;'
              . ' proxy_pass http://127.0.0.1:%%PORT_8082%%; }');

for my $name (keys %case) {
    $target->answer("/$name/x", $case{$name}{does} // [ {} ]);
    $has->answer("/has/$name", $case{$name}{says});
}

$t->run;

my %id = map { $_ => $q->send($_, kind => 'x', path => 'a/b') }
         grep { $_ ne 'order' } sort keys %case;
my @order = map { $q->send('order', kind => 'x') } 1 .. 3;

$has->answer("/has/path/$id{path}", status => 200);


# ---- what became of them

sub sent { scalar grep { $_->{uri} eq "/$_[0]/x" } $target->requests }

sub asked {
    my ($name) = @_;

    return grep { $_->{uri} =~ m{^/has/$name\b} } $has->requests;
}

sub settled {
    my ($name) = @_;

    return wait_until(10, sub { !$q->pending(target => $name) })
           && !$q->dead(target => $name);
}

sub dead {
    my ($name) = @_;

    my @dead = $q->wait_dead(1, 10, target => $name);

    return join ' ', map { $_->{reason} } @dead;
}

for my $name (qw(found reset half slow garbage early path query off cut)) {
    ok(settled($name), "$name: settled");
    is(sent($name), 1, "$name: sent once") if $name ne 'early';
    is(scalar(asked($name)), 1, "$name: asked once");
}

for my $name (qw(missing bare)) {
    ok(settled($name), "$name: settled");
    is(sent($name), 2, "$name: sent again");
    is(scalar(asked($name)), 1, "$name: asked once");
}

my ($question) = asked('missing');
my ($first, $second) = grep { $_->{uri} eq '/missing/x' } $target->requests;

is($question->{method}, 'GET', 'the question');
is($question->{uri}, "/has/missing?id=$id{missing}", 'about this event');
cmp_ok($question->{begun} - $first->{time}, '>', 0.2, 'is asked after "wait"');
is($second->header('X-Event-Attempt'), 2, 'a question is no attempt');
like((asked('query'))[0]{uri}, qr{\?p=a%2Fb$}, 'values are encoded');

ok(settled('later'), 'no answer: settled in the end');
is(sent('later'), 1, 'not sent meanwhile');
is(scalar(asked('later')), 5, 'asked until it is known');

ok(settled('noise'), 'bytes that are no HTTP: settled in the end');
is(sent('noise'), 1, 'they are no 502, so it is not sent');
is(scalar(asked('noise')), 2, 'but asked again');

ok(settled('answered'), 'an answer: settled');
is(sent('answered'), 2, 'sent again');
is(scalar(asked('answered')), 0, 'nothing was asked');

ok(settled('body'), 'body: settled');
is(sent('body'), 2, 'it was not there');
is(scalar(asked('body')), 4, 'asked until one says so');

ok(settled('header'), 'header: settled');
is(sent('header'), 1, 'it is there');
is(scalar(asked('header')), 2, 'asked until one says so');

is(dead('unknown'), 'in_doubt', 'never told: a dead letter that says so');
is(sent('unknown'), 1, 'sent once');
cmp_ok(scalar(asked('unknown')), '>', 3, 'asked again and again');
is(dead('old'), 'exhausted', 'not there, but too late: exhausted');
is(sent('old'), 1, 'sent once');
is(dead('both'), 'in_doubt', 'what means both means nothing');
is(sent('both'), 1, 'sent once');
is(dead('empty'), 'in_doubt', 'a variable is empty');
is(scalar(asked('empty')), 0, 'nobody is asked about nothing');
is(dead('raw'), 'in_doubt', 'a value that is not encoded');
is(scalar(asked('raw')), 0, 'nobody is asked for something else');
is(dead('slash'), 'in_doubt', 'a slash in a value');
is(scalar(asked('slash')), 0, 'nobody is asked for something else');

cmp_ok(scalar($q->pending(target => 'refused')), '==', 1,
    'not received: it is tried again');
is(scalar(asked('refused')), 0, 'and nothing is asked');
cmp_ok(($q->pending(target => 'refused'))[0]{attempts}, '>', 1, 'attempts');

ok(wait_until(10, sub { !$q->pending(target => 'order') }), 'order: settled');
is(join(' ', map { $_->header('Webhook-Id') }
         grep { $_->{uri} eq '/order/x' } $target->requests), "@order",
    'the next ones wait until it is known');


# ---- dead letters that are in doubt

$has->answer('/has/unknown', status => 200);
$q->change(replay => target => 'unknown');
ok(settled('unknown'), 'replayed: settled');
is(sent('unknown'), 1, 'asked before: not sent');

$has->answer('/has/both', status => 404);
$target->answer('/both/x', status => 200);
$q->change(replay => target => 'both');
ok(wait_until(10, sub { asked('both') > 3 }), 'asked again');

$has->answer('/has/old', status => 404);
$target->answer('/old/x', status => 200);
$q->change(replay => target => 'old');
ok(settled('old'), 'what is not there is replayed at once');


# ---- log

ok($t->wait_log(qr/for target "found" is in doubt: its answer was lost/, 2),
    'log: in doubt');
ok($t->wait_log(qr/event \w+ was in doubt: target "found" has it/, 2),
    'log: found');
ok($t->wait_log(qr/event \w+ was in doubt: target "missing" has not got it/,
    2), 'log: missing');
ok($t->wait_log(qr/target "later" was asked whether it has it and said nei/,
    2), 'log: unknown');
ok($t->wait_log(qr/for target "unknown" is a dead letter now: in_doubt/, 2),
    'log: dead');

# nobody was asked: that is said, and why, in one line for each time

my %why = (
    empty => 'as "/has/empty?id=$none" has a variable that is empty;',
    raw => 'as "/has/raw?p=$raw" has a variable that is not encoded '
           . '(name one of "event_set ... uri");',
    slash => 'as "/has/slash/$path" is no URI of a location with the values '
             . 'of this event;',
);

for my $name (sort keys %why) {
    my @lines = grep { /target "$name"/ } $t->log_lines;
    my @not = grep { /could not be asked/ } @lines;

    like($not[0], qr/\[warn\].* is in doubt: target "$name" could not be asked whether it has it, \Q$why{$name}\E it is tried again in \d+ms/,
        "log: $name: why");
    is(scalar(grep { /was asked whether/ } @lines), 0,
        'nobody says that it was asked');
    cmp_ok(scalar @not, '<', 20, 'not more often than it is tried');
}

is(scalar(grep { /\[error\].*(?:has a variable|is no URI)/ } $t->log_lines), 0,
    'nor said twice');

$t->done;
