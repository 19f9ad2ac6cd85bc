#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The scripts for Redis as files: that they are Lua 5.1 and use no globals but
# Redis' own, that what is sent is what the files say, that the commands they
# run are those that a user is told to allow, that the numbers of an entry's
# fields are those of store/entry.h; and the awk script that embeds them.
# t/redis_scripts*.t run them.

use warnings;
use strict;

use FindBin;
use File::Temp qw(tempdir);
use Test::More;

chdir "$FindBin::Bin/.." or die;
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};

my $store = 'ngx_event_router_module/store';
my $lua = "$store/redis";
my $embed = "$FindBin::Bin/../$lua/embed.awk";
my @scripts = map { m{([^/]+)\.lua$} } sort glob "$lua/*.lua";
my @lib = map { m{(lib/[^/]+\.lua)$} } sort glob "$lua/lib/*.lua";
my $dir = tempdir('event-router-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

my $luac = -x '/usr/bin/luac5.1' ? 'luac5.1' : undef;

system('make -s build/unit/redis_queue >/dev/null') == 0
    or BAIL_OUT('build/unit/redis_queue does not build');


# ---- the files

my %used;

cmp_ok(scalar @scripts, '>=', 19, 'scripts');

for my $file ((map { "$_.lua" } @scripts), @lib) {
    my $text = slurp("$lua/$file");

    $used{$1} = 1 while $text =~ /^ *--#include (\S+)$/mg;

    like($text, qr/\A\n-- Copyright \(C\) .*\n\n\n-- \S/, "$file: its head");
    is(join(', ', grep { /.{80}|\t| $|^\n\n\n/ } split /\n/, $text), '',
        "$file: its lines");

    SKIP: {
        skip 'no luac5.1', 1 if !$luac;

        is(qx($luac -p $lua/$file 2>&1), '', "$file: Lua 5.1");
    }
}

is("@{[ sort keys %used ]}", "@lib", 'every library is used, and is there');


# ---- what is sent

my %sent;

my %own = map { $_ => 1 } qw(KEYS ARGV redis cmsgpack struct string table math
    ipairs pcall tonumber type unpack);

for my $name (@scripts) {
    my $text = qx(awk -v text=1 -f $embed $lua/$name.lua);

    is($?, 0, "$name: composed");
    is($text, scalar qx(build/unit/redis_queue $name), "$name: and sent so");
    is(said($text), said(whole("$lua/$name.lua")), "$name: nothing is lost");
    $sent{$name} = $text;

    SKIP: {
        skip 'no luac5.1', 2 if !$luac;

        my @global = listing($text) =~ /\b(GETGLOBAL|SETGLOBAL)\b.*; (\w+)$/mg;
        my (%read, %set);

        while (my ($op, $what) = splice @global, 0, 2) {
            ($op eq 'GETGLOBAL' ? \%read : \%set)->{$what} = 1;
        }

        is("@{[ grep { !$own{$_} } sort keys %read ]}", '',
            "$name: no globals but Redis' own");
        is("@{[ sort keys %set ]}", '', "$name: sets none");
    }
}


# ---- what a user must be allowed: the log's advice, and the documentation

my %rights = (
    dedup => [ slurp("$store/redis/conf.c") =~ /rights = ((?:"[^"]*"\s*)+);/ ],
    queue => [ slurp("$store/redis/queue.c") =~ /rights = ((?:"[^"]*"\s*)+);/ ],
    both => [ slurp('docs/directives.md') =~ /^(ACL SETUSER events .*?)^```/ms ]
);

for my $kind (sort keys %rights) {
    my %may = map { lc($_) => 1 } "@{ $rights{$kind} }" =~ /\+([\w|]+)/g;
    my %runs;

    for my $name (grep { $kind eq 'both' || /^$kind/ } @scripts) {
        $runs{lc $1} = 1 while $sent{$name} =~ /call\('([A-Z]+)'/g;
    }

    cmp_ok(scalar keys %runs, '>', 8, "$kind: commands of scripts");
    is("@{[ grep { !$may{$_} } sort keys %runs ]}", '',
        "$kind: all of them are allowed");

    my @beside = qw(eval evalsha ping select config|get wait);
    my %all = map { $_ => 1 } keys %runs, @beside;

    is("@{[ grep { !$all{$_} } sort keys %may ]}", '',
        "$kind: and nothing else");
}

# a command whose name is not written there would be missed

unlike($sent{$_}, qr/\bcall\((?!')/, "$_: commands have names")
    for @scripts;


# ---- the fields of an entry: store/entry.h says it for both stores

my ($table) = slurp("$store/entry.h") =~ m{^ \*\s+Redis   LMDB\n(.*?)^ \*\n}ms;
my (%redis, %lmdb);

for (split /\n/, $table) {
    my ($name, $n, $at, $bytes)
        = /^ \*     (\w+) +(\d+|-) +(\d+|-)(?: (\d))?(?: |$)/ or next;

    $redis{$name} = $n if $n ne '-';
    $lmdb{$name} = [ $at, $bytes ] if $bytes;
}

is(scalar keys %redis, 18, 'fields');

my %named = map { lc($_->[0]) => $_->[1] }
    map { [ /^local (?!DONE_)([A-Z]+) = (\d+)$/ ] }
    grep { /^local (?!DONE_)[A-Z]+ = / } split /\n/, slurp("$lua/lib/entry.lua");

is_deeply(\%named, \%redis, 'lib/entry.lua has these numbers');
is("@{[ sort { $a <=> $b } values %redis ]}", "@{[ 1 .. 18 ]}", 'each once');

my $row = slurp("$store/file/row.c");
my %read = ($row =~ /(?|->(\w+)|(\w+)\.len)
                    [ ]=[ ]ngx_er_file_number\(p[ ]\+[ ](\d+,[ ]\d)\)/gx,
            reason => ($row =~ /reason = p\[(\d+)\]/)[0] . ', 1');

for my $name (sort grep { $_ ne 'version' } keys %lmdb) {
    is($read{$name}, join(', ', @{ $lmdb{$name} }), "$name in a row");
}

my $end = 0;
my $fixed = ($row =~ /ROW_HEAD +(\d+)/)[0];

for ([ 1, 1 ], [ 3, 1 ], values %lmdb) {
    my ($at, $bytes) = @$_;

    $end += $bytes;
    fail("a field of a row ends at " . ($at + $bytes))
        if $at + $bytes > $fixed;
}

is($end, $fixed, 'a row has no gap');


# ---- the awk script

for my $row (
    [ 'comments', "local a = 1 -- one\n-- two\n   --- three\nreturn a -- [ 4",
      "local a = 1\nreturn a\n" ],
    [ 'which strings are not', "return '--', \"--'\", '\\'--', \"\\\"--\"",
      "return '--', \"--'\", '\\'--', \"\\\"--\"\n" ],
    [ 'blanks', "if a  then\n        b()   \n\n    end",
      "if a then\nb()\nend\n" ],
    [ 'blanks of a string', "return '  a  '..\"  b \"",
      "return '  a  '..\"  b \"\n" ],
    [ 'a minus', "return a - -b, a-1", "return a - -b, a-1\n" ],
    [ 'a constant', "local TWO = 2\nreturn TWO, p[TWO], TWO_, aTWO, 'TWO'",
      "return 2, p[2], TWO_, aTWO, 'TWO'\n" ],
    [ 'which is a string', "local S = 'a b'\nreturn S..S",
      "return 'a b'..'a b'\n" ],
    [ 'a field of its name', "local S = 1\nreturn p.S, p:S(), p [S]",
      "return p.S, p:S(), p [1]\n" ],
    [ 'numbers', "local F = 1\nreturn 0xF, 1F, F", "return 0xF, 1F, 1\n" ],
    [ 'no constant', "local A, B = 1, 2\nlocal C = A", "local A, B = 1, 2\n"
      . "local C = A\n" ],
    [ 'one in small letters', "local a = 1\nreturn a", "local a = 1\n"
      . "return a\n" ],
    [ 'an inclusion', "local a\n--#include lib/x.lua\nreturn a",
      "local a\nlocal x = 1\nreturn a\n" ],
    [ 'it comes once', "    --#include lib/x.lua\n--#include lib/y.lua\n"
      . "return y, X", "local x = 1\nlocal y = 2\nreturn y, 7\n" ],
)
{
    my ($name, $text, $want) = @$row;

    is(embed($text), $want, $name);
}

for my $row (
    [ 'a long comment', "--[[ a\n]]", qr/s\.lua:1: long brackets/ ],
    [ 'a long string', "a()\nreturn [==[x]==]", qr/s\.lua:2: long brackets/ ],
    [ 'a string without an end', "return 'a\\'", qr/s\.lua:1: the string/ ],
    [ 'a tab', "\treturn 1", qr/s\.lua:1: a tab/ ],
    [ 'UTF-8', "return '\xc3\xa4'", qr/s\.lua:1: .*beyond ASCII/ ],
    [ 'a constant twice', "local A = 1\nlocal A = 2", qr/s\.lua:2: a constant/ ],
    [ 'a constant that is there', "--#include lib/x.lua\nlocal X = 1",
      qr/s\.lua:2: a constant/ ],
    [ 'a wrong word', "--#includes lib/x.lua", qr/s\.lua:1: --#include/ ],
    [ 'no library', "--#include lib/none.lua", qr/lib\/none\.lua: cannot be/ ],
)
{
    my ($name, $text, $want) = @$row;

    like(embed($text, 1), $want, "$name is refused");
}

done_testing();


# composes one script, with two libraries beside it; or what is said of it

sub embed {
    my ($text, $fails) = @_;

    mkdir "$dir/lib";
    spew("$dir/lib/x.lua", "local X = 7\nlocal x = 1\n");
    spew("$dir/lib/y.lua", "--#include lib/x.lua\nlocal y = 2\n");
    spew("$dir/s.lua", "$text\n");

    my $said = qx(awk -v text=1 -f $embed $dir/s.lua 2>&1);

    return $fails && $? == 0 ? "no error: $said" : $said;
}


# the script with all that it includes, unchanged

sub whole {
    my ($file, $seen) = @_;

    $seen //= {};

    my ($folder) = $file =~ m{^(.*/redis)/};

    return slurp($file) =~ s{^ *--#include (\S+)\n}
        { $seen->{$1}++ ? '' : whole("$folder/$1", $seen) }gemr;
}


# what Lua makes of it: the text's words, with constants as what they stand for

sub said {
    my ($text) = @_;

    my (%constant, @words);

    $text =~ s/^ *--.*\n//mg;
    $text =~ s/ +--[^'"\n]*$//mg;
    $constant{$1} = $2
        while $text =~ s/^local ([A-Z][A-Z_]*) = (\d+|'[^']*')\n//m;

    push @words, $constant{$1} // $1
        while $text =~ /("[^"]*"|'[^']*'|\w+|[^\s\w])/g;

    return join ' ', @words;
}


sub listing {
    my ($text) = @_;

    spew("$dir/listed.lua", $text);

    return scalar qx($luac -p -l $dir/listed.lua);
}


sub spew {
    my ($name, $text) = @_;

    open my $f, '>:raw', $name or die "cannot write $name: $!\n";
    print $f $text;
    close $f or die;
}


sub slurp {
    my ($name) = @_;

    open my $f, '<', $name or die "cannot read $name: $!\n";
    local $/;

    return <$f>;
}
