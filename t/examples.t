#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every docs/examples/*.conf is a whole nginx.conf that passes "nginx -t"
# without a warning.  What an example reads from secrets/ is made up here.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(basename);
use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";

for my $file (sort glob "$root/docs/examples/*.conf") {
    my $name = basename($file);
    my $t = Test::EventRouter->new;

    open my $f, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$f> };

    my $line = $ENV{TEST_NGINX_STATIC} ? '' : 'load_module ' . $t->_module
                                              . ';';

    like($text, qr/^load_module\s+modules\/\S+;$/m, "$name loads the module");
    $text =~ s/^load_module\s+modules\/\S+;$/$line/m;

    $t->write_file("conf/$1", 's3cret-of-the-example')
        while $text =~ m{file:(secrets/[\w.-]+)}g;

    mkdir $t->dir . '/temp';
    $t->write_file('conf/nginx.conf', $text);

    my ($ok, $said) = $t->check_config;

    ok($ok, "$name passes") or diag($said);
    unlike($said, qr/\[(?:warn|error|crit|alert|emerg)\]/,
        "$name without a warning");
}

done_testing();
