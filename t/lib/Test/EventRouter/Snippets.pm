package Test::EventRouter::Snippets;

# Copyright (C) Event Router contributors

# Snippets in an otherwise right nginx.conf: what "nginx -t" says about each.
# A row is a name, the snippet, what must be said and, where it is not the
# snippet's first line, the line (or "<<<" behind the line in the snippet).
# It never echoes a secret or crashes.
#
#     my ($t, $secret) = snippets();
#
#     part('source');                      # where the snippets of rows stand
#     wrong('bad time', 'deadline soon;', 'a time from 100ms to 5m');
#     warned('open', 'verify off;', 'verifies nothing', at => 'block');
#     fine('time', 'deadline 5s;');        # without a word
#
# Parts are http, source, target, route, server, hook (a location that
# receives) and deliver (one that delivers); bare_source and bare_route have
# nothing but the snippet.  In snippets and in what is expected %%SECRET%% is
# the secret, which is also the environment's TEST_SECRET, and in the latter
# %%N%% any number; the files "secret" (another one), "empty" and "long" are
# there to be named.

use warnings;
use strict;

use Exporter qw(import);
use Test::More;
use Test::EventRouter ();

our @EXPORT = qw(snippets part wrong warned fine);


my ($t, $secret);
my $part;                              # where the snippets of rows stand


sub snippets {
    umask 0077;                        # secrets are nobody else's to read

    $t = Test::EventRouter->new;

    $t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');

    # stands in snippets, and never in what is said about them

    $secret = $t->secret('hush-Tr0ub4dor-and-3');
    $ENV{TEST_SECRET} = $secret;

    $t->write_file('conf/secret', 'the-secret-of-the-file');
    $t->write_file('conf/empty', '');
    $t->write_file('conf/long', 'x' x 70_000);

    return ($t, $secret);
}


# ---- the rest of nginx.conf

my %template = (source => <<'EOC', target => '', route => '', http => '');
    verify  bearer;
    secret  file:secret;
EOC


sub conf {
    my (%in) = @_;

    my $source = $in{bare_source} // $in{source} // '';
    my $route = $in{bare_route} // $in{route} // '';
    my $default = $in{bare_source} ? '' : $template{source};

    # what a snippet says itself is not said again

    for my $word (qw(verify secret)) {
        $default =~ s/^\s*$word\s.*\n//m if $source =~ /^\s*$word\b/m;
    }

    if (!exists $in{bare_route}) {
        $route .= "\n    from  shop;" if $route !~ /^\s*from\b/m;
        $route .= "\n    to  erp;" if $route !~ /^\s*to\b/m;
    }

    $_ //= '' for @in{qw(http target server hook deliver)};

    return <<"EOC";
proxy_connect_timeout  1s;
proxy_send_timeout     1s;
proxy_read_timeout     1s;

$in{http}

event_source shop {                    # block of source
$source
$default}

event_target erp {                     # block of target
$in{target}
}

event_route orders {                   # block of route
$route
}

server {                               # block of server
    listen  127.0.0.1:%%PORT_8080%%;
$in{server}

    location = /hook {                 # block of hook
        event_receive  shop;
$in{hook}
    }

    location = /deliver/erp {          # block of deliver
        event_deliver  erp;
        proxy_pass     http://127.0.0.1:1;
$in{deliver}
    }
}
EOC
}


# ---- rows

sub part {
    ($part) = @_;
}


# "at" is the number of the line in the snippet, counted from 1, "block": the
# line that opens the block around it, a file's name and line, or "nowhere"

sub wrong {
    my ($name, $snippet, $expected, %o) = @_;

    row(1, $name, $snippet, $expected, %o);
}


sub warned {
    my ($name, $snippet, $expected, %o) = @_;

    row(0, $name, $snippet, $expected, %o);
}


sub row {
    my ($fatal, $name, $snippet, $expected, %o) = @_;
    my $kind = $part =~ s/^bare_//r;

    $expected = $t->expand($expected);
    $expected =~ s/%%SECRET%%/$secret/g;
    $snippet =~ s/%%SECRET%%/$secret/g;
    chomp $snippet;

    my $at = $o{at} // 1;

    if ($snippet =~ /^(.*?)\s*<<<$/ms) {
        $at = 1 + ($1 =~ tr/\n//);
        $snippet =~ s/\s*<<<$//m;
    }

    $t->config(conf($part => $snippet, %{ $o{with} // {} }));

    my ($ok, $said) = $t->check_config;
    my $status = $?;
    my $level = $fatal ? 'emerg' : 'warn';
    my $re = join '\d+', map { quotemeta } split /%%N%%/, $expected, -1;
    my ($line) = grep { /\[$level\]/ && /$re/ }
                 split /\n/, $said;
    my @bad;

    push @bad, 'killed by signal ' . ($status & 127) if $status & 127;
    push @bad, 'passed' if $fatal && $ok;
    push @bad, 'did not pass' if !$fatal && !$ok;
    push @bad, "did not say \"$expected\"" if !$line;
    push @bad, 'said more than one thing'
        if $fatal && $o{once} && (() = $said =~ /\[emerg\]/g) != 1;
    push @bad, "said \"$1\" twice" if $said =~ /"(\w+)" directive .*"\1"/;
    push @bad, 'said a secret' if index($said, $secret) >= 0;
    push @bad, 'a sanitizer spoke' if $said =~ /Sanitizer|runtime error:/;

    if ($line && $at ne 'nowhere') {
        my ($file, $n) = $at =~ /^(.*):(\d+)$/
                         ? ("conf/$1", $2)
                         : ('conf/nginx.conf', place($kind, $at));

        push @bad, "is not about $file:$n"
            if $line !~ m{ in \Q$t->{dir}\E/\Q$file\E:$n$};
    }

    local $Test::Builder::Level = $Test::Builder::Level + 2;

    is(join('; ', @bad), '', "$kind: $name") or diag($said);
}


sub place {
    my ($kind, $at) = @_;

    my @lines = split /\n/, $t->read_file('conf/nginx.conf');

    return +(grep { $lines[$_] =~ /# block of $kind$/ } 0 .. $#lines)[0] + 1
        if $at eq 'block';

    # snippets of http stand behind the time-outs, those of hook and deliver
    # behind the directive of the module

    my $re = $kind eq 'http' ? qr/^proxy_read_timeout/
             : $kind eq 'server' ? qr/^    listen/
             : $kind eq 'hook' ? qr/^        event_receive/
             : $kind eq 'deliver' ? qr/^        proxy_pass/
             : qr/# block of $kind$/;
    my ($before) = grep { $lines[$_] =~ $re } 0 .. $#lines;

    return $before + 1 + $at + ($kind eq 'http' ? 1 : 0);
}


sub fine {
    my ($name, $snippet, %o) = @_;

    $t->config(conf($part => $snippet, %{ $o{with} // {} }));

    my ($ok, $said) = $t->check_config;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($ok && $said !~ /\[(?:warn|error|crit|alert|emerg)\]/, "$part: $name")
        or diag($said);
}


1;
