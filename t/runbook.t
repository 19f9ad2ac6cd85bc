#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The runbook of docs/operations.md has a row for each line at "warn" and above
# that the sources write into error.log, in the words of the line and with its
# level.  What is wrong in nginx.conf (emerg, with file and line) speaks for
# itself and has none.
#
# In a row "..." stands for what differs: a conversion of the format, or any
# rest.

use warnings;
use strict;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my ($runbook) = slurp("$root/docs/operations.md") =~ /^## Runbook\n(.*)/ms;

my @row;

for my $line (grep { /^\| (?!level |---)/ } split /\n/, $runbook) {
    my ($levels, $text, @cells) = $line =~ /^\| ([^|]+) \| `([^`]+)` \| (.+?) \| (.+) \|$/
        or fail("a row: $line"), next;

    push @row, { text => $text, like => pattern($text),
                 levels => { map { $_ => 1 } split /, /, $levels } };
}

cmp_ok(scalar(@row), '>', 50, 'rows');
is(join(' ', sort grep { !/^(?:alert|crit|emerg|error|warn)$/ }
        map { keys %{ $_->{levels} } } @row), '', 'levels of rows');

my @line = map { lines($_) } sort glob
    "$root/ngx_event_router_module/{*.[ch],*/*.[ch],*/*/*.[ch]}";

cmp_ok(scalar(@line), '>', 50, 'lines');

for my $line (@line) {
    my ($file, $level, $text) = @$line;
    my @fits = grep { $text =~ $_->{like} } @row;

    ok(scalar(@fits), "$file: $text") or next;

    ok((grep { $_->{levels}{$level} } @fits) > 0, "$file: level $level")
        if $level ne '';
}


# the extractor itself: text, escapes, macros, several levels, comments

is_deeply([ extract(<<'EOC') ], [
    ngx_log_error(NGX_LOG_ERR, c->log, ngx_errno,
                  "redis \"%V\": %*s of " NAME " (%ui)"
                  ", and %016xL more", &name, f("x", ")"));
    /* ngx_log_error(NGX_LOG_ERR, log, 0, "no"); */
    ngx_log_error(level, log, 0, full ? "is full" : "is away");
    ngx_log_error(NGX_LOG_INFO, log, 0, "quiet");
    ngx_er_where_log(cf, NGX_LOG_WARN, &x->where, "\"%s\" is odd");
    ngx_er_where_log(cf, NGX_LOG_EMERG, where, "wrong");
    ngx_log_error(NGX_LOG_WARN, log, 0, "%*s", n, text);
EOC
    [ 'error', 'redis "...": ... of ... (...), and ... more' ],
    [ '', 'is full' ], [ '', 'is away' ], [ 'warn', '"..." is odd' ],
], 'extractor');

done_testing();


sub lines {
    my ($path) = @_;

    my $file = $path =~ s{.*/ngx_event_router_module/}{}r;

    return map { [ $file, @$_ ] } extract(slurp($path));
}


# [ level, text ] of each line; the level is '' where it is a variable

sub extract {
    my ($code) = @_;

    my %level = (WARN => 'warn', ERR => 'error', CRIT => 'crit',
                 ALERT => 'alert', EMERG => 'emerg');
    my $string = qr/"(?:[^"\\]|\\.)*+"/;
    my @found;

    $code =~ s{/\*.*?\*/}{ }sg;

    while ($code =~ /\b(ngx_log_error|ngx_er_where_log|ngx_conf_log_error
                        |ngx_ssl_error)\s*
                     (\((?:[^()"]++|$string|(?2))*+\))/sgx)
    {
        my ($function, $call) = ($1, $2);
        my ($const) = $call =~ /\bNGX_LOG_([A-Z]+)\b/;
        my $level = '';

        if (defined $const) {
            $level = $level{$const} or next;
        }

        next if $level eq 'emerg' && $function =~ /conf|where/;

        # the formats are the argument that holds the first string: two, where
        # it is chosen among them

        my ($format) = grep { /"/ } arguments($call) or next;

        my @texts = ('');

        while ($format =~ /($string)|([A-Z][A-Z_]+)|([?:])/g) {
            push @texts, '' if defined $3;
            $texts[-1] .= defined $1 ? substr $1, 1, -1 : '...' if !defined $3;
        }

        for my $text (@texts) {
            $text =~ s/\\(.)/$1/g;
            $text =~ s/%(?:\*s|[0-9.]*[uxXm]*[a-zA-Z])/.../g;
            $text =~ s/(?:\.\.\.)+/.../g;

            # what others have put together

            push @found, [ $level, $text ] if $text =~ /[a-z]{3}/
                                              && $text ne '... in ...:...';
        }
    }

    return @found;
}


# the arguments of a call, split at the commas between them

sub arguments {
    my ($call) = @_;

    my @arguments = ('');
    my $depth = 0;

    while ($call =~ /("(?:[^"\\]|\\.)*"|[(),]|[^"(),]+)/g) {
        my $part = $1;

        $depth++ if $part eq '(';
        $depth-- if $part eq ')';

        if ($part eq ',' && $depth == 1) {
            push @arguments, '';

        } else {
            $arguments[-1] .= $part;
        }
    }

    return @arguments;
}


sub pattern {
    my ($text) = @_;

    my $like = join '.*', map { quotemeta } split /\.\.\./, $text, -1;

    return qr/^$like$/s;
}


sub slurp {
    my ($file) = @_;

    open my $f, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}
