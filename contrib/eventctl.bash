# Completion of eventctl in bash: commands, options, and names of targets and
# sources, which eventctl asks nginx for.  Source it from ~/.bashrc, or let
# "make install-eventctl" put it where bash-completion looks.

_eventctl() {
    local IFS=$'\n'

    # bash ends a word at "=" and ":", which eventctl does not

    COMPREPLY=($("${COMP_WORDS[0]}" --complete $((COMP_CWORD - 1)) \
        "${COMP_WORDS[@]:1}" 2>/dev/null))
}

complete -o default -F _eventctl eventctl
