#!/usr/bin/perl

# Copyright (C) Event Router contributors

# perl embed.pl [--pages DIR] >ngx_er_pages.c
#
# The pages for people as a C file, for observe/console.c.  The file "order"
# beside this one has of each page its name and, a line each, the skeleton, the
# style and the scripts.
#
# The scripts are joined in this order in one function, so that nothing of them
# is global, and they and the style are put into the skeleton, where {{style}}
# and {{script}} stand.  Lines that are comments only, empty lines and
# indentation go: a script has no text of several lines.  Of each page there
# are its bytes, packed by gzip, a tag of them (ETag) and the policy (CSP) that
# lets this style and this script run, by their hashes, and nothing else.
#
# With --pages the pages are written into DIR as they are, NAME.html.

use warnings;
use strict;

use Digest::SHA qw(sha256 sha256_hex);
use File::Basename qw(dirname);
use IO::Compress::Gzip qw(gzip $GzipError);
use MIME::Base64 qw(encode_base64);

use constant MAX => 150 * 1024;        # bytes of a page, unpacked

my @policy = (
    "default-src 'none'", "connect-src 'self'", 'img-src data:',
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"
);

my $dir;

if (@ARGV == 2 && $ARGV[0] eq '--pages') {
    $dir = $ARGV[1];

} elsif (@ARGV) {
    die "perl embed.pl [--pages DIR]\n";
}

chdir dirname(__FILE__) or die "embed.pl: $!\n";

print "\n/* made by observe/console/embed.pl; do not edit */\n\n\n",
      "#include <ngx_config.h>\n#include <ngx_core.h>\n" if !defined $dir;

for my $part (split /^(?=\w)/m, slurp('order') =~ s/^#.*\n//mgr) {
    my ($name, @files) = split /[:\s]+/, $part;

    next if !@files;

    my ($page, $policy) = page(@files);

    die "embed.pl: $name has ", length $page, " bytes, more than ", MAX, "\n"
        if length $page > MAX;

    if (defined $dir) {
        open my $f, '>:raw', "$dir/$name.html" or die "$dir/$name.html: $!\n";
        print $f $page;
        close $f or die "$dir/$name.html: $!\n";

    } else {
        print c($name, $page, $policy);
    }
}


sub page {
    my ($skeleton, $style, @scripts) = @_;

    @scripts = grep { -f } @scripts;

    my $css = bare($style);
    my $js = "(function () {\n'use strict';\nconst er = {};\n"
             . join('', map { bare($_) } @scripts) . "})();\n";
    my $page = bare($skeleton);

    $page =~ s/\{\{style\}\}/$css/ or die "$skeleton: no {{style}}\n";
    $page =~ s/\{\{script\}\}/$js/ or die "$skeleton: no {{script}}\n";

    return ($page, join '; ', @policy, "style-src '" . hash($css) . "'",
                              "script-src '" . hash($js) . "'");
}


sub bare {
    my ($file) = @_;

    my $text = slurp($file);

    die "$file: an end of an inline script or style, or a byte beyond ASCII\n"
        if $file !~ /html$/ && $text =~ m{</(?:script|style)|[^\n -~]}i;

    $text =~ s{^\s*/\*.*?\*/\s*$}{}msg;
    $text =~ s{^\s*//.*$}{}mg;
    $text =~ s{^[ ]+}{}mg;
    $text =~ s{^<!--.*?-->$}{}msg;
    $text =~ s{\n{2,}}{\n}g;
    $text =~ s{^\n}{};

    return $text;
}


sub hash {
    my ($text) = @_;

    return 'sha256-' . encode_base64(sha256($text), '');
}


# the same bytes from the same sources: no time and no system in the header

sub c {
    my ($name, $page, $policy) = @_;

    my $packed;

    gzip(\$page, \$packed, -Level => 9, -Minimal => 1)
        or die "embed.pl: gzip: $GzipError\n";

    my $bytes = join ', ', unpack 'C*', $packed;
    my $tag = substr sha256_hex($page), 0, 16;

    $bytes =~ s/(.{60,74},) /$1\n    /g;

    return "\n\nstatic u_char  ngx_er_page_${name}_gzip[] = {\n    $bytes\n};\n"
           . "\n\nngx_str_t  ngx_er_page_$name\[] = {\n"
           . "    { sizeof(ngx_er_page_${name}_gzip), "
           . "ngx_er_page_${name}_gzip },\n"
           . "    ngx_string(\"W/\\\"$tag\\\"\"),\n"
           . "    ngx_string(\"$policy\")\n};\n";
}


sub slurp {
    my ($file) = @_;

    open my $f, '<:raw', $file or die "$file: $!\n";
    local $/;

    return <$f>;
}
