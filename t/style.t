#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The form of the sources: nginx's style, and who may call what.  Every finding
# is a line "file:line: what is wrong".
#
# A function of more than 60 lines must say why it may be: a comment above it
# that begins with "long:", for example
#     /* long: one switch over the states of the parser */

use warnings;
use strict;

use FindBin;
use Test::More;

chdir "$FindBin::Bin/.." or die;

my $room = 'ngx_event_router_module';
my @module = sort glob("$room/*.[ch] $room/*/*.[ch]"
                       . " $room/*/*/*.[ch]");
my @all = (@module, sort glob('t/unit/*.[ch] t/fuzz/*.[ch] t/bench/*.[ch]'
                              . ' t/modules/*.[ch]'));
my @found;


# ---- one file

my %text = map { $_ => slurp($_) } @all;
my %code = map { $_ => bare($text{$_}) } @all;

for my $file (@all) {
    my @lines = split /\n/, $text{$file}, -1;

    pop @lines;

    check_lines($file, \@lines);
    check_code($file, \@lines);
    check_functions($file, \@lines);
}

report('form of lines', 'line');
report('nginx\'s style', 'style');
report('functions', 'function');


# ---- who may do what: a pattern, and the only files that may have it

my @only = (
    [ 'hiredis is redis.c\'s', qr/#include <hiredis/, 'store/redis/redis.h' ],

    [ 'hiredis parses only',
      qr/\bredis(?:Async|Connect|Command|Append|BufferWrite|GetReply|Format)
         \w*\(/x ],

    [ 'LMDB is the file store\'s', qr/#include <lmdb|\bmdb_\w+\(/,
      map { "store/file/$_" } qw(types.h census.c check.c db.c lock.c
                                 lookup.c row.c
                                 run.c space.c) ],

    [ 'libjq has one file', qr/#include <jq|#include <jv|\b(?:jq|jv)_\w+\(/,
      'mapping/jq_program.c' ],

    [ 'who makes processes', qr/(?<![\w>.])fork\(/,
      'mapping/jq_check.c', 'mapping/jq_nursery.c', 'store/file/door.c' ],

    [ 'OpenSSL belongs to verification', qr/#include <openssl/,
      'ingest/crypto.c' ],

    [ 'xxHash is for fingerprints', qr/#include <xxhash|\bXXH\w*\(/,
      'base/fingerprint.c' ],

    [ 'trees of JSON are for tokens and answers', qr/#include <jansson/,
      'ingest/jwks.c', 'ingest/jwt.c', 'observe/admin_list.c' ],

    [ 'jansson reads, base/json.c writes',
      qr/\bjson_(?:object|array|stringn?|integer|real|pack|dumps)\(|
         \bjson_\w+_(?:set|append)\w*\(/x ],

    [ 'only carrier.c makes requests',
      qr/\bngx_http_(?:create|free|close)_request\(/, 'deliver/carrier.c' ],

    [ 'only subrequest.c makes subrequests', qr/\bngx_http_subrequest\(/,
      'deliver/subrequest.c' ],

    [ 'only reply.c answers',
      qr/\bngx_http_(?:send_header|output_filter|send_response)\(/,
      'ingest/reply.c' ],

    # a list that forgot it would show what "redact" hides

    [ 'bodies of events are shown by reveal.c',
      qr/(?:_text|_base64)\([^;]*(?:->|\.)body\b(?!\.len)/ ],

    [ 'only swallow.c is in the filter chain',
      qr/\bngx_http_top_(?:header|body)_filter\b/, 'deliver/swallow.c' ],

    # the file store is in a thread, the others at configuration time, and a
    # crash point is for tests

    [ 'no file is read for a request',
      qr/(?<![\w>.])(?:ngx_open_file|open|openat|fopen|
                      ngx_read_file|ngx_read_fd|read|pread|fread)\(/x,
      map({ "store/file/$_" } qw(census.c check.c door.c lock.c pages.c
                                 space.c)),
      qw(base/crash.c conf/ahead.c observe/config.c observe/log_file.c
         ingest/secret.c mapping/jq_sandbox.c route/pattern/document.c
         store/keys.c) ],

    # in a thread, and in nginx -t

    [ 'nothing blocks',
      qr/\b(?:getaddrinfo|gethostbyname|ngx_inet_resolve_host|
             sleep|usleep|ngx_msleep|ngx_sleep|system|popen)\(/x,
      'store/redis/peer.c' ],

    [ 'memory comes from pools and zones',
      qr/(?<![\w>.])(?:malloc|calloc|realloc|free|strdup)\(/ ],

    [ 'no string functions without bounds',
      qr/(?<![\w])(?:strcpy|strcat|sprintf|vsprintf|gets|atoi|atof|alloca)\(/ ],
);

for my $rule (@only) {
    my ($what, $re, @where) = @$rule;
    my %where = map { +"$room/$_" => 0 } @where;

    for my $file (@module) {
        my $n = 0;

        for my $line (split /\n/, $code{$file}) {
            $n++;
            next if $line !~ $re;

            found(call => $file, $n, $what) if !exists $where{$file};
            $where{$file}++;
        }
    }

    found(call => $_, 0, "is off the list of \"$what\"")
        for grep { !$where{$_} } sort keys %where;
}

# an event walks ingest, route, mapping, deliver; store lies below, observe
# beside

my @never = (
    [ 'base knows nobody', qr{^base/}, qr{^(?!base/)} ],

    [ 'conf calls nobody above it', qr{^conf/},
      qr{^(?!conf/|base/base\.h$)} ],

    [ 'store knows nobody above it', qr{^store/},
      qr{^(?:ingest|route|deliver|observe)/} ],

    [ 'route calls neither back nor forward', qr{^route/},
      qr{^(?:mapping|deliver|store|observe)/|^ingest/(?:receive|answer)} ],

    [ 'mapping calls neither back nor forward', qr{^mapping/},
      qr{^(?:deliver|store|observe)/
         |^ingest/(?:receive|answer|decision|upload|handshake)}x ],

    [ 'ingest knows no mapping', qr{^ingest/}, qr{^mapping/} ],

    [ 'deliver does not call back', qr{^deliver/},
      qr{^ingest/(?:receive|answer|upload|parse|verify|handshake)} ],
);

for my $rule (@never) {
    my ($what, $who, $whom) = @$rule;

    for my $file (grep { s{^$room/}{}r =~ $who } @module) {
        my $n = 0;

        for my $line (split /\n/, $text{$file}) {
            $n++;
            found(call => $file, $n, $what)
                if $line =~ /^#include "(.*)"/ && of($file, $1) =~ $whom;
        }
    }
}

report('who may do what', 'call');


# ---- the house: files call each other in no circle

found(house => $_, 0, 'call each other in a circle') for circles();


# ---- the house: a header declares what its own file exports, and no more

my %declared = map { $_ => { map { $_ => 1 } declared($_) } }
               grep { /\.h$/ } @module;
my %home = map { my $file = $_; map { $_ => $file } exported($file) }
           grep { /\.c$/ } @module;

for my $name (sort keys %home) {
    my $header = $home{$name} =~ s/c$/h/r;

    found(house => $home{$name}, 0, "exports $name(), which "
                                    . ($header =~ s{.*/}{}r)
                                    . ' does not declare')
        if !$declared{$header}{$name};
}

for my $header (sort keys %declared) {
    found(house => $header, 0, "declares $_(), which is "
                               . ($home{$_} ? "of $home{$_}" : 'nowhere'))
        for grep { ($home{$_} // '') ne $header =~ s/h$/c/r }
            sort keys %{ $declared{$header} };
}


# ---- the house: a state is an enum, not a row of flags

# More than four one-bit members of one structure are looked at by a person:
# does each say something of its own, or are they a state in pieces?  Those that
# were looked at, how many they are, and why they may be:

my %flags = (
    ngx_er_event_s =>
        [ 6, 'what is so of an event from its first moment to its last' ],
    ngx_er_source_s =>
        [ 6, 'words of nginx.conf, in any combination' ],
    ngx_er_check_t =>
        [ 5, 'the two ends of a range, each there or not, open or not' ],
    ngx_er_claim_s =>
        [ 7, 'an argument, what the store said, and where it is kept' ],
    ngx_er_queue_op_s =>
        [ 12, 'arguments and results of an operation' ],
);

my %rows = map { flags($_) } @module;

for my $row (sort grep { $flags{$_} || $rows{$_}[0] > 4 } keys %rows) {
    my ($n, $file) = @{ $rows{$row} };
    my $may = $flags{$row} ? $flags{$row}[0] : 4;

    found(house => $file, 0, "$row has $n flags: a state is an enum")
        if $n > $may;
    found(house => $file, 0, "$row has $n flags, not $may: say so in the list")
        if $n < $may;
}

found(house => $_, 0, 'is no structure: take it off the list')
    for grep { !exists $rows{$_} } sort keys %flags;


# ---- the house: a file ends where its noun ends; tables may be longer

for my $file (@module) {
    my $n = () = $text{$file} =~ /\n/g;

    found(house => $file, 0, "has $n lines") if $n > 1300;
}


# ---- the house: a file of which a comment speaks is there

for my $file (@module) {
    for my $comment ($text{$file} =~ m{/\*(.*?)\*/}gs) {
        found(house => $file, 0, "speaks of $_, which is not there")
            for grep { my $name = $_;
                       !/^ngx_/ && !grep { m{/\Q$name\E$} } @all }
                $comment =~ m{(?<![\w./])((?:\w+/)*[a-z]\w+\.[ch])\b}g;
    }
}


# ---- the house: whoever serves requests can be followed in a debug log

for my $file (grep { /\.c$/ && serves($_) } @module) {
    found(house => $file, 0, 'has no debug line')
        if $text{$file} !~ /\bngx_log_debug\d\(/;
}

report('the house', 'house');

done_testing();


# ---- the checks

sub check_lines {
    my ($file, $lines) = @_;

    found(line => $file, 1, 'the first line is blank, then the copyright')
        if $lines->[0] ne '' || $lines->[1] ne '/*'
           || $lines->[2] !~ /^ \* Copyright \(C\) /;

    for my $i (0 .. $#$lines) {
        my $line = $lines->[$i];
        my $n = $i + 1;

        found(line => $file, $n, 'more than 79 columns') if length $line > 79;
        found(line => $file, $n, 'a tab') if $line =~ /\t/;
        found(line => $file, $n, 'a blank at the end') if $line =~ /[ \r]$/;
        found(line => $file, $n, 'a byte beyond ASCII')
            if $line =~ /[^\x20-\x7e]/ && $file =~ /^$room/;

        found(line => $file, $n, 'three blank lines')
            if $i > 1 && !grep { $_ ne '' } @$lines[$i - 2 .. $i];
    }

    found(line => $file, scalar @$lines, 'a blank line at the end')
        if @$lines && $lines->[-1] eq '';
}


sub check_code {
    my ($file, $lines) = @_;

    my @code = split /\n/, $code{$file}, -1;

    for my $i (0 .. $#$lines) {
        my $line = $code[$i];
        my $n = $i + 1;

        found(style => $file, $n, 'a // comment') if $line =~ m{//};
        found(style => $file, $n, 'no blank after a keyword')
            if $line =~ /\b(?:if|for|while|switch)\(/;
        found(style => $file, $n, 'no blank line before else')
            if $line =~ /^\s*\} else/ && $i && $lines->[$i - 1] !~ /^(?:#|$)/;
        found(style => $file, $n, '"{" belongs to the line above')
            if $line =~ /^\s+\{\s*$/ && $i && length $code[$i - 1] < 78
               && $code[$i - 1] =~ /^\s*(?:if|for|while|switch) \(.*\)$/;
        found(style => $file, $n, 'two blanks behind the name of a macro')
            if $line =~ /^#define \w+ \S/;
        found(style => $file, $n, 'no blank behind a cast')
            if $line =~ /\((?:u_char|char|void|ngx_\w+_t) \*+\)[\w&]/;
        found(style => $file, $n, 'no blank line before a label')
            if $line =~ /^[a-z_]+:$/ && $lines->[$i - 1] ne '';
        found(style => $file, $n, 'no blank line behind a label')
            if $line =~ /^[a-z_]+:$/ && $lines->[$i + 1] ne '';

        check_allocation($file, \@code, $i) if $file =~ /^$room/;
    }
}


# "p = ngx_palloc(...);" and then a look at p

sub check_allocation {
    my ($file, $code, $i) = @_;

    return if $code->[$i] !~ /^\s+([\w.>\[\]-]+) = ngx_(?:p|pc|pn)alloc\(/
           && $code->[$i] !~ /^\s+([\w.>\[\]-]+) = ngx_(?:array|list)_push/;

    my $name = $1;
    my $end = $i;

    $end++ while $end < $#$code && $code->[$end] !~ /;\s*$/;

    my $next = join ' ', @$code[$end + 1 .. min($end + 6, $#$code)];

    found(style => $file, $i + 1, "no check of $name for NULL")
        if $next !~ /\Q$name\E [!=]= NULL|return \Q$name\E;/
           && index($next, "if ($name)") < 0;
}


sub check_functions {
    my ($file, $lines) = @_;

    my @code = split /\n/, $code{$file}, -1;
    my %prototypes;

    for my $i (0 .. $#$lines) {
        my $line = $code[$i];

        if ($line =~ /^static [^={(]*?\b(\w+)\(/) {
            my $name = $1;

            $prototypes{$name} = 1
                if join(' ', @code[$i .. min($i + 6, $#code)]) =~ /^[^{]*?;/;
        }

        next if $line ne '{' || !$i;

        # back to the line with the name

        my $at = $i - 1;
        $at-- while $at > 0 && $code[$at] =~ /^\s/;

        my ($name) = $code[$at] =~ /^(\w+)\(/;

        if (!$name) {
            found(function => $file, $at + 1,
                'the type of a function stands on a line of its own')
                if $code[$at] =~ /^\w.*\w\(/;
            next;
        }

        my $end = $i;
        $end++ while $end < $#code && $code[$end] ne '}';

        found(function => $file, $at + 1, "$name() has no prototype")
            if $code[$at - 1] =~ /^static/ && !$prototypes{$name}
               && $code[$at - 1] !~ /_inline/ && $file =~ /^$room/;

        found(function => $file, $at + 1, sprintf "%s() has %d lines", $name,
            $end - $i - 1)
            if $end - $i - 1 > 60 && $file =~ /^$room/
               && !allowed($lines, $at - 1);

        found(function => $file, $end + 1, 'two blank lines behind a function')
            if $end < $#$lines - 1
               && "$lines->[$end + 1]\n$lines->[$end + 2]" !~ /^\n?(?:#|$)/;

        check_variables($file, \@code, $i + 1);
    }
}


# the comment right above the line of the type

sub allowed {
    my ($lines, $i) = @_;

    $i--;
    $i-- while $i > 0 && $lines->[$i] eq '';

    my $comment = '';

    while ($i >= 0 && $lines->[$i] =~ m{^(?:/\*| \*)}) {
        $comment = "$lines->[$i]\n$comment";
        last if $lines->[$i] =~ m{^/\*};
        $i--;
    }

    return $comment =~ m{^(?:/\*| \*) long: \S}m;
}


# the variables of a function: shorter types first, the names in one column

sub check_variables {
    my ($file, $code, $i) = @_;

    my ($last, $column) = ('');

    for ( ; $i < @$code && $code->[$i] ne ''; $i++) {
        next if $code->[$i] =~ /^ {5}/;

        my ($type, $gap, $name, $rest) = $code->[$i]
            =~ /^[ ]{4}((?:(?:const|static|struct|unsigned|volatile)[ ])*\w+)
                 ([ ]+\**)([\w(]+)(.*)$/x or last;

        last if $type =~ /^(?:return|goto|else|case)$/
             || $rest !~ /^\s*[,;=\[)]/ || $gap !~ /  |\*/;

        found(style => $file, $i + 1, "$name is not in the column of the names")
            if defined $column && $column != length "    $type$gap";
        $column //= length "    $type$gap";

        next if $rest =~ /^\[/ || $type =~ /^static/;

        found(style => $file, $i + 1, "\"$type\" stands behind \"$last\"")
            if length $type < length $last;

        $last = $type;
    }
}


# ---- tools

# the text with comments and strings blanked out, lines and columns kept

sub bare {
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}
              { my $t = $1 // $2;
                my $q = defined $1 ? '' : substr $t, 0, 1;
                $q ? "$q" . ' ' x (length($t) - 2) . $q
                   : $t =~ s/[^\n]/ /gr }gse;

    $text =~ s/[ ]+$//mg;

    return $text =~ s/\n\z//r;
}


# the path in the room of what a file includes

sub of {
    my ($file, $include) = @_;

    my $path = $file =~ s{^$room/}{}r =~ s{[^/]*$}{$include}r;

    1 while $path =~ s{(?:^|/)\K[^/.]+/\.\./}{};

    return $path;
}


# sets of files of which each reaches the others by calls of exported
# functions

sub circles {
    my (%home, %calls, %reach, %done, @sets);

    for my $file (grep { /\.c$/ } @module) {
        $home{$_} = $file for exported($file);
    }

    for my $file (grep { /\.c$/ } @module) {
        my $code = $code{$file};

        $calls{$file}{ $home{$_} } = 1
            for grep { $home{$_} && $home{$_} ne $file } $code =~ /\b(\w+)\b/g;
    }

    for my $file (keys %calls) {
        my @next = keys %{ $calls{$file} };

        while (defined(my $to = pop @next)) {
            push @next, keys %{ $calls{$to} } if !$reach{$file}{$to}++;
        }
    }

    for my $file (sort keys %reach) {
        next if $done{$file} || !$reach{$file}{$file};

        my @set = grep { $reach{$file}{$_} && $reach{$_}{$file} }
                  sort keys %reach;

        $done{$_} = 1 for @set;
        push @sets, join ' ', map { s{^$room/}{}r } @set;
    }

    return @sets;
}


# names of functions: of those that are defined for others, and of those that a
# header declares

sub exported {
    my ($file) = @_;

    return $code{$file} =~ /^(?!static\b)[\w ]+\**\n(\w+)\(/mg;
}


sub declared {
    my ($header) = @_;

    return ($code{$header} // '')
           =~ /^(?!static\b|typedef\b|\#)\w[\w *]*?\b(\w+)\([^;{]*\);/mg;
}


# how many one-bit members each structure of a file has, and the file

sub flags {
    my ($file) = @_;

    my $code = $code{$file};
    my %n;

    while ($code =~ /^(?:typedef\ )?struct(?:\ (\w+))?\ \{\n
                     (.*?)^\}\ *(\w*);/gmsx)
    {
        my ($name, $body) = ($1 // $3, $2);
        my $flags = () = $body =~ /:1;/g;

        $n{$name} = [ $flags, $file ];
    }

    return %n;
}


# it has requests, events or threads in hand

sub serves {
    my ($file) = @_;

    return $code{$file} =~ /\bngx_http_request_t \*|\bngx_event_t \*/;
}


sub found {
    my ($kind, $file, $line, $what) = @_;

    push @found, [ $kind, $line ? "$file:$line: $what" : "$file $what" ];
}


sub report {
    my ($name, $kind) = @_;

    my @lines = map { $_->[1] } grep { $_->[0] eq $kind } @found;

    ok(!@lines, $name);
    diag($_) for @lines;
}


sub min { $_[0] < $_[1] ? $_[0] : $_[1] }


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "cannot read $name: $!\n";
    local $/;

    return <$f>;
}
