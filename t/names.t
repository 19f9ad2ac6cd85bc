#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Files that comments and the documentation name are there: who renames a file
# is told where it is still called by its old name.

use warnings;
use strict;

use FindBin;
use Test::More;

chdir "$FindBin::Bin/.." or die "chdir: $!\n";

my @files = map { chomp; $_ }
    `find config ngx_event_router_module t docs -type f -not -name '.*'`;

cmp_ok(scalar(@files), '>', 200, 'there are files');

my @pages = ('README.md', 'CONTRIBUTING.md', 'SECURITY.md',
    grep { m{^docs/.*\.md$} } @files);
my @code = grep { m{^ngx_event_router_module/.*\.(?:[ch]|lua)$} } @files;

# names that are not those of files of ours

my %other = map { $_ => 1 } 'objs/ngx_er_redis_lua.c', 'objs/ngx_er_pages.c';

my %tails;

for my $file (@files) {
    my $name = $file;

    do { $tails{$name} = 1 } while $name =~ s{^[^/]*/}{};
}

is_deeply([ named(text($_)) ], [], "$_: names files that are there")
    for @pages;

my @stale = map { my $file = $_; map { "$file: $_" } named(comments($file)) }
            @code;

is_deeply(\@stale, [], 'so do the comments of the code');

# and a name that is not there is found

is_deeply([ named("see lane.c, fan.c and store/file/none.h; \"t/fault.t\"") ],
    [ 'fan.c', 'store/file/none.h' ], 'others are found');

done_testing();


# the names in a text that no file has

sub named {
    my ($text) = @_;

    my %seen;

    return grep { !$tails{$_} && !$other{$_} && !/^ngx_/ && !$seen{$_}++ }
        $text =~ m{(?<![\w/.*<-])
                   ((?:[a-z_]+/)*[a-z][a-z_0-9]*\.(?:c|h|lua|t|pm))\b
                   (?![/(])}xg;
}


sub text {
    my ($file) = @_;

    open my $f, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}


sub comments {
    my ($file) = @_;

    my $text = text($file);

    return $file =~ /\.lua$/ ? join "\n", $text =~ /--(.*)/g
                             : join "\n", $text =~ m{/\*(.*?)\*/}sg;
}
