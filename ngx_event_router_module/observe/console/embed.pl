#!/usr/bin/perl

# Copyright (C) Event Router contributors

# perl embed.pl [--pages DIR] >ngx_er_pages.c
#
# The pages for people as a C file, for observe/console.c.  The file "order"
# beside this one has of each page its name and, a line each, the skeleton, the
# styles and the scripts.
#
# The scripts are joined in this order in one function, so that nothing of them
# is global, and they and the styles are put into the skeleton, where {{style}}
# and {{script}} stand.  Comments go, and blanks and ends of lines that mean
# nothing.  Of each page there are its bytes, packed by gzip, a tag of them
# (ETag) and the policy (CSP) that lets this style and this script run, by their
# hashes, and nothing else.
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
    my ($skeleton, @files) = @_;

    my @scripts = grep { /js$/ } @files;
    my $css = join '', map { css($_) } grep { /css$/ } @files;
    my $js = "(function(){'use strict';const er={};\n"
             . join('', map { js($_) } @scripts) . "})();\n";
    my $page = slurp($skeleton);

    $page =~ s/\{\{style\}\}/$css/ or die "$skeleton: no {{style}}\n";
    $page =~ s/\{\{script\}\}/$js/ or die "$skeleton: no {{script}}\n";

    return ($page, join '; ', @policy, "style-src '" . hash($css) . "'",
                              "script-src '" . hash($js) . "'");
}


# what would end the script or the style is refused, in texts, too

sub text {
    my ($file) = @_;

    my $text = slurp($file);

    die "$file: an end of an inline script or style, or a byte beyond ASCII\n"
        if $text =~ m{</(?:script|style)|[^\n -~]}i;

    return $text;
}


sub css {
    my ($file) = @_;

    my $text = text($file);

    $text =~ s{/\*.*?\*/}{}sg;
    $text =~ s{\s+}{ }g;
    $text =~ s{ ?([{};,]) ?}{$1}g;
    $text =~ s{([\w-]): }{$1:}g;
    $text =~ s{\}}{\}\n}g;

    return $text;
}


# A script is a row of words, texts, regular expressions and signs.  A blank
# stands between two words, and an end of a line where it might end a
# statement.  "/" begins a regular expression where no value ends.

sub js {
    my ($file) = @_;

    my $text = text($file);
    my ($out, $last, $gap) = ('', ';', '');

    while ($text =~ m{\G(?:(?<gap>\s+|//[^\n]*|/\*.*?\*/)
                          |(?<text>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"
                                   |`(?:[^`\\]|\\.)*`)
                          |(?<word>[\w\$]+)
                          |(?<regex>(?(?{ begins($last) })
                                    /(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/
                                    \w*|(?!)))
                          |(?<sign>\+\+|--|=>|[^\s\w]))}xsgc)
    {
        if (defined $+{gap}) {
            $gap = $+{gap} =~ /\n/ || $gap eq "\n" ? "\n" : ' ';
            next;
        }

        my $token = $+{text} // $+{word} // $+{regex} // $+{sign};

        # shorter, and the same of a script that runs

        $token = 'let' if $token eq 'const';

        $gap = '' if $gap eq ' ' && !("$last$token" =~ /^[+-]{2,}/
                                      || ($last =~ /[\w\$]$/
                                          && $token =~ /^[\w\$]/));
        $gap = '' if $gap eq "\n" && ($last =~ /^(?:=>|[{(\[,;:?=&|<>!*%])$/
                                      || $token =~ /^[})\],.;:?=&|*%]/);

        $out .= $gap . $token;
        ($last, $gap) = ($token, '');
    }

    die "$file: cannot be read at byte ", pos $text, "\n"
        if (pos $text // 0) != length $text;

    return "$out\n";
}


sub begins {
    my ($last) = @_;

    return $last =~ /^(?:return|typeof|case|in|of|=>|[({\[,;:?=&|<>!*%+-])$/;
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
