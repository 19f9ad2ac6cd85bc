#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "body jq FILE": what programs of jq make of events, from a source that
# delivers at once and from one that queues; nginx.conf, numbers, keys, and the
# processes that run them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

# t/jq_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $redis = $ENV{TEST_JQ_REDIS} && $t->redis(6379);
my $target = $t->target(8081);
my $json = JSON::PP->new->canonical;

my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                   : 'file:%%TESTDIR%%/store size=16m';
my $JSON = 'application/json';
my $CE = 'application/cloudevents+json';
my $serial = 0;


# ---- nginx.conf

$t->expect_log(qr/\[emerg\] .* in \S+nginx\.conf:\d+$/, '"nginx -t" says so');

program(bad => ".data |\n\n  foo(1)\n");
program(syntax => "{id: .id,\n total: .data.[ }\n");
program(include => "include \"x\"; .\n");
program(empty => "  \n");
program(comments => "# .data\n  # .\r\n\n\t#");
program(zero => ". \0 .");
program(whole => ".\n");
program(windows => "\xef\xbb\xbf# ours\r\n.data |\r\n  foo(1)\r\n");

like(refused('body jq bad.jq;'),
    qr{"body jq": \S+/conf/bad\.jq:3: foo/1 is not defined in \S+nginx\.conf:\d+},
    'a function that is not there: file and line');
like(refused('body jq syntax.jq;'), qr{syntax\.jq:2: syntax error, unexpected (?:'\[', \S[^(]+|INVALID_CHARACTER) in /},
    'no program: file and line');
like(refused('body jq windows.jq;'),
    qr{windows\.jq:3: foo/1 is not defined}, 'a byte order mark, and CR LF');
like(refused('body jq include.jq;'), qr{include\.jq: module not found: x},
    'a program has no library');
like(refused('body jq none.jq;'), qr{none\.jq: it cannot be opened},
    'no file');
like(refused('body jq empty.jq;'), qr{empty\.jq: it is empty}, 'no text');
like(refused('body jq comments.jq;'),
    qr{comments\.jq: it is empty, or has only comments}, 'only comments');
like(refused('body jq zero.jq;'), qr{zero\.jq: it has a zero byte},
    'a zero byte');
like(refused('body jq .;'), qr{conf/\.: it cannot be read: it must be a reg},
    'a folder');
like(refused('body jq whole.jq numbers=double;'),
    qr/invalid parameter "numbers=double" of "body jq": it must be "numbers=/,
    'another parameter');
like(refused('body jq;'), qr/write "body jq FILE \[numbers=string\];"/,
    'no file is named');
like(refused('', 'event_jq; '), qr/invalid number of arg/, 'event_jq alone');
like(refused('', 'event_jq processes=1; event_jq memory=64m;'),
    qr/"event_jq" directive is duplicate/, 'event_jq twice');
like(refused('', 'event_jq processes=0;'), qr/"processes=0" .* from 1 to 64/,
    'no process');
like(refused('', 'event_jq memory=1m;'), qr/"memory=1m" .* from 8m to 4096m/,
    'too little memory');
like(refused('', 'event_jq timeout=0;'), qr/"timeout=0" .* from 1ms to 60s/,
    'no time');
like(refused('', 'event_jq size=1m;'),
    qr/which takes processes=NUMBER, memory=SIZE and timeout=TIME/,
    'another parameter of event_jq');

is(jq_processes(), 0, '"nginx -t" leaves no process');


# ---- programs

my %programs = (
    record => "\xef\xbb\xbf# ours\r\n{id, n: .data.n,\r\n"
              . "total: (.data.total | tonumber)}\r\n",
    event => '.',
    none => 'select(.data.n > 100)',
    three => '.data.a[]',
    text => '.data.s',
    fails => '.data.s.x',
    says => '1, error("not " + .data.s)',
    numbers => '.data.n',
    now => '.data.n',
    strings => '.data',
    each => '{id, e: .data}',
);

program($_ => $programs{$_}) for keys %programs;

config(targets => { map { $_ => "body jq $_.jq"
                                . ($_ eq 'strings' ? ' numbers=string' : '')
                                . ';' . ($_ eq 'each' ? ' split data.a;' : '')
                         } keys %programs });
$t->run;

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, record => '"n":7,"total":"1.25"');
    my $id = "e$serial";

    is($r->{status}, $source eq 'now' ? 200 : 202, "$source: taken");
    is($got->{body}, qq({"id":"$id","n":7,"total":1.25}), "$source: a record");
    is($got->header('Content-Type'), $JSON, "$source: its type");
    is($got->header('Content-Length'), length $got->{body},
        "$source: its length");
    is($got->header('ce-id'), $id, "$source: attributes beside it");

    # a CloudEvent

    ($r, $got) = sent($source, event => '"n":[1,"\u00e4"]');
    $id = "e$serial";

    is_deeply($got->json, { specversion => '1.0', id => $id,
        source => $source, type => 'event', datacontenttype => $JSON,
        data => { id => $id, type => 'event', n => [ 1, "\xe4" ] } },
        "$source: an event as the program sees it");

    my $ce = '{"specversion":"1.0","id":"c' . ++$serial . '","source":"/s",'
             . '"type":"event","subject":"a b","time":"2026-01-02T03:04:05Z",'
             . '"data" : {"a":[1, 2.50]} ,"ext":"x"}';

    ($r, $got) = raw($source, $ce, $CE);
    is_deeply($got->json, { specversion => '1.0', id => "c$serial",
        source => '/s', type => 'event', subject => 'a b',
        time => '2026-01-02T03:04:05Z', datacontenttype => $JSON,
        data => { a => [ 1, 2.5 ] } }, "$source: a CloudEvent with its data")
        or diag($got->{body});

    $ce =~ s/"id":"c\d+"/'"id":"c' . ++$serial . '"'/e;
    $ce =~ s/"data" : .*? ,/"data_base64":"AP8=",/;
    ($r, $got) = raw($source, $ce, $CE);
    is($got->json->{data_base64}, 'AP8=', "$source: bytes that are no JSON");

    ($r, $got) = raw($source, "a=1&b=2&id=f" . ++$serial,
        'application/x-www-form-urlencoded', '?type=event');
    is($got->json->{data_base64},
        do { require MIME::Base64;
             MIME::Base64::encode_base64("a=1&b=2&id=f$serial", '') },
        "$source: a form is bytes");

    # libjq 1.6 refuses half of a surrogate pair

    ($r, $got) = sent($source, text => '"s":"cut \ud83d"');
    is($got && $got->{body}, qq("cut \xef\xbf\xbd"), "$source: half a pair");

    ($r, $got) = sent($source, text => '"s":"x\"y"');
    is($got->{body}, '"x\"y"', "$source: a string is JSON, too");

    # nothing

    ($r, $got) = sent($source, none => '"n":1', 0);
    is($r->{status}, $source eq 'now' ? 200 : 202, "$source: taken");
    ok(wait_until(3, sub { filtered('none') == 1 + ($source eq 'later') }),
        "$source: no output is filtered, and counted");

    ($r, $got) = sent($source, none => '"n":101');
    is($got->json->{data}{n}, 101, "$source: one is delivered");
}

# numbers and keys

for my $case ([ '9007199254740992', '9007199254740992' ],
              [ '9007199254740993', undef ],
              [ '12345678901234567890', undef ],
              [ '0.1', '0.1' ],
              [ '0.100000000000000000000000000001', undef ],
              [ '[1.10,-0.0,1e2]', qr/^\[1\.10?,-0(?:\.0)?,(?:100|1E\+?2)\]$/ ],
              [ '[{"a b":[1,1e400]}]', undef, 'data.n[0].*[1]' ])
{
    my ($n, $want, $path) = @$case;
    $path //= 'data.n';

    if (defined $want) {
        my ($r, $got) = sent(now => numbers => qq("n":$n));

        ref $want ? like($got->{body}, $want, "$n is $want")
                  : is($got->{body}, $want, "$n stays so");
        next;
    }

    my ($r) = sent(now => numbers => qq("n":$n), 0);
    like($r->{body}, qr/the number \Q$path\E would be another one behind /,
        "$n is refused, and the answer names its path");
    unlike($r->{body}, qr/9007199254740993|12345678901234567890|1e400|0\.1000/,
        'and no value');

    my ($got);
    ($r, $got) = sent(later => strings => qq("n":$n));
    my $as = $n =~ s/(9007199254740993|1e400|1234567890123\d+|0\.1\d+)/"$1"/r;
    is($json->encode($got->json->{n}),
        $json->encode(JSON::PP->new->allow_nonref->decode($as)),
        "$n with numbers=string: a string")
}

{
    my ($r) = sent(now => record => '"n":1,"x":{"a":1,"\u0061":2}', 0);
    like($r->{body}, qr/the key data\.x\.\* is given twice in its object/,
        'a key that is given twice in another form');
    ($r) = sent(now => record => '"n":1,"x":[{"k":1,"k":2}]', 0);
    like($r->{body}, qr/the key data\.x\[0\]\.k is given twice/,
        'a key that is given twice, of which the program knows nothing');
}


# ---- what fails is final

for my $case ([ fails => '"s":"value-4711"',
                'the program "fails.jq" failed on this event',
                'Cannot index string with string "x"' ],
              [ says => '"s":"value-4711"',
                'the program "says.jq" failed on this event',
                'not value-4711' ])
{
    my ($type, $data, $error, $said) = @$case;

    my ($r) = sent(now => $type => $data, 0);
    is($r->{status}, 502, "$type: the producer gets an error");
    is($r->json->{targets}[0]{error}, $error, "$type: with a sentence");
    unlike($r->{body}, qr/4711|Cannot/, "$type: that has no value");

    sent(later => $type => $data, 0);

    my ($dead) = wait_dead($type);

    is($dead->{reason}, 'final', "$type: a dead letter");
    is($dead->{attempts}, 0, "$type: at once");
    is($dead->{answer}, "$error: $said", "$type: which has what jq said");
}

ok($t->wait_log(qr/there is no body for it: the program "says\.jq" failed on/),
    'error.log has the sentence');
is((grep { /4711|Cannot index/ } $t->log_lines), 0, 'and no value');


# ---- several outputs

{
    my ($r) = sent(now => three => '"a":[1,2,3]', 0);
    is($r->{status}, 502, 'several outputs of a source that does not queue');
    like($r->{body}, qr/only a source with .*delivery queued/, 'it says why');
    my ($got);
    ($r, $got) = sent(now => three => '"a":[4]');
    is($got->{body}, '4', 'one output is one call');

    ($r, my @got) = sent(later => three => '"a":[7,8,9]', 3);
    is(join(' ', map { $_->{body} } @got), '7 8 9',
        'several of a source that queues: several calls, in order');
    is(join(' ', map { $_->header('ce-id') } @got),
        join(' ', map { "e$serial.$_" } 1 .. 3), 'with numbers');

    ($r, @got) = sent(later => each => '"a":[7,[8],"9"]', 3);
    is(join(' ', map { $_->{body} } @got),
        qq({"id":"e$serial","e":7} {"id":"e$serial","e":[8]} )
        . qq({"id":"e$serial","e":"9"}), 'with split data is the element');
}


# ---- processes

$t->expect_log(qr/exited on signal 9/, 'the test kills the nursery');
my @before = jq_processes();

is(scalar @before, 2, 'a nursery and a child')
    or diag(map { "$_->{title}\n" } @before);

# one that is killed is replaced, and the event delivered

my ($child) = grep { $_->{title} !~ /nursery/ } @before;

kill 'KILL', $child->{pid};
{
    my ($r, $got) = sent(now => record => '"n":1,"total":"2"');
    is($got->{body}, qq({"id":"e$serial","n":1,"total":2}),
        'a child that is killed is replaced');
}

# in the middle of an event: another one tries once more

($child) = grep { $_->{title} !~ /nursery/ } jq_processes();
kill 'STOP', $child->{pid};
{
    $target->forget;
    my $r = $t->post('/later', '{"id":"k1","type":"record","n":1,"total":"2"}',
        [ 'Content-Type' => $JSON ]);
    is($r->{status}, 202, 'a child has an event and does nothing');
    select undef, undef, undef, 0.3;
    is($target->count, 0, 'so nothing is delivered');

    kill 'KILL', $child->{pid};
    ok(wait_until(5, sub { $target->count == 1 }),
        'when it is killed the event is delivered');
    is(($target->requests)[0]{body}, '{"id":"k1","n":1,"total":2}', 'in full');
}

# the producer waits meanwhile, and is not told

($child) = grep { $_->{title} !~ /nursery/ } jq_processes();
kill 'STOP', $child->{pid};
{
    my $c = $t->connect;

    $c->send(POST => '/now', [ 'Content-Type' => $JSON ],
        '{"id":"k2","type":"record","n":1,"total":"2"}');
    select undef, undef, undef, 0.3;

    kill 'KILL', $child->{pid};
    is($c->response->{status}, 200, 'of a producer that waits, too');
    $c->close;
}

my ($nursery) = grep { $_->{title} =~ /nursery/ } @before;

kill 'KILL', $nursery->{pid};
ok($t->wait_log(qr/jq: the process that makes the children is gone/),
    'the nursery is killed');
ok(wait_until(5, sub { 2 == grep { $_->{pid} != $nursery->{pid} }
                                 jq_processes() }), 'there is another one');
{
    my ($r, $got) = sent(now => record => '"n":1,"total":"2"');
    is($got->{body}, qq({"id":"e$serial","n":1,"total":2}), 'and a child');
}

# reloads

for my $n (1 .. 20) {
    $t->reload;
}

ok(wait_until(20, sub { jq_processes() == 2 }),
    'after 20 reloads there are as many processes')
    or diag(join "\n", map { "$_->{pid} $_->{title}" } jq_processes());
{
    my ($r, $got) = sent(now => record => '"n":1,"total":"2"');
    is($got->{body}, qq({"id":"e$serial","n":1,"total":2}), 'and they work');
}

$t->stop;
ok(wait_until(5, sub { jq_processes() == 0 }), 'they end with nginx');

is((grep { /signal 9/ } $t->log_lines), 1,
    'nginx says of the nursery only that it was killed');

$t->done;


# ---- helpers

sub program {
    my ($name, $text) = @_;

    $t->write_file("conf/$name.jq", $text);
}


# targets by name, each the lines of its block; an event goes to the target
# that has its type

sub config {
    my (%o) = @_;

    my %target = %{ $o{targets} };
    my @names = sort keys %target;
    my $more = $o{http} // '';

    my $targets = join "\n", map { "
        event_target $_ { $target{$_} }
        event_route $_ { from " . ($_ eq 'each' ? '' : 'now') . " later;
                         when type = $_; to $_; }" } @names;
    my $locations = join "\n", map { "
        location = /deliver/$_ { event_deliver $_; proxy_read_timeout 5s;
                                 proxy_pass http://target/$_; }" } @names;
    my $source = "verify off; dedup off; id \"{json:id}\" \"{form:id}\"; "
                 . "type \"{json:type}\" \"{query:type}\"; accept $JSON $CE "
                 . "application/x-www-form-urlencoded;";

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    event_history 1d;
    $more

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 16; }

    proxy_http_version 1.1;
    proxy_set_header Connection "";

    event_source now   { $source }
    event_source later { $source delivery queued; }

    $targets

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now    { event_receive now; }
        location = /later  { event_receive later; }
        location = /status { event_status; }
        location /admin    { event_admin reveal; allow all; }
        $locations
    }
}
EOC
}


sub refused {
    my ($lines, $http) = @_;

    config(targets => { t => $lines }, http => $http);

    my ($ok, $said) = $t->check_config;

    return $ok ? 'nothing' : $said;
}


# an event of that type with these members

sub sent {
    my ($source, $type, $members, $n) = @_;

    $serial++;

    return raw($source, qq({"id":"e$serial","type":"$type",$members}), $JSON,
        '', $n);
}


sub raw {
    my ($source, $body, $type, $args, $n) = @_;

    $target->forget;

    my $r = $t->post("/$source" . ($args // ''), $body,
        [ 'Content-Type' => $type ]);

    $n //= 1;
    wait_until(3, sub { $target->count >= $n });

    my @requests = $target->requests;

    diag("$source: " . scalar(@requests) . " requests, $r->{status} $r->{body}")
        if @requests != $n;

    return ($r, @requests);
}


sub filtered {
    my ($name) = @_;

    return $t->get('/status')->json->{targets}{$name}{filtered} // 0;
}


sub wait_dead {
    my ($name) = @_;

    my @dead;

    wait_until(5, sub {
        @dead = @{ $t->get("/admin/v1/dead?target=$name")->json->{entries}
                   // $t->get("/admin/v1/dead?target=$name")->json->{dead}
                   // [] };
        return scalar @dead;
    });

    return @dead;
}


# those that this nginx has: their titles are nginx's, their parents a worker

sub jq_processes {
    my @found;

    for my $dir (glob '/proc/[0-9]*') {
        open my $f, '<', "$dir/cmdline" or next;
        my $title = join ' ', split /\0/, <$f> // '';

        next if $title !~ /^nginx: event router jq/;

        my ($pid) = $dir =~ /(\d+)/;

        push @found, { pid => $pid, title => $title } if ours($pid);
    }

    return @found;
}


sub ours {
    my ($pid) = @_;

    my %is = map { $_ => 1 } $t->{pid} // (), $t->workers(all => 1);

    for (1 .. 3) {
        open my $f, '<', "/proc/$pid/stat" or return 0;
        ($pid) = <$f> =~ /\) \S (\d+)/;

        return 1 if $is{$pid};
    }

    return 0;
}
