#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/directives.md says what the sources say: exactly the directives of the
# command tables, in their contexts, with as many arguments; the variables; the
# defaults and bounds that stand in the sources as numbers; and the words of
# receipts, counters and headers.  At the end one event shows that the receipt
# and the headers of a delivery are those of the page.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";
my $room = "$root/ngx_event_router_module";
my $page = slurp("$root/docs/directives.md");


# ---- what the page says: name => [ contexts, syntaxes, default, text ]

# a name that is a line of several blocks is "NAME of BLOCK" here

my %page;
my @order;
my %headings;

$headings{$_}++ for $page =~ /^### ([a-z_]+)$/mg;

while ($page =~ /^### ([a-z_]+)\n\n(.*?)(?=^##|\z)/msg) {
    my ($name, $body) = ($1, $2);
    my @syntax = $body =~ /^\*\*Syntax:\*\* `(.+)`<br>$/mg;
    my ($default) = $body =~ /^\*\*Default:\*\* (?:`(.+)`|—)<br>$/m;
    my ($context) = $body =~ /^\*\*Context:\*\* (.+)$/m;

    my $contexts = join ' ', sort(($context // '') =~ /`([a-z_]+)`/g);
    my $key = $headings{$name} > 1 ? "$name of $contexts" : $name;

    $page{$key} = { syntax => \@syntax, default => $default, text => $body,
                    context => $contexts };
    push @order, $key;

    my $head = join '|', $body =~ /^\*\*(\w+):\*\* /mg;

    like($head, qr/^(?:Syntax\|)+Default\|Context$/, "$name: form")
        or diag($body);
    like($_, qr/^\Q$name\E\b.*[;}]$/, "$name: syntax") for @syntax;
    like($default, qr/^\Q$name\E\b.*;$/, "$name: default")
        if defined $default;
}

is(scalar(@order), scalar(keys %page), 'each directive once');


# ---- what the sources say: name => [ contexts, least, most ]

my %code;

for my $command (commands("$room/module.c", 'ngx_er_commands')) {
    my ($name, $flags) = @$command;

    $code{$name} = [ join(' ', $flags =~ /HTTP_MAIN/ ? 'http' : (),
        $flags =~ /HTTP_LOC/ ? 'location' : ()), arguments($flags), $flags ];
}

# the tables of blocks: a row is the name, the least and the most arguments, and
# flags

my $blocks = 'all|any|each|none';
my %repeated;

for my $table ([ event_source => 'ingest/source.c', 'ngx_er_source_rows' ],
               [ event_target => 'deliver/target.c', 'ngx_er_target_rows' ],
               [ event_route => 'route/route.c', 'ngx_er_route_rows' ])
{
    my ($noun, $file, $name) = @$table;
    my ($rows) = slurp("$room/$file") =~ /\Q$name\E\[\] = \{(.*?)^\};/ms;

    while ($rows =~ /\{ "(\w+)", (\d+), (\w+), ([\w|]+),/g) {
        my ($directive, $least, $most, $flags) = ($1, $2, $3, $4);

        $most = 1_000_000 if $most eq 'NGX_ER_BLOCK_MORE';
        my $key = $headings{$directive} && $headings{$directive} > 1
                  ? "$directive of $noun" : $directive;

        # a line that may be a block, too, has two rows: here it is the line

        next if $code{$key} && $code{$key}[0] eq $noun && $flags =~ /TABLE/;

        # "when" of event_source is for blocks of conditions, which say so

        next if $noun eq 'event_source' && $directive eq 'when';

        my @nouns = $code{$key} && $flags =~ /(?:ROUTE|SOURCE)_LINE/
                    ? grep { !/^(?:$blocks)$/ } split / /, $code{$key}[0] : ();

        $code{$key} = [ $flags =~ /(?:ROUTE|SOURCE)_LINE/ ? join(' ', sort $noun, @nouns,
            split /\|/, $blocks) : $noun, $least, $most, $flags ];
        $repeated{$key} = 1
            if $noun eq 'event_source' && $flags =~ /REPEAT|SOURCE_LINE\b/;
    }
}

# conf/block.c reads "include" by itself, for all of them

$code{include} = [ join(' ', sort split(/\|/, $blocks), qw(event_route
    event_source event_target)), 1, 1, '' ];

cmp_ok(scalar(keys %code), '>', 40, 'tables were read');
is(join(' ', sort keys %page), join(' ', sort keys %code), 'directives');


# ---- contexts and numbers of arguments

for my $name (grep { $code{$_} } @order) {
    my ($context, $least, $most, $flags) = @{ $code{$name} };
    my ($min, $max) = (1000, 0);

    is($page{$name}{context}, $context, "$name: context");

    for my $syntax (@{ $page{$name}{syntax} }) {
        my ($n, $m) = count($syntax);

        $min = $n if $n < $min;
        $max = $m if $m > $max;
    }

    # a directive of optional parameters needs one of them, but for "batch",
    # which says something by itself

    $min = 1 if $min == 0 && $max > 0 && $name ne 'batch';

    # words are told apart by the code behind the table

    next if $flags =~ /CONF_ANY/ || $least == 0 && $most == 1_000_000;

    is($min, $least, "$name: least arguments");

    if ($max < 1000) {
        is($max, $most, "$name: most arguments");

    } else {
        cmp_ok($most, '>=', 4, "$name: many arguments");
    }

    like($page{$name}{syntax}[0], $flags =~ /CONF_BLOCK|LINES|BLOCK_TABLE/
         ? qr/ \{ \.\.\. \}$/ : qr/;$/, "$name: block or not");
}

# what says so can be repeated, and nothing else of event_source

is(join(' ', sort keys %repeated), 'constant expect redact require secret',
    'repeated directives');
like($page{$_}{text}, qr/can\s+be\s+repeated/, "$_: can be repeated")
    for sort keys %repeated;


# ---- defaults and bounds

my %defaults = (
    event_concurrency => number('module.c', qr/mcf->running, (\d+)\)/),
    event_alerts => 'repeat='
        . seconds('observe/alerts_conf.c', qr/ALERTS_REPEAT\s+(\d+)/) / 3600
        . 'h refused='
        . number('observe/alerts_conf.c', qr/ALERTS_REFUSED\s+(\d+)/),
    event_body_memory => size('ingest/upload.h', qr/UPLOAD_MEMORY\s+(.+)$/m),
    event_backlog => number('module.c', qr/mcf->waiting, (\d+)\)/),
    event_jq => 'processes='
        . number('mapping/jq.c', qr/jqs->processes = (\d+);/) . ' memory='
        . size('mapping/jq.c', qr/jqs->memory = (.+);/) . ' timeout='
        . number('mapping/jq.c', qr/jqs->timeout = (\d+);/) . 'ms',
    event_trace => { NGX_ER_TRACES_PASS => 'off' }->{ find('module.c',
        qr/mcf->trace = (NGX_ER_TRACES_P\w+);/) },
    event_store => 'memory:'
        . size('store/dedup.c', qr/MEMORY_SIZE\s+(.+)$/m),
    max_size => size('ingest/presets.h', qr/MAX_SIZE +\((.+?)\)$/m),
    max_batch => number('ingest/presets.h', qr/MAX_BATCH\s+(\d+)$/m),
    max_hops => number('ingest/source.c', qr/max_hops = (.+?);/),
    refusal => 'problem',
    unrouted => { NGX_HTTP_OK => 200 }->{ find('ingest/ack.c',
        qr/s->unrouted = (NGX_HTTP_\w+);/) },
    deadline => seconds('ingest/presets.h', qr/DEADLINE\s+(\d+)$/m) . 's',
    dedup => seconds('ingest/presets.h', qr/WINDOW\s+(.+)$/m) / 3600
        . 'h on_error=local',
    accept => find('ingest/presets.h', qr/ACCEPT_JSON\s+"(.+)"/),
    method => find('deliver/target.c', qr/&target->method_name, "(\w+)"\)/),
    retry => join(' ', map { "$_->[0]=" . duration($_->[1]) }
                       [ for => 'horizon' ], [ base => 'base' ],
                       [ max => 'max' ]),
    retry_on => 'timeout ' . find('deliver/verdict.c',
        qr/retry\[\] = \{ 0, ([\d, ]+) \}/) =~ s/,//gr . ' 5xx',
    concurrency => number('deliver/policy.c', qr/->concurrency = (\d+);/),
    breaker => join(' ', map({ "$_->[0]="
                               . number('deliver/policy.c',
                                     qr/->$_->[1] = (\d+);/)
                               . ($_->[0] eq 'ratio' ? '%' : '') }
                        [ failures => 'failures' ], [ ratio => 'percent' ],
                        [ min => 'sample' ]),
                    map { "$_->[0]=" . duration($_->[1]) }
                        [ window => 'window' ], [ open => 'open' ],
                        [ max => 'open_max' ]),
    dead_for => duration('keep'),
    key => 'utf8', ports => 'asis', delivery => 'sync', body => 'original',
    limits => join(' ', map { my $n = number('ingest/scan.c',
                                  qr/limits->$_ = (\d+);/);
                              $n ? "$_=$n" : () }
                        qw(depth nodes key string number)),
);

is($page{$_}{default}, "$_ $defaults{$_};", "$_: default as in the code")
    for sort keys %defaults;

is(join(' ', sort grep { defined $page{$_}{default} } keys %page),
    join(' ', sort keys %defaults), 'directives with a default');

# the words behind the bounds, by directive

says(event_concurrency => 'from ' . join ' to ',
    find('module.c', qr/check_num_bounds, (\d+), (\d+)/));
says(dedup => 'at least ' . seconds('ingest/source.c',
    qr/ms < (\d+) \|\| s->window/) . 's');
says(timestamp => 'by default ' . find('ingest/verifier.h',
    qr/TOLERANCE\s+(\d+)/) . 's');
says(secret => 'up to ' . number('ingest/verifier.h',
    qr/VERIFY_SECRETS\s+(\d+)/) . ' times');
says(secret => 'of up to ' . size('ingest/secret.c',
    qr/SECRET_MAX\s+(\d+)/));
says(event_set => 'up to ' . number('observe/variables.c',
    qr/VARIABLE_MAX\s+(\d+)/) . ' bytes');
says(all => 'up to ' . number('route/lines.h',
    qr/LINES_DEPTH\s+(\d+)/));
says(id => number('ingest/event.h', qr/ATTRIBUTE_MAX\s+(\d+)/) . ' bytes');
says(event_store => 'the port is ' . number('store/redis/redis.h',
    qr/REDIS_PORT\s+(\d+)/));
says(event_store => "by default `"
    . find('store/redis/conf.c', qr/conf->prefix, "(\w+)"/) . '`');
says(event_store => 'not heard of it for '
    . number('store/redis/command.c', qr/REDIS_SILENT\s+(\d+)/) / 60000
    . ' minutes');

for my $what ([ connect_timeout => 'redis/conf.c', qr/_timeout = (\d+);/ ],
              [ timeout => 'redis/dedup.c', qr/REDIS_PATIENCE\s+(\d+)/ ])
{
    my ($name, $file, $re) = @$what;
    my $ms = number("store/$file", $re);

    like($page{event_store}{text}, qr/`$name=`.*?by\s+default\s+${ms}ms/s,
        "event_store: $name");
}

says(event_store => '`timeout=` is ' . seconds('store/redis/queue.c',
    qr/QUEUE_PATIENCE\s+(\d+)/) . 's by default if it is a queue');

# the tables of parameters: a directive and its rows, or the directives that
# have one value

for my $table ([ retry => 'deliver/target.c', 'target_retry_rows' ],
               [ breaker => 'deliver/target.c', 'target_breaker_rows' ],
               [ 'rate of event_target' => 'deliver/target.c', 'target_rate_rows' ],
               [ '' => 'deliver/target.c', 'target_values' ],
               [ limits => 'ingest/source.c', 'source_limit_rows' ],
               [ '' => 'ingest/source.c', 'source_values' ],
               [ expect => 'ingest/expect.c', 'expect_rows' ],
               [ event_alerts => 'observe/alerts_conf.c',
                 'alerts_params_rows' ],
               [ '' => 'route/route.c', 'route_values' ])
{
    my ($name, $file, $rows) = @$table;
    my ($text) = slurp("$room/$file") =~ /ngx_er_$rows\[\] = \{(.*?)^\};/ms;
    my $n = 0;

    # what has no bounds

    $text =~ s/\{ "\w+=",\s+NGX_ER_PARAM_TEXT,.*?\},//gs;

    while ($text =~ /"(\w+=?)",\s+NGX_ER_PARAM_\w+,\s+ngx_er_param_at
                     \([^()]+\),\s+"([^"]+)",\s+"([^"]+)",/gx)
    {
        my ($param, $min, $max) = ($1, $2, $3);
        my $directive = $name || $param;

        $n++;
        like($page{$directive}{text}, $name
             ? qr/`\Q$param\E`[^`]*?\bfrom\s+\Q$min\E\s+to\s+\Q$max\E(?!\w)/
             : qr/\bfrom\s+\Q$min\E\s+to\s+\Q$max\E(?!\w)/,
             "$directive: bounds of $param");
    }

    is($n, scalar(() = $text =~ /"\w+=?", NGX_ER_PARAM/g),
        "parameters of $rows were read");
}

says('rate of event_target' => 'from 1 to ' . number('deliver/target.c',
    qr/TARGET_RATE\s+(\d+)/));
says('rate of event_source' => 'from 1 to ' . number('ingest/rate.c',
    qr/RATE_MAX\s+(\d+)/));
says('rate of event_source' => number('store/bucket.h',
    qr/BUCKETS\s+(\d+)/) . ' of them');
my $name_max = number('conf/where.h', qr/NAME_MAX\s+(\d+)/);

like($page, qr/\bhas 1 to $name_max\s+letters/, 'length of names');


# ---- words: each table of the sources stands in the page

words('ingest/verify_conf.c', 'ngx_er_algorithms', $page{verify}{text});
words('ingest/verify_conf.c', 'ngx_er_key_words', $page{key}{text});
words('ingest/verify_conf.c', 'ngx_er_encoding_words', $page{signature}{text});
words('ingest/verify_conf.c', 'ngx_er_unit_words', $page{timestamp}{text});
words('observe/metrics.c', 'ngx_er_outcome_names', after('The receipt'));
words('deliver/fanout.c', 'ngx_er_delivery_state_names',
    after('The receipt'));
words('observe/metrics.c', 'ngx_er_source_metric_names',
    $page{event_status}{text});
words('observe/metrics.c', 'ngx_er_target_metric_names',
    $page{event_status}{text});

my ($refs) = slurp("$room/ingest/reference.c")
             =~ /ngx_er_ref_names\[\] = \{(.*?)^\};/ms;
my @refs = $refs =~ /ngx_string\("(\w+)"\)/g;
my @templates = after('Templates') =~ /^\| `\{(\w+)/mg;

is("@templates", "@refs", 'variables of templates');

my @variables = slurp("$room/observe/variables.c")
                =~ /\{ ngx_string\("(\w+)"\), NULL,/g;
my @documented = $page =~ /^`\$(\w+)`$/mg;

cmp_ok(scalar(@variables), '>', 10, 'variables were read');
is("@documented", "@variables", 'variables');

# the statuses of refusals

my %told = map { $_ => 1 } after('Status codes') =~ /^\| (\d+) \|/mg;
my ($titles) = slurp("$room/ingest/reply.c")
               =~ /ngx_er_reply_titles\[\] = \{(.*?)^\};/ms;

# 403 and 404 are those of handshakes, after 408 nginx closes the connection

delete $told{$_} for 200, 202, 502, 504;
is(join(' ', sort keys %told),
    join(' ', grep { !/^(?:403|404|408|502)$/ } $titles =~ /\{ (\d{3}),/g),
    'statuses of refusals');


# ---- links lead somewhere

my %anchors = map { (lc(s/ /-/gr) => 1) } $page =~ /^#+ (.+)$/mg;

is(join(' ', grep { !$anchors{$_} } $page =~ /\]\(#([\w-]+)\)/g), '',
    'links in the page');
is(join(' ', grep { !-e "$root/docs/$_" } $page =~ /\]\(([\w.]+\.md)/g), '',
    'links to other pages');


# ---- one event

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->target(8082)->answer('/', status => 503);
$t->write_file('conf/secret', my $secret = $t->secret('hush-hush-hush-hush'));

$t->config(<<'EOC');

    event_source shopify {
        verify  shopify;
        secret  file:secret;
    }

    event_target audit { optional; }

    event_route paid-orders {
        from  shopify;
        to    erp audit;
    }

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /hook { event_receive shopify; }

        location = /deliver/erp {
            event_deliver       erp;
            proxy_pass          http://127.0.0.1:%%PORT_8081%%/;
            proxy_read_timeout  3s;
        }

        location = /deliver/audit {
            event_deliver       audit;
            proxy_pass          http://127.0.0.1:%%PORT_8082%%/;
            proxy_read_timeout  3s;
        }
    }
EOC

$t->run;

my $body = '{"id":1}';
my ($example) = after('The receipt') =~ /```json\n(.*?)```/s;
my $receipt = $t->post('/hook', $body, [ shopify($body, $secret) ])->json;

is(keys_of($receipt), keys_of(decode_json($example)),
    'receipt as in the page');

my ($problem) = after('Status codes') =~ /```json\n(.*?)```/s;

is_deeply($t->post('/hook', $body, [ shopify($body, 'other') ])->json,
    decode_json($problem), 'problem as in the page');

my ($request) = $erp->requests(uri => '/');
my %sent = map { lc $_->[0] => 1 } @{ $request->{headers} };
my @headers = after('What a target gets') =~ /^\| `([\w-]+)` \|/mg;

# proxy_pass makes those of the connection

delete $sent{$_} for qw(host connection content-length content-type);

is(join(' ', sort keys %sent), join(' ', sort map { lc } @headers),
    'headers as in the page');

$t->done;


# ---- tools

sub slurp {
    my ($name) = @_;

    open my $f, '<:encoding(UTF-8)', $name or die "cannot read $name: $!\n";
    local $/;

    return <$f>;
}


# rows of a table of ngx_command_t: [ name, flags ]

sub commands {
    my ($file, $name) = @_;

    my ($table) = slurp($file) =~ /\Q$name\E\[\] = \{(.*?)^\};/ms;
    my @rows;

    push @rows, [ $1, $2 ]
        while $table =~ /\{ ngx_string\("(\w+)"\),\s+([\w|]+),/g;

    return @rows;
}


# how many arguments the flags of a command allow

sub arguments {
    my ($flags) = @_;

    return (0, 0) if $flags =~ /CONF_NOARGS/;
    return (1, 1000) if $flags =~ /CONF_1MORE/;
    return (0, 1000) if $flags =~ /CONF_ANY/;

    my ($digits) = $flags =~ /CONF_TAKE(\d+)/ or die "flags $flags\n";

    return (substr($digits, 0, 1), substr($digits, -1));
}


# the same of a syntax: "a b [c=d ...] | off;"

sub count {
    my ($syntax) = @_;

    $syntax =~ s/^\w+//;
    $syntax =~ s/ ?\{ \.\.\. \}$|;$//;

    my ($min, $max) = (1000, 0);

    for my $choice (length $syntax ? split / \| /, $syntax : '') {
        my ($n, $m) = (0, 0);

        while ($choice =~ /\G\s*(\[[^\s\[\]]+(?: [^\]]+)?\]|\S+)/g) {
            my $word = $1;

            if ($word eq '...') {
                $m = 1000;
                next;
            }

            $m = $word =~ /\.\.\./ ? 1000 : $m + 1;
            $n++ if $word !~ /^\[.*\]$/;
        }

        $min = $n if $n < $min;
        $max = $m if $m > $max;
    }

    $max = 1000 if $max > 1000;

    return ($min, $max);
}


# what a pattern captures in a source

sub find {
    my ($file, $re) = @_;

    my @found = slurp("$room/$file") =~ $re or die "no $re in $file\n";

    return wantarray ? @found : $found[0];
}


# digits, parentheses and products only

sub value {
    my ($text) = @_;

    $text =~ /^[\d()* ]+$/ or die "\"$text\" is no number\n";

    return eval $text;
}


sub number {
    my ($file, $re) = @_;

    return value(scalar find($file, $re));
}


sub size {
    my ($file, $re) = @_;

    return size_of(number($file, $re));
}


sub size_of {
    my ($n) = @_;

    return $n % 1048576 == 0 ? $n / 1048576 . 'm'
           : $n % 1024 == 0 ? $n / 1024 . 'k' : $n;
}


sub seconds {
    my ($file, $re) = @_;

    return number($file, $re) / 1000;
}


# a default of policy.c as it is written: the greatest unit but for hours

sub duration {
    my ($name) = @_;

    my $text = find('deliver/policy.c', qr/policy->$name = (.+?);/);
    my ($n, $unit) = $text =~ /^(\d+) \* NGX_ER_POLICY_(HOUR|DAY)$/;

    return $n . lc substr $unit, 0, 1 if $unit;

    $n = value($text) / 1000;

    return $n % 60 ? "${n}s" : $n / 60 . 'm';
}


sub says {
    my ($name, $words) = @_;

    my $re = join '\s+', map { quotemeta } split ' ', $words;

    like($page{$name}{text}, qr/$re(?!\w)/, "$name: $words");
}


# the text of a section, by its heading

sub after {
    my ($heading) = @_;

    my ($text) = $page =~ /^#+ \Q$heading\E\n(.*?)(?=^#|\z)/ms;

    return $text // die "no section $heading\n";
}


# all strings of a table stand as words in code in the text

sub words {
    my ($file, $name, $text) = @_;

    my ($table) = slurp("$room/$file") =~ /\Q$name\E\[\] = \{(.*?)\};/s
        or die "no $name in $file\n";
    my @missing = grep { $text !~ /`[^`]*(?<![\w-])\Q$_\E(?![\w-])[^`]*`/ }
                  $table =~ /"([^"]+)"/g;

    is("@missing", '', "words of $name");
}


sub keys_of {
    my ($receipt) = @_;

    my %targets = map { $_ => 1 } map { keys %$_ } @{ $receipt->{targets} };

    return join ' ', sort(keys %$receipt), ':', sort keys %targets;
}
